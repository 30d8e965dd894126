"""Forecasts as they would have been given: calibrated, hour by hour, by what was known by then."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

import numpy as np

from functions.domain.restoration import QUANTILES
from functions.domain.restoration_calibration import Calibration, Lesson, cell_of
from functions.domain.restoration_features import is_planned

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from model_export.restoration.events import Events
    from model_export.restoration.known import Moments

HOUR_S = 3_600


def trailing_hours(
    events: Events, moments: Moments, log_hours: NDArray[np.float32], advance: Callable[[float], None]
) -> NDArray[np.float64]:
    """Calibrated hours `[r, 4]` of the model's log hours `[r, 4]`; moments in the order of time.

    Whether a quantile held is known when its moment passes with the outage on the map, and else when it has gone.
    """
    cells = cell_of(is_planned(moments.known), (moments.now - events.start[moments.event]) / HOUR_S)
    gone, end = events.gone[moments.event], events.end[moments.event]
    last_seen = 2 * end - gone  # an end is taken to lie half way
    result = np.empty(log_hours.shape)
    calibration, waiting = Calibration(), []
    edges = np.concatenate(([0], np.flatnonzero(np.diff(moments.now // HOUR_S)) + 1, [len(moments)]))
    for begin, stop in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
        now, rows = int(moments.now[begin]), slice(begin, stop)
        lessons = []
        while waiting and waiting[0][0] <= now:
            lessons.append(Lesson(*heapq.heappop(waiting)[1:]))
        calibration = calibration.after(lessons)
        result[rows] = calibration.hours(log_hours[rows], cells[rows])
        due = moments.now[rows, None] + result[rows] * HOUR_S
        known = np.where(due >= last_seen[rows, None], gone[rows, None], due)
        over = due >= end[rows, None]
        for moment, cell, held in zip(known.tolist(), cells[rows].tolist(), over.tolist(), strict=True):
            for quantile in range(len(QUANTILES)):
                heapq.heappush(waiting, (moment[quantile], cell, quantile, held[quantile]))
        advance((stop - begin) / len(moments))
    return result
