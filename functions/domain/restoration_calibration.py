"""Trailing calibration: quantiles that hold as often as they say, whatever has changed since the model was trained.

Every quantile of every cell (planned or not, and how long the outage had lasted) has a shift in log hours. When it
becomes known whether an outage was over by the moment a quantile named, the shift moves a step: the online quantile
tracking of adaptive conformal inference (Gibbs and Candès 2021; Angelopoulos, Candès and Tibshirani 2023). That moment
is the outage's end, or the named moment itself if the power is still off then; waiting for ends only would learn from
short outages first, and promise too early in every storm.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

LEVELS = np.array([0.1, 0.5, 0.8, 0.9])
"""Probabilities of the quantiles, as `restoration.QUANTILES`."""
AGES_H = (1.0, 2.0, 4.0)
"""Ages of an outage, in hours, at which another cell begins."""
HOUR_S = 3_600
CELLS = 2 * (len(AGES_H) + 1)
STEP = 0.005
"""Log hours a lesson moves a shift by at most: a few hundred outages to follow a change of a fifth. Larger steps follow
sooner and wander more; 0.02 costs a percentage point of pinball loss on the records of docs/restoration.md."""
BOUND = 1.5
"""Log hours a shift may reach: beyond a factor of four and a half the model is to be trained again."""


class Lesson(NamedTuple):
    """Whether one quantile of one forecast held: `over`, the power was back by the moment it named."""

    cell: int
    quantile: int
    over: bool


class Calibration(msgspec.Struct, frozen=True):
    """Shifts in log hours, a quantile after the other within a cell; begins with none, and is kept as JSON."""

    shifts: tuple[float, ...] = (0.0,) * (CELLS * len(LEVELS))

    def hours(self, log_hours: NDArray[np.float32], cells: NDArray[np.int64]) -> NDArray[np.float64]:
        """Hours `[n, 4]` of the model's log hours `[n, 4]`, shifted and in order."""
        shifts = np.array(self.shifts).reshape(CELLS, len(LEVELS))
        ordered: NDArray[np.float64] = np.sort(log_hours + shifts[cells], axis=1)
        return np.exp(ordered)

    def after(self, lessons: Iterable[Lesson]) -> Calibration:
        """The calibration after lessons that are known by now.

        >>> late = Lesson(cell=0, quantile=2, over=False)
        >>> round(Calibration().after([late]).shifts[2], 4)
        0.004
        """
        shifts = list(self.shifts)
        for cell, quantile, over in lessons:
            place = cell * len(LEVELS) + quantile
            moved = shifts[place] + STEP * (float(LEVELS[quantile]) - over)
            shifts[place] = min(max(moved, -BOUND), BOUND)
        return Calibration(tuple(shifts))


def cell_of(planned: NDArray[np.bool_], elapsed_h: NDArray[np.float64]) -> NDArray[np.int64]:
    """Cells `[n]` of outages that had lasted `elapsed_h` hours.

    >>> cell_of(np.array([False, True]), np.array([0.2, 5.0])).tolist()
    [0, 7]
    """
    return np.asarray(planned, np.int64) * (len(AGES_H) + 1) + np.searchsorted(AGES_H, elapsed_h, "right")


def lessons(
    cell: int, made_at: int, hours: Sequence[float], after: int, now: int, end: int | None = None
) -> list[Lesson]:
    """What a forecast of `hours` teaches at `now` that it did not teach at `after`, when it was last looked at.

    With no `end` yet, a quantile whose moment has passed did not hold; with one, all that were still open are settled.

    >>> lessons(0, 0, (0.5, 1.0, 2.0, 3.0), after=0, now=4000)
    [Lesson(cell=0, quantile=0, over=False), Lesson(cell=0, quantile=1, over=False)]
    >>> lessons(0, 0, (0.5, 1.0, 2.0, 3.0), after=4000, now=9000, end=8000)
    [Lesson(cell=0, quantile=2, over=False), Lesson(cell=0, quantile=3, over=True)]
    """
    due = [made_at + ahead * HOUR_S for ahead in hours]
    settled = [moment > after and (end is not None or moment <= now) for moment in due]
    return [
        Lesson(cell, quantile, end is not None and end <= moment)
        for quantile, moment in enumerate(due)
        if settled[quantile]
    ]
