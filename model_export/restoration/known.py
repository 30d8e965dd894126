"""What was known of an outage at a moment: the facts of `functions/domain/restoration.py`, from the records.

Nothing later than the moment is read: of the updates only those published by then, of other outages only that they had
been seen, or were gone, by then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from functions.domain.errors import InputError
from functions.domain.restoration_features import Columns, is_planned
from functions.domain.restoration_words import Cause
from model_export.restoration.neighbours import neighbours
from model_export.restoration.recent import recent

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from model_export.restoration.events import Events

    Integers = NDArray[np.int64]

MEASURED_H = (0, 1, 2, 4)
"""Hours after the start at which forecasts are measured; 0 is first sight."""
TAUGHT_H = (*MEASURED_H, 8, 16, 32)
HOUR_S = 3_600


@dataclass(frozen=True)
class Moments:
    """Moments of prediction `[r]` in the order of time, of outages that count and are on."""

    event: Integers
    now: Integers
    elapsed_h: Integers
    """One of `TAUGHT_H`."""
    remaining_h: NDArray[np.float64]
    planned: NDArray[np.bool_]
    known: Columns

    def __len__(self) -> int:
        return len(self.now)

    def of(self, rows: NDArray[np.bool_]) -> Moments:
        """Only the moments of `rows[r]`."""
        known = Columns(*(each[rows] for each in self.known))
        arrays = (self.event, self.now, self.elapsed_h, self.remaining_h, self.planned)
        return Moments(*(each[rows] for each in arrays), known)

    def knowing(self, known: Columns) -> Moments:
        """The same moments, with other facts known."""
        return replace(self, known=known)


def moments(events: Events, time_zone: str, advance: Callable[[float], None]) -> Moments:
    """Every moment of prediction, with what was known at it; `advance` is told shares of the work."""
    event, now, hours = _when(events)
    place = _latest(events, event, now)
    facts = _published(events, event, place) | {"utc_offset_s": _offsets(now, time_zone)}
    facts |= {"now": now, "start": events.start[event], "first_seen": events.first_seen[event]}
    facts |= neighbours(events, event, now)
    advance(0.5)
    facts |= recent(events, event, now, facts["planned"] == 1)
    advance(0.5)
    known = Columns(**{name: np.asarray(facts[name], np.float64) for name in Columns._fields})
    return Moments(event, now, hours, (events.end[event] - now) / HOUR_S, is_planned(known), known)


def _when(events: Events) -> tuple[Integers, Integers, Integers]:
    counted = np.flatnonzero(events.counts)
    parts = []
    for hours in TAUGHT_H:
        now = events.start[counted] + hours * HOUR_S if hours else events.first_seen[counted]
        on = (now >= events.first_seen[counted]) & (now < events.end[counted])
        parts.append((counted[on], now[on], np.full(int(on.sum()), hours)))
    event, now, hours = (np.concatenate(each) for each in zip(*parts, strict=True))
    order = np.lexsort((event, now))
    return event[order], now[order], hours[order]


def _latest(events: Events, event: Integers, now: Integers) -> Integers:
    """Place of the last update published by `now`; −1 where there is none."""
    updates = events.updates
    key = updates.event << 32 | updates.moment
    place = np.searchsorted(key, event << 32 | now, "right") - 1
    return np.where((place >= 0) & (updates.event[place] == event), place, -1)


def _published(events: Events, event: Integers, place: Integers) -> dict[str, NDArray]:
    updates = events.updates
    begins = np.concatenate(([True], np.diff(updates.event) != 0))
    first = np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))
    revised = _changed(updates.estimate, begins) & (np.roll(updates.estimate, 1) > 0)
    moved = _changed(updates.crew, begins)
    told = place >= 0
    at, start = np.maximum(place, 0), first[np.maximum(place, 0)]

    def last(changed: NDArray[np.bool_]) -> Integers:
        return updates.moment[np.maximum.accumulate(np.where(changed | begins, np.arange(len(begins)), 0))[at]]

    def number(changed: NDArray[np.bool_]) -> Integers:
        total = np.cumsum(changed)
        return total[at] - total[start]

    def given(values: NDArray) -> NDArray:
        return np.where(told & (values > 0), values, np.nan)

    def where_told(values: NDArray) -> NDArray:
        return np.where(told, values, np.nan)

    cause = np.where(told, updates.cause[at], Cause.unknown)
    return {
        "cause": cause,
        "planned": events.planned[event] | (cause == Cause.planned),
        "crew": np.where(told, updates.crew[at], 0),
        "crew_since": where_told(last(moved)),
        "crew_changes": where_told(number(moved)),
        "customers": given(updates.customers[at]),
        "customers_first": given(updates.customers[start]),
        "estimate": given(updates.estimate[at]),
        "estimate_first": given(updates.estimate[start]),
        "revisions": where_told(number(revised)),
        "revised_at": where_told(last(revised)),
    }


def _changed(values: Integers, begins: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return (values != np.roll(values, 1)) & ~begins


def _offsets(now: Integers, time_zone: str) -> Integers:
    """Seconds that local time is ahead of UTC, `[r]`."""
    try:
        zone = ZoneInfo(time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise InputError(f"{time_zone} is no time zone; give a name such as America/Los_Angeles") from None
    hours, inverse = np.unique(now // HOUR_S, return_inverse=True)
    offsets = [datetime.fromtimestamp(hour * HOUR_S, zone).utcoffset().total_seconds() for hour in hours.tolist()]
    return np.array(offsets, np.int64)[inverse]
