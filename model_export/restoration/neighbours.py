"""Other outages near an outage, in the square of nine cells about it, as they were known at a moment."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from functions.domain.restoration_features import log_hours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.restoration.events import Events

    Integers = NDArray[np.int64]

NEAR_DEG, CIRCUIT_DEG, AREA_DEG = 0.01, 0.03, 0.25
"""Sides of a cell: about 1, 3 and 25 km."""
SNAPSHOT_S, HOUR_S, DAY_S = 600, 3_600, 86_400


def neighbours(events: Events, event: Integers, now: Integers) -> dict[str, NDArray]:
    """The facts `near_*`, `circuit_*`, `area_*` and `all_*` of outages `event[r]` at `now[r]`."""
    near, circuit, area, everywhere = (_Square(events, size) for size in (NEAR_DEG, CIRCUIT_DEG, AREA_DEG, None))
    restored, lasted = near.restored(event, now, DAY_S)
    last = near.last_restored(event, now)
    facts = {
        "near_open": near.open(event, now),
        "near_restored": restored,
        "near_restored_h": np.where(last > 0, (now - last) / HOUR_S, np.nan),
        "near_pace": np.where(restored > 0, lasted / np.maximum(restored, 1), np.nan),
        "circuit_open": circuit.open(event, now),
        "circuit_new": circuit.seen(event, now, SNAPSHOT_S),
    }
    for name, square in (("area", area), ("all", everywhere)):
        facts |= {
            f"{name}_open": square.open(event, now),
            f"{name}_new": square.seen(event, now, HOUR_S),
            f"{name}_restored": square.restored(event, now, 2 * HOUR_S)[0],
        }
    return facts


class _Square:
    """Outages by cell and time; every count is a difference of places in two sorted lists."""

    def __init__(self, events: Events, size: float | None) -> None:
        self._cell, self._around = _cells(events, size)
        self._seen = np.sort(self._cell << 32 | events.first_seen)
        gone = self._cell << 32 | events.gone
        order = np.argsort(gone, kind="stable")
        self._gone, self._gone_at = gone[order], events.gone[order]
        lasted = log_hours((events.end[order] - events.start[order]) / HOUR_S)
        self._lasted = np.concatenate(([0.0], np.cumsum(lasted)))

    def open(self, event: Integers, now: Integers) -> Integers:
        """Others seen and not gone."""
        total = sum(
            np.searchsorted(self._seen, to, "right") - np.searchsorted(self._gone, to, "right")
            - (np.searchsorted(self._seen, begin) - np.searchsorted(self._gone, begin))
            for begin, to in self._ranges(event, now)
        )  # fmt: skip
        return np.maximum(total - 1, 0)

    def seen(self, event: Integers, now: Integers, within_s: int) -> Integers:
        """First seen within the last seconds, the outage itself too."""
        return sum(
            np.searchsorted(self._seen, to, "right") - np.searchsorted(self._seen, to - within_s, "right")
            for _, to in self._ranges(event, now)
        )

    def restored(self, event: Integers, now: Integers, within_s: int) -> tuple[Integers, NDArray[np.float64]]:
        """Gone within the last seconds, and the sum of the log hours they lasted."""
        count, lasted = np.zeros(len(now), np.int64), np.zeros(len(now))
        for _, to in self._ranges(event, now):
            low, high = (np.searchsorted(self._gone, each, "right") for each in (to - within_s, to))
            count += high - low
            lasted += self._lasted[high] - self._lasted[low]
        return count, lasted

    def last_restored(self, event: Integers, now: Integers) -> Integers:
        """When the last one went; 0 where none has."""
        last = np.zeros(len(now), np.int64)
        for begin, to in self._ranges(event, now):
            place = np.searchsorted(self._gone, to, "right")
            any_gone = place > np.searchsorted(self._gone, begin)
            last = np.maximum(last, np.where(any_gone, self._gone_at[np.maximum(place - 1, 0)], 0))
        return last

    def _ranges(self, event: Integers, now: Integers) -> list[tuple[Integers, Integers]]:
        cells = [self._cell[event] + step for step in self._around]
        return [(cell << 32, cell << 32 | now) for cell in cells]


def _cells(events: Events, size: float | None) -> tuple[Integers, list[int]]:
    """Cell of every outage, and the steps to it and its neighbours; one cell for all where `size` is None."""
    if size is None:
        return np.zeros(len(events.start), np.int64), [0]
    rows, columns = (np.floor(np.nan_to_num(each) / size).astype(np.int64) for each in (events.lat, events.lon))
    rows, columns = rows - rows.min() + 1, columns - columns.min() + 1
    width = int(columns.max()) + 2
    return rows * width + columns, [row * width + column for row in (-1, 0, 1) for column in (-1, 0, 1)]
