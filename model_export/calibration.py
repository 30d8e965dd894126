"""Calibration: from a raw score to −log10 of the probability that a healthy window scores as high.

A rising line through the tail's quantiles, written as a sum of hinges `slope · max(x − knot, 0)`, which is three
operators in the graph. Beyond the last quantile the line goes on with the slope of the last decade: an exponential
tail, as the peaks-over-threshold method has it in the simplest case.

No slope is steeper than float32 can follow. The graph's raw score is off by a few roundings of its largest value, and a
slope multiplies that error: where quantiles lie too close together (a head that has hardly learnt says nearly the same
of every window), the line would make a score of differences that are not there, and the graph could not keep the parity
it has to prove. There the line runs below the quantiles, at the steepest slope allowed, until it meets them again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from functions.domain.errors import InputError
from model_export.golden import TOLERANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVELS = np.concatenate(([0.0, 0.1, 0.2, 0.3, 0.5, 0.75], np.arange(1.0, 6.01, 0.25)))
"""Where the line bends, in −log10 of the tail probability."""
WINDOWS_BEYOND = 30
"""A quantile needs this many windows beyond it to be believed."""
LAST_DECADE = 1.0
RAW_ROUNDINGS = 2
"""Error of a nearly constant raw score in float32, in roundings (2⁻²⁴) of its largest value; measured: 1.7."""
SECOND_SLOPE = 8
"""Slope with which the calibration of the weighted sum passes that on; measured: 2, or 7 where the head is mute."""
STEEPEST = TOLERANCE / (RAW_ROUNDINGS * SECOND_SLOPE * 2.0**-24)
"""Bound, about 10, of weight × slope × largest raw score (at least 1): the final score's error stays in `TOLERANCE`."""


@dataclass(frozen=True)
class Calibration:
    """`y = Σ slope · max(x − knot, 0)`; rising, and 0 up to the first knot. Arrays `[k] float32`."""

    knot: NDArray[np.float32]
    slope: NDArray[np.float32]

    def __call__(self, raw: NDArray[np.floating]) -> NDArray[np.float64]:
        """Calibrated scores `[n]`, in float64: the reference of what the graph does in float32."""
        result = np.zeros(len(raw))
        for knot, slope in zip(self.knot.astype(np.float64), self.slope.astype(np.float64), strict=True):
            result += slope * np.maximum(raw - knot, 0)
        return result


IDENTITY = Calibration(np.zeros(1, np.float32), np.ones(1, np.float32))
NOTHING = Calibration(np.zeros(1, np.float32), np.zeros(1, np.float32))
"""Of a component that says nothing."""


def fit_calibration(healthy: NDArray[np.floating], weight: float = 1.0) -> Calibration:
    """Fit to the raw scores `[n]` of healthy windows that the model has not seen.

    `weight` is the share of the calibrated score in what is made of it: the less it counts, the steeper it may be.
    Raises `InputError` if all windows score the same.
    """
    deepest = np.log10(len(healthy) / WINDOWS_BEYOND)
    levels = LEVELS[deepest >= LEVELS]
    knots = np.quantile(healthy.astype(np.float64), 1 - 10.0**-levels)
    # Of equal quantiles (a score with few values) the lowest level stands: it counts windows that score as high.
    keep = np.r_[True, np.diff(knots) > 0]
    knots, levels = knots[keep], levels[keep]
    if len(knots) < 2:
        raise InputError("the healthy windows all score the same; calibrate on more meters or days")
    levels = _within_reach(knots, levels, STEEPEST / (weight * max(1.0, float(np.abs(knots).max()))))
    slopes = np.diff(levels) / np.diff(knots)
    decade_ago = min(int(np.searchsorted(levels, levels[-1] - LAST_DECADE)), len(levels) - 2)
    tail = (levels[-1] - levels[decade_ago]) / (knots[-1] - knots[decade_ago])
    slopes = np.r_[slopes, tail]
    return Calibration(knots.astype(np.float32), np.diff(slopes, prepend=0.0).astype(np.float32))


def _within_reach(knots: NDArray[np.float64], levels: NDArray[np.float64], steepest: float) -> NDArray[np.float64]:
    """The highest levels `[k]` that are not above the given ones and rise no steeper than `steepest`."""
    reached = levels.copy()
    for each in range(1, len(knots)):
        reached[each] = min(levels[each], reached[each - 1] + steepest * (knots[each] - knots[each - 1]))
    return reached
