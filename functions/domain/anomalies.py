"""What an anomaly is: its kinds, its record and its identity.

An anomaly is written twice, never changed: once when it opens and once when it closes. Both records carry the same
`anomaly_id`; their own `id` ends in the phase, so that a replay inserts nothing new.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum

import msgspec


class Kind(IntEnum):
    """Kinds of anomaly. The value is the column of the pack's flag arrays: append, never renumber."""

    power_off = 0
    no_reads = 1
    sag = 2
    swell = 3
    stuck = 4
    unusual = 5
    tamper = 6


KINDS = frozenset(kind.name for kind in Kind)
SLOTS_OF_KINDS = 8
"""Columns kept for kinds in a pack; the last belongs to no kind (`packs.RESTORED`)."""


class Phase(StrEnum):
    """Which of its two records this is."""

    opened = "opened"
    closed = "closed"


class Signal(StrEnum):
    """How darkness was noticed."""

    last_gasp = "last_gasp"
    """The meter said so while it lost its power."""
    zero_voltage = "zero_voltage"
    """A meter that lives on read no voltage."""
    silence = "silence"
    """It is overdue: its modem is the likelier fault."""
    customer_report = "customer_report"
    """The customer said so, not the meter, which cannot say when it is over."""


class Anomaly(msgspec.Struct, frozen=True, kw_only=True):
    """One record of an anomaly. Times are seconds since the epoch, UTC."""

    id: str
    anomaly_id: str
    phase: Phase
    meter_id: str
    customer_id: str
    transformer_id: str
    feeder_id: str
    kind: str
    start: int
    end: int | None
    score: float
    threshold: float
    why: str
    raised_at: int
    provisional: bool = False
    """The roster does not confirm its meter: never a reason for an outage."""
    signal: str = ""
    """`Signal` of `power_off` and `no_reads`; empty for every other kind."""
    at: int | None = None
    """When the device event came that opened or closed it; None when a reading or the clock did."""

    @property
    def began_at(self) -> int:
        """When it began, as exactly as is known."""
        return self.start if self.at is None or self.phase == Phase.closed else self.at

    @property
    def ended_at(self) -> int | None:
        """When it ended, as exactly as is known; None while it lasts."""
        return self.at if self.at is not None and self.phase == Phase.closed else self.end


def merge_phases(records: Iterable[Anomaly]) -> list[Anomaly]:
    """One record an anomaly, by start: the opened one, with the end and the worst score of the closed one, if any."""
    merged: dict[tuple[str, str], Anomaly] = {}
    for record in sorted(records, key=lambda each: (each.start, each.anomaly_id, each.phase == Phase.closed)):
        identity = record.feeder_id, record.anomaly_id
        opened = merged.setdefault(identity, record)
        if record.phase == Phase.closed:
            worst = max(opened.score, record.score)
            merged[identity] = msgspec.structs.replace(opened, end=record.end, score=worst)
    return list(merged.values())


def anomaly_id(meter_id: str, kind: Kind, start_slot: int) -> str:
    """Identity of an anomaly: the same meter, kind and first slot always give the same id.

    >>> anomaly_id("M-1", Kind.sag, 42)
    'M-1:sag:42'
    """
    return f"{meter_id}:{kind.name}:{start_slot}"
