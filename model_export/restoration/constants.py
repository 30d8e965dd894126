"""The best constant: always saying the quantiles of the outages trained on, by elapsed time and planned or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from functions.adapters.restoration_model import Constant
from functions.domain.restoration import QUANTILES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from model_export.restoration.known import Moments


def constants(moments: Moments, chosen: NDArray[np.bool_]) -> tuple[Constant, ...]:
    """Of the chosen moments `[r]`; a group that has none takes the quantiles of all of its elapsed time."""
    found = []
    for elapsed in np.unique(moments.elapsed_h[chosen]).tolist():
        age = chosen & (moments.elapsed_h == elapsed)
        for planned in (False, True):
            group = age & (moments.planned == planned)
            hours = np.quantile(moments.remaining_h[group if group.any() else age], QUANTILES)
            found.append(Constant(planned, elapsed, tuple(hours.tolist())))
    return tuple(found)


def constant_hours(moments: Moments, given: Sequence[Constant]) -> NDArray[np.float64]:
    """What the constants say `[r, 4]`; NaN for an elapsed time they do not know."""
    hours = np.full((len(moments), len(QUANTILES)), np.nan)
    for each in given:
        hours[(moments.elapsed_h == each.elapsed_h) & (moments.planned == each.planned)] = each.hours
    return hours
