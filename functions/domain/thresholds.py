"""Thresholds: how high a score must be before it is an anomaly of this meter.

Two bars, and a window must clear both: the alert budget, which is the same for every meter, and the 99th percentile of
the meter's own normal scores of a week. Until a meter has 24 scores, the fallback stands for its own: the highest score
there is, so that a model raises nothing about a meter it does not know. Rules speak from the first reading.

A percentile near the top needs only the top: with at most 168 scores the 99th lies between the third and the first
largest. Those three are kept, and the history is read again only when one of them leaves it. Scores are remembered in
steps of a twentieth, a byte each; the percentile is exact for what is remembered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from functions.domain.packs import HISTORY, TOP, Records

PERCENTILE = 99
MINIMUM_SCORES = 24
HIGHEST_SCORE = 12.0
"""Models cap their scores here: one healthy window in a million million is as far as a tail can be trusted."""
TEACHES_BELOW = 3.0
"""One healthy window in a thousand scores higher; such windows raise nothing yet, but do not teach either."""
SCORE_STEP = 0.05
"""Scores are remembered in these steps: 0 to 12 in a byte."""
DEFAULT_BUDGET = 5.0
"""False alerts per 1,000 meters a day an operator accepts by default."""
SECONDS_PER_DAY = 86_400
_SATURATED = np.uint16(3 * HISTORY)  # keeps `history_n % HISTORY` the ring position without overflowing


def budget_score(
    alerts_per_1000_meters_day: float, interval_s: NDArray[np.integer], alerts_per_window: float = 1.0
) -> NDArray[np.float32]:
    """Score (−log10 of a tail probability) that healthy windows exceed as often as the budget allows, `[n]`.

    Windows that overlap exceed it together and make one alert: `alerts_per_window` is the extremal index (Leadbetter,
    Lindgren and Rootzén: Extremes, 1983), alerts over windows above the bar.

    >>> budget_score(5.0, np.array([900])).round(2).tolist()
    [4.28000020980835]
    """
    windows = 1000 * SECONDS_PER_DAY / interval_s
    return np.log10(windows * alerts_per_window / alerts_per_1000_meters_day).astype(np.float32)


def remember(state: Records, rows: NDArray[np.int64], score: NDArray[np.float32]) -> None:
    """Add one normal score to the history of each of `rows` (each row once); the oldest of a full history leaves."""
    count = state["history_n"][rows]
    place = count % HISTORY
    new = np.clip(np.round(score / np.float32(SCORE_STEP)), 0, np.iinfo(np.uint8).max).astype(np.uint8)
    leaving = state["history"][rows, place]
    top = state["top"][rows]
    state["history"][rows, place] = new
    state["history_n"][rows] = np.where(count + 1 >= _SATURATED, _SATURATED - HISTORY, count + 1)

    merged = np.sort(np.column_stack((top, new)), axis=1)[:, :0:-1]
    lost_one = np.flatnonzero((count >= HISTORY) & (leaving >= top[:, -1]))
    if len(lost_one):
        kept = state["history"][rows[lost_one]]
        merged[lost_one] = np.sort(np.partition(kept, HISTORY - TOP, axis=1)[:, -TOP:], axis=1)[:, ::-1]
    state["top"][rows] = merged


def own_percentile(state: Records, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """99th percentile (linear between ranks) of each row's history, `[n]`; −inf below 24 scores."""
    count = np.minimum(state["history_n"][rows], HISTORY).astype(np.float32)
    from_top = np.maximum(count - 1, 0) * np.float32((100 - PERCENTILE) / 100)
    upper = from_top.astype(np.int64)
    share = from_top - upper
    top = state["top"][rows].astype(np.float32) * np.float32(SCORE_STEP)
    each = np.arange(len(rows))
    enough = count >= MINIMUM_SCORES
    high, low = top[each, upper], top[each, np.minimum(upper + 1, top.shape[1] - 1)]
    result = np.full(len(rows), -np.inf, np.float32)
    result[enough] = high[enough] * (1 - share[enough]) + low[enough] * share[enough]
    return result
