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


CUSTOMER_REPORT = "customer_report"
"""A `power_off` that a customer told us of, not their meter."""


class Phase(StrEnum):
    """Which of its two records this is."""

    opened = "opened"
    closed = "closed"


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
    """How darkness was noticed, where that is said: `CUSTOMER_REPORT`."""


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
