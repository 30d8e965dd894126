"""Reports of outages by customers: a word from a phone becomes evidence beside what meters say."""

from __future__ import annotations

from functions.domain.anomalies import Anomaly, Kind, Phase, Signal, anomaly_id
from functions.domain.feeder_batch import DEFAULT_INTERVAL_S
from functions.domain.roster import METERS_PER_SHARD, Roster
from functions.domain.roster_row import RosterRow
from functions.ports import AnomalyStore, Clock, RosterStore
from functions.services.feeders import Feeders

MOST_METERS = 20
"""Of one customer in one report: who has more is no household, and does not report darkness by a word."""


class OutageReports:
    """A `ReportsOfOutage`: each of the customer's meters has lost its power, says the customer."""

    def __init__(self, rosters: RosterStore, feeders: Feeders, anomalies: AnomalyStore, clock: Clock) -> None:
        self._rosters = rosters
        self._feeders = feeders
        self._anomalies = anomalies
        self._clock = clock

    async def take(self, customer_id: str) -> int:
        """Insert a record for every meter of the customer; returns how many they have."""
        now = self._clock.now()
        meters: list[RosterRow] = []
        for feeder_id in await self._rosters.feeders_of(customer_id):
            meters += _meters_of(customer_id, await self._feeders.roster(feeder_id, now))
        meters = meters[:MOST_METERS]
        await self._anomalies.insert(_record(meter, now) for meter in meters)
        return len(meters)


def _meters_of(customer_id: str, roster: Roster) -> list[RosterRow]:
    return [
        roster.row(shard.shard * METERS_PER_SHARD + position)
        for shard in roster.shards
        for position, owner in enumerate(shard.customer_id)
        if owner == customer_id and not shard.retired[position]
    ]


def _record(meter: RosterRow, now: int) -> Anomaly:
    step = meter.interval_s or DEFAULT_INTERVAL_S
    slot = now // step
    name = f"{anomaly_id(meter.meter_id, Kind.power_off, slot)}:{Signal.customer_report}"
    return Anomaly(
        id=f"{name}:{Phase.opened}",
        anomaly_id=name,
        phase=Phase.opened,
        meter_id=meter.meter_id,
        customer_id=meter.customer_id,
        transformer_id=meter.transformer_id,
        feeder_id=meter.feeder_id,
        kind=Kind.power_off.name,
        start=slot * step,
        end=None,
        score=0.0,
        threshold=0.0,
        why="the customer reports that the power is out",
        raised_at=now,
        signal=Signal.customer_report,
    )
