"""Measures of forecasts: pinball loss against the best constant, coverage, and the error of the median."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from functions.domain.promises import promise
from functions.domain.restoration import QUANTILES
from model_export.restoration.known import HOUR_S, MEASURED_H
from model_export.restoration.results import Kept, Measured

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from model_export.restoration.events import Events
    from model_export.restoration.known import Moments

    Hours = NDArray[np.float64]

EVERY = "all"
DIGITS = 4
MEDIAN, PROMISED = QUANTILES.index(0.5), QUANTILES.index(0.8)
YEAR = "datetime64[Y]"


def pinball(remaining: Hours, hours: Hours) -> Hours:
    """Pinball loss `[n, 4]` in hours of quantiles `[n, 4]` (Koenker and Bassett 1978).

    >>> pinball(np.array([2.0]), np.array([[1.0, 2.0, 3.0, 3.0]])).round(2).tolist()
    [[0.1, 0.0, 0.2, 0.1]]
    """
    short = remaining[:, None] - hours
    levels = np.array(QUANTILES)
    return np.maximum(levels * short, (levels - 1) * short)


def measure(moments: Moments, tested: NDArray[np.bool_], hours: Hours, constant: Hours) -> tuple[Measured, ...]:
    """Of `hours[r, 4]` at the tested moments, for every group and year that has any."""
    return tuple(
        _measured(moments, rows, hours, constant, *names) for names, rows in _slices(moments, tested) if rows.any()
    )


def _slices(moments: Moments, tested: NDArray[np.bool_]) -> Iterator[tuple[tuple[str, str, int], NDArray[np.bool_]]]:
    years = moments.now.astype("datetime64[s]").astype(YEAR).astype(str)
    groups = {EVERY: tested, "planned": tested & moments.planned, "unplanned": tested & ~moments.planned}
    spans = [EVERY, *np.unique(years[tested]).tolist()]
    for elapsed in MEASURED_H:
        at = moments.elapsed_h == elapsed
        for group, members in groups.items():
            for span in spans if group == EVERY else (EVERY,):
                yield (group, span, elapsed), at & members & ((years == span) | (span == EVERY))


def _measured(
    moments: Moments, rows: NDArray[np.bool_], hours: Hours, constant: Hours, group: str, span: str, elapsed_h: int
) -> Measured:
    remaining, said = moments.remaining_h[rows], hours[rows]
    loss, usual = pinball(remaining, said).mean(), pinball(remaining, constant[rows]).mean()
    error = np.abs(said[:, MEDIAN] - remaining)
    utility = np.abs((moments.known.estimate[rows] - moments.now[rows]) / HOUR_S - remaining)
    utility = utility[~np.isnan(utility)]
    return Measured(
        group=group,
        span=span,
        elapsed_h=elapsed_h,
        outages=int(rows.sum()),
        pinball=_rounded(loss),
        gain=_rounded(1 - loss / usual),
        coverage=_rounded(((said[:, 0] <= remaining) & (remaining <= said[:, -1])).mean()),
        over=tuple(_rounded(share) for share in (remaining[:, None] <= said).mean(axis=0)),
        mean_error_h=_rounded(error.mean()),
        median_error_h=_rounded(np.median(error)),
        constant_error_h=_rounded(np.abs(constant[rows, MEDIAN] - remaining).mean()),
        within_hour=_rounded((error <= 1).mean()),
        utility_error_h=_rounded(utility.mean()) if len(utility) else 0.0,
        utility_median_error_h=_rounded(np.median(utility)) if len(utility) else 0.0,
        utility_within_hour=_rounded((utility <= 1).mean()) if len(utility) else 0.0,
    )


def kept(events: Events, moments: Moments, tested: NDArray[np.bool_], hours: Hours) -> Kept:
    """Promises made at every tested moment, the next one of an outage knowing the one before."""
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    changes, ahead = 0, []
    places = np.flatnonzero(tested)
    rows = (moments.event, moments.now, moments.known.utc_offset_s.astype(np.int64))
    event, now, offset = (each[places].tolist() for each in rows)
    for outage, at, local, q80 in zip(event, now, offset, hours[places, PROMISED].tolist(), strict=True):
        before = last.get(outage)
        last[outage] = moment = promise(q80, at, before, local)
        if before is None:
            first[outage] = moment
            ahead.append(moment - at)
        changes += before is not None and moment != before
    outages = np.array(list(first))
    end = events.end[outages]
    return Kept(
        outages=len(first),
        first_kept=_rounded((end <= list(first.values())).mean()),
        utility_kept=_rounded((end <= events.estimate[outages]).mean()),
        last_kept=_rounded((end <= [last[outage] for outage in first]).mean()),
        changes=_rounded(changes / len(first)),
        median_ahead_h=_rounded(np.median(ahead) / HOUR_S),
    )


def _rounded(value: float) -> float:
    return round(float(value), DIGITS)
