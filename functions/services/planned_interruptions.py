"""Planned interruptions: what announced work cost customers, by the ledger that kept it from being an incident."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from functions.domain.anomalies import Anomaly, Kind, Phase
from functions.domain.intake import PLANNED
from functions.domain.interruptions import MOMENTARY_S, interrupted
from functions.domain.reliability import EventLog
from functions.ports import AnomalyStore, Clock, IncidentStore

KEPT_S = 119 * 86_400
"""The ledger and the anomalies behind it are kept for 120 days: what began before is not known for certain."""
MOST_LINES = 200_000
"""Of the ledger; beyond it planned interruptions are left out rather than waited for."""
WITHOUT_SUPPLY = frozenset({Kind.power_off.name, Kind.no_reads.name})
"""A meter below announced work that is silent has no supply, as far as anybody can tell."""


class PlannedInterruptions:
    """Work orders as events: each feeder's meters that lost power while an order explained it, until they had it back.

    Those that stayed dark beyond the order were released and are an incident, whose cause says that it was planned.
    """

    def __init__(self, incidents: IncidentStore, anomalies: AnomalyStore, clock: Clock) -> None:
        self._incidents = incidents
        self._anomalies = anomalies
        self._clock = clock

    async def log(self, start: int, end: int) -> EventLog | None:
        """Events that began in a period; `end` is exclusive. None where they are not known for all of it."""
        now = self._clock.now()
        if start < now - KEPT_S:
            return None
        lines = await self._incidents.suppressions(None, MOST_LINES + 1, start)
        if len(lines) > MOST_LINES:
            return None
        orders = {
            (line.feeder_id, line.anomaly_id): line.source_id
            for line in lines
            if line.reason.startswith(PLANNED) and line.released_at is None
        }
        if not orders:
            return EventLog.of([])
        losses: dict[tuple[str, str], dict[str, _Loss]] = defaultdict(dict)
        # A feeder at a time: a storm's darkness in the whole utility is more than a process holds.
        for feeder_id in sorted({feeder_id for feeder_id, _ in orders}):
            for record in await self._anomalies.between(start, end, WITHOUT_SUPPLY, feeder_id):
                order = orders.get((feeder_id, record.anomaly_id))
                if order is not None:
                    losses[feeder_id, order].setdefault(record.anomaly_id, _Loss(record)).note(record)
        events = (_event(feeder_id, list(found.values()), now) for (feeder_id, _), found in losses.items())
        return EventLog.of([event for event in events if start <= event.start[0]])


class _Loss:
    """One loss of supply, from the two records of its anomaly."""

    def __init__(self, record: Anomaly) -> None:
        self.meter_id = record.meter_id
        self.start = record.start
        self.end: int | None = None

    def note(self, record: Anomaly) -> None:
        """Take the more exact time that a record has."""
        if record.phase == Phase.closed:
            self.end = record.ended_at
        else:
            self.start = record.began_at


def _event(feeder_id: str, losses: list[_Loss], now: int) -> EventLog:
    start = np.array([each.start for each in losses], np.int64)
    end = np.array([now if each.end is None else each.end for each in losses], np.int64)
    cost = interrupted([each.meter_id for each in losses], start, end)
    lasting = (end - start) > MOMENTARY_S
    return EventLog(
        feeder_id=np.array([feeder_id]),
        start=np.array([start.min()]),
        sustained=np.array([cost.sustained]),
        customer_min=np.array([cost.customer_seconds / 60]),
        momentary=np.array([cost.momentary]),
        momentary_events=np.array([cost.momentary_events]),
        customers=(frozenset(each.meter_id for each, lasts in zip(losses, lasting, strict=True) if lasts),),
    )
