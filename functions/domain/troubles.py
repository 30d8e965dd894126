"""Troubles: what is wrong at one meter, from the signal that showed it until the incident it belongs to is over."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import msgspec

from functions.domain.anomalies import Anomaly, Kind, Phase, Signal
from functions.domain.episodes import hold_slots
from functions.domain.incidents import Member

STABILITY_S = 15 * 60
"""Power that stays for a quarter of an hour has come to stay: until then a relapse is the same interruption."""
SECOND_LOOK_S = 60
"""Nothing is told in the minute in which it was heard: what takes it back may be on its way with it."""
RELEASE_LAG_S = 30 * 60
"""What was explained until now is known to last only when the readings after it have come: one of a quarter of an hour
covers fifteen minutes and arrives at their end."""
POWER_OFF = Kind.power_off.name
PRESUMED = ":presumed:"
"""In the id of what a silent meter below a device that is out is told by; ids of meters hold no colon."""
CERTAIN = 99.0
"""A score that no weather explains."""


class Nature(StrEnum):
    """What sort of trouble it is."""

    supply = "supply"
    """Dark or silent."""
    voltage = "voltage"
    meter = "meter"


NATURE = {
    Kind.power_off.name: Nature.supply,
    Kind.no_reads.name: Nature.supply,
    Kind.sag.name: Nature.voltage,
    Kind.swell.name: Nature.voltage,
    Kind.stuck.name: Nature.meter,
    Kind.unusual.name: Nature.meter,
    Kind.tamper.name: Nature.meter,
}


class Trouble(msgspec.Struct, kw_only=True, array_like=True):
    """One open anomaly of a feeder's board. Times are seconds since the epoch, as exact as they are known.

    Stored without field names, for a storm has thousands: append fields, with defaults, and never reorder them.
    """

    anomaly_id: str
    meter_id: str
    customer_id: str
    transformer_id: str
    kind: str
    start: int
    heard_at: int
    score: float
    threshold: float
    signal: str = ""
    end: int | None = None
    exact_end: bool = False
    """The meter itself said when; otherwise a reading showed it, up to an interval late."""
    ended_heard_at: int = 0
    incident_id: str = ""
    nested_in: str = ""
    """The incident it was left over from."""
    listed: bool = False
    """A member chunk of its incident names it."""
    told: bool = False
    """Its customer was told of the outage."""
    told_back: bool = False
    """Its customer was told of the restoration."""
    believed: bool = False
    """Silence that was found to be darkness."""
    overran: bool = False
    """Planned work explained it, and it has lasted longer."""
    release_at: int = 0
    """Of one that is explained: when its explanation has run out and an end of it would have been heard."""
    wait_until: int = 0
    """Its customer is told nothing before: it may be over, or no news."""
    doubted_until: int = 0
    """Of a customer's report: its meter had power a moment ago, and may say so again until then."""
    lapsed: bool = False
    """Of a customer's report: nobody has said anything for so long that it tells nothing any more."""
    promised: int | None = None
    """When its customer was told that power comes back; 0 when nothing could be said, None when nothing was."""
    promised_at: int = 0
    """When they were told so."""

    @property
    def presumed(self) -> bool:
        """Whether its meter has said nothing: its customer was told, and no anomaly was raised."""
        return PRESUMED in self.anomaly_id

    @property
    def nature(self) -> Nature:
        """What sort of trouble it is."""
        return NATURE[self.kind]

    @property
    def strong(self) -> bool:
        """Whether it is darkness for certain, not silence."""
        return self.kind == POWER_OFF or self.believed or self.exact_end

    @property
    def was_dark(self) -> bool:
        """Whether the meter itself said when power was back: then it was not its modem that failed."""
        return self.exact_end and self.nature is Nature.supply

    @property
    def stable_at(self) -> int:
        """When its end has lasted; raises `TypeError` while it has none."""
        assert self.end is not None
        return max(self.end + STABILITY_S, self.ended_heard_at + SECOND_LOOK_S)

    def member(self, start: int | None = None, end: int | None = None) -> Member:
        """Its line in a member chunk, with better times if the incident knows some."""
        return Member(
            anomaly_id=self.anomaly_id,
            meter_id=self.meter_id,
            customer_id=self.customer_id,
            transformer_id=self.transformer_id,
            kind=self.kind,
            start=self.start if start is None else start,
            end=self.end if end is None else end,
        )

    def as_anomaly(self, feeder_id: str, *, certain: bool = False) -> Anomaly:
        """The anomaly it came from, to be assessed again; a certain one is beyond weather and habit."""
        return Anomaly(
            id=f"{self.anomaly_id}:{Phase.opened}",
            anomaly_id=self.anomaly_id,
            phase=Phase.opened,
            meter_id=self.meter_id,
            customer_id=self.customer_id,
            transformer_id=self.transformer_id,
            feeder_id=feeder_id,
            kind=self.kind,
            start=self.start,
            end=None,
            score=CERTAIN if certain else self.score,
            threshold=self.threshold,
            why="",
            raised_at=self.heard_at,
            signal=self.signal,
        )


def release_lag(kind: str, interval_s: int) -> int:
    """Seconds after which one that has ended is known to have: its hold, and the time its readings take to come."""
    hold = 0 if NATURE[kind] is Nature.supply else hold_slots(Kind[kind], interval_s) * interval_s
    return hold + RELEASE_LAG_S


def trouble_of(anomaly: Anomaly, now: int) -> Trouble:
    """What an opened anomaly puts on the board. Raises `KeyError` for a kind this release does not know."""
    signal = anomaly.signal
    if not signal and NATURE[anomaly.kind] is Nature.supply:
        # Records of earlier releases do not say how darkness was noticed.
        signal = Signal.zero_voltage if anomaly.kind == Kind.power_off.name else Signal.silence
    return Trouble(
        anomaly_id=anomaly.anomaly_id,
        meter_id=anomaly.meter_id,
        customer_id=anomaly.customer_id,
        transformer_id=anomaly.transformer_id,
        kind=anomaly.kind,
        start=anomaly.began_at,
        heard_at=now,
        score=anomaly.score,
        threshold=anomaly.threshold,
        signal=signal,
    )


def in_order(troubles: Iterable[Trouble]) -> list[Trouble]:
    """By start, then by id: the order in which everything is decided, whatever order it was heard in."""
    return sorted(troubles, key=lambda each: (each.start, each.anomaly_id))


def clusters(troubles: Iterable[Trouble], gap_s: int) -> list[list[Trouble]]:
    """Troubles that belong together in time.

    They begin within `gap_s` of one another and overlap; and a meter that relapses stays where it was.
    """
    if len(order := in_order(troubles)) == 1:
        return [order]
    found: list[list[Trouble]] = []
    reach: list[tuple[int, float]] = []
    last_of_meter: dict[str, tuple[int, Trouble]] = {}
    for trouble in order:
        before = last_of_meter.get(trouble.meter_id)
        where = _relapse(before, trouble)
        if where is None:
            # A meter that was back for good is out for a reason of its own.
            been = before[0] if before is not None and before[1].end is not None else None
            near = (n for n in reversed(range(len(found))) if trouble.start - reach[n][0] <= gap_s and n != been)
            where = next((n for n in near if trouble.start <= reach[n][1]), None)
        if where is None:
            where = len(found)
            found.append([])
            reach.append((trouble.start, 0.0))
        found[where].append(trouble)
        until = float("inf") if trouble.end is None else trouble.end + STABILITY_S
        reach[where] = trouble.start, max(reach[where][1], until)
        last_of_meter[trouble.meter_id] = where, trouble
    return found


def _relapse(before: tuple[int, Trouble] | None, trouble: Trouble) -> int | None:
    if before is None or before[1].end is None or trouble.start > before[1].end + STABILITY_S:
        return None
    return before[0]
