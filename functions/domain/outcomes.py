"""What becomes of a record: every record of a batch ends in exactly one outcome, so the counts add up."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

import msgspec


class Outcome(IntEnum):
    """Where a record ended."""

    applied = 0
    """It changed the meter's window."""
    duplicate = 1
    """The slot was taken already; the first committed value stands."""
    late = 2
    """Older than the meter's window: not scored."""
    quarantined = 3
    """Refused with a reason and kept for people to look at."""
    dead_lettered = 4
    """Could not be read or processed at all; kept whole, to be replayed."""


class Reason(StrEnum):
    """Why a record was refused."""

    bad_body = "the body is not readable JSON with a feeder_id and readings"
    bad_record = "the record is not an object with meter_id, timestamp and a value"
    bad_id = "an id is 1 to 64 printable characters without / \\ ? # or :"
    bad_interval = "interval_s is a whole number of seconds from 1 to 86400"
    interval_changed = "the meter reports at another interval_s than before; confirm the change on the roster"
    unequal_columns = "the columns of the event differ in length"
    bad_timestamp = "the timestamp is neither epoch seconds nor ISO 8601"
    naive_timestamp = "the timestamp has no zone; send UTC with a Z"
    future_timestamp = "the timestamp is more than an hour ahead of the clock"
    too_old = "the timestamp is older than seven days"
    sentinel = "the value is a meter's code for 'no value' (NaN, 4294967.295, -1)"
    impossible_value = "the value is outside what a low-voltage meter can measure"
    no_value = "the reading carries neither voltage nor energy"
    roster_full = "too many unknown meters on this feeder within an hour; load the roster"
    bad_event_code = "the device event code is not in the code table"


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """A refused record, kept so that nothing is lost."""

    feeder_id: str
    meter_id: str
    reason: str
    outcome: str
    record: str
    """The record as it came, cut at 2,000 characters."""


RECORD_CHARACTERS = 2_000


class Tally:
    """Counts of records by outcome.

    >>> tally = Tally()
    >>> tally.add(Outcome.applied, 2)
    >>> tally.add(Outcome.late)
    >>> tally.received, tally.as_dict()["late"]
    (3, 1)
    """

    def __init__(self) -> None:
        self._counts: Counter[Outcome] = Counter()

    def add(self, outcome: Outcome, count: int = 1) -> None:
        """Count `count` more records of this outcome."""
        self._counts[outcome] += count

    def merge(self, other: Tally) -> None:
        """Add another tally to this one."""
        self._counts.update(other._counts)

    @property
    def received(self) -> int:
        """How many records were received: the sum over all outcomes."""
        return sum(self._counts.values())

    def as_dict(self) -> dict[str, int]:
        """Counts by the outcome's name, all of them, zeros included."""
        return {outcome.name: self._counts[outcome] for outcome in Outcome}


@dataclass
class BatchReport:
    """What became of a batch."""

    events: int = 0
    tally: Tally = field(default_factory=Tally)
    reasons: Counter[str] = field(default_factory=Counter)
    """Why records were refused, counted."""
    windows: int = 0
    anomalies: int = 0
    lag_s: int | None = None
    """How long the newest event of the batch has waited in the hub; None when the hub did not say."""
    missing_events: int = 0
    """Sequence numbers skipped since this process read the partition last; another one may have had them."""
    sequence_numbers: dict[str, list[int]] = field(default_factory=dict)
    """Of the events, by partition: over all processes they tell what was never delivered to any."""
    stage_ms: Counter[str] = field(default_factory=Counter)
    """Time spent, by stage."""
