"""Recent levels of a utility, learnt record by record in the order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from functions.domain.restoration_features import log_hours
from functions.domain.restoration_levels import Levels
from model_export.restoration.events import EARLIEST_S, LATEST_S

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.restoration.events import Events

AREA_DEG = 0.5
HOUR_S = 3_600
RESTORED, ASKED, ESTIMATED = range(3)
"""What happens at the same second happens in this order: an outage's own estimate is no part of the level before it."""


def recent(
    events: Events, event: NDArray[np.int64], now: NDArray[np.int64], planned: NDArray[np.bool_]
) -> dict[str, NDArray]:
    """The facts `usual_*` and `area_pace` of outages `event[r]` at `now[r]`."""
    over, told = np.flatnonzero(events.teaches), np.flatnonzero(_has_estimate(events))
    moment = np.concatenate((events.gone[over], now, events.first_seen[told]))
    kind = np.repeat((RESTORED, ASKED, ESTIMATED), (len(over), len(now), len(told)))
    nth = np.concatenate((over, np.arange(len(now)), told))
    order = np.lexsort((kind, moment))
    lasted, ahead, total = (
        log_hours((end - begin) / HOUR_S).tolist()
        for end, begin in (
            (events.end, events.start), (events.estimate, events.first_seen), (events.estimate, events.start)
        )
    )  # fmt: skip
    areas, groups, asked = _areas(events), events.planned.tolist(), planned.tolist()
    levels, facts, outage = Levels(), np.full((len(now), 3), np.nan), event.tolist()
    for what, which in zip(kind[order].tolist(), nth[order].tolist(), strict=True):
        if what == RESTORED:
            levels.restored(groups[which], areas[which], lasted[which])
        elif what == ESTIMATED:
            levels.estimated(groups[which], ahead[which], total[which])
        else:
            facts[which] = *levels.usual(asked[which]), levels.area_pace(areas[outage[which]])
    return dict(zip(("usual_remaining", "usual_total", "area_pace"), facts.T, strict=True))


def _has_estimate(events: Events) -> NDArray[np.bool_]:
    late = events.first_seen - events.start
    return (events.estimate > events.first_seen) & (late >= EARLIEST_S) & (late <= LATEST_S) & ~events.safety


def _areas(events: Events) -> list[str]:
    rows, columns = (np.floor(np.nan_to_num(each) / AREA_DEG).astype(int) for each in (events.lat, events.lon))
    return [f"{row},{column}" for row, column in zip(rows.tolist(), columns.tolist(), strict=True)]
