"""Learning restoration times: what the outages of the whole utility have shown lately, in one document.

Every few minutes the newest revisions of its outages are set against the document. What was learnt and how far it was
learnt change in one conditional write, so that nothing teaches twice: nothing is delivered that might come again, and
of two who look at once the second finds the document changed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple

import msgspec
import numpy as np

from functions.domain.incidents import OVER, Incident, IncidentState
from functions.domain.restoration_calibration import Calibration, Lesson, cell_of, lessons
from functions.domain.restoration_features import log_hours
from functions.domain.restoration_levels import Levels
from functions.domain.restoration_words import Cause, cause_of

HOUR_S = 3_600
SURE_S = 30 * 60
"""A moment that is over for so long has passed with the power still off, if nobody has reported it back: an interval,
its readings' way, and the wait for a neighbour's."""
MOST_FOLLOWED = 5_000
"""Outages followed at a time, for the size of the document; in a larger storm the others teach nothing."""
RESTORED_S = 2 * HOUR_S
NEW_S = HOUR_S
QUANTILES = 4


class Said(NamedTuple):
    """One forecast: when, in which cell of the calibration, and the hours ahead of its quantiles."""

    made_at: int
    cell: int
    hours: tuple[float, ...]


class Followed(msgspec.Struct, frozen=True, array_like=True):
    """An outage that is on, as far as it teaches."""

    feeder_id: str
    area: str
    seen_at: int
    estimated: bool = False
    """The utility's first estimate has been learnt from."""
    said: tuple[Said, ...] = ()


class Gone(NamedTuple):
    """An outage that has ended: known when, where, and when it had been seen first."""

    at: int
    area: str
    seen_at: int


class Crowd(NamedTuple):
    """Outages of an area: on now, seen first within the last hour, restored within the last two."""

    open: int = 0
    new: int = 0
    restored: int = 0


class Learnt(msgspec.Struct, frozen=True, kw_only=True):
    """What the utility's outages have taught by a moment. Times are seconds since the epoch, UTC."""

    at: int = 0
    """When the outages were looked at last."""
    settled_until: int = 0
    """Forecasts have been held against the clock up to here."""
    calibration: Calibration = Calibration()
    levels: Levels = msgspec.field(default_factory=Levels)
    crowd: Crowd = Crowd()
    crowds: dict[str, Crowd] = {}
    """By substation."""
    following: dict[str, Followed] = {}
    """By incident id."""
    gone: tuple[Gone, ...] = ()
    etag: str | None = None


def learn(known: Learnt, outages: Sequence[Incident], now: int) -> Learnt:
    """What is known after a look at `now`.

    `outages` are the newest revisions of those that are on and of those followed that are so no more. Levels learn of
    an outage's end and of its first estimate, the calibration of every forecast that was followed; each once.
    """
    until = max(known.settled_until, now - SURE_S)
    levels, taught, following = deepcopy(known.levels), list[Lesson](), dict[str, Followed]()
    gone = [each for each in known.gone if each.at > now - RESTORED_S]
    room = MOST_FOLLOWED - len(known.following)
    for outage in sorted(outages, key=lambda each: (each.updated_at, each.incident_id)):
        before = known.following.get(outage.incident_id)
        if outage.state in OVER:
            if before is not None and _ended(outage):
                taught += _settle(before, known.settled_until, until, outage.restored_at)
                _learn_end(levels, before, outage)
                gone.append(Gone(now, before.area, before.seen_at))
        elif before is not None or (outage.confirmed_at is not None and room > 0):
            room -= before is None
            after = following[outage.incident_id] = _follow(before, outage, levels, until)
            back_at = until if outage.restored_at is None else outage.restored_at
            taught += _settle(after, known.settled_until, min(until, back_at), None)
    crowd, crowds = _crowds([each for each in outages if _is_on(each)], gone, now)
    return Learnt(
        at=now,
        settled_until=until,
        calibration=known.calibration.after(taught),
        levels=levels,
        crowd=crowd,
        crowds=crowds,
        following=following,
        gone=tuple(gone),
        etag=known.etag,
    )


def is_planned(outage: Incident) -> bool:
    """Whether an outage is planned work, which its cause tells."""
    return cause_of(outage.cause) is Cause.planned


def _ended(outage: Incident) -> bool:
    return outage.state is IncidentState.closed and outage.restored_at is not None and not outage.momentary


def _is_on(outage: Incident) -> bool:
    return outage.confirmed_at is not None and outage.restored_at is None and outage.state not in OVER


def _settle(followed: Followed, after: int, until: int, end: int | None) -> list[Lesson]:
    return [
        lesson
        for each in followed.said
        for lesson in lessons(each.cell, each.made_at, each.hours, after=after, now=until, end=end)
    ]


def _follow(before: Followed | None, outage: Incident, levels: Levels, until: int) -> Followed:
    """An outage that is on, with the forecast it bears if that is one to be followed."""
    seen_at = outage.confirmed_at or outage.started_at
    followed = before or Followed(outage.feeder_id, outage.substation_id, seen_at)
    estimated = followed.estimated
    if outage.utility_estimate is not None and not estimated:
        estimated = True
        if outage.utility_estimate > outage.updated_at:
            ahead = [(outage.utility_estimate - each) / HOUR_S for each in (outage.updated_at, outage.started_at)]
            levels.estimated(is_planned(outage), *log_hours(np.array(ahead)).tolist())
    said = followed.said
    new = _said(outage)
    # One that was overlooked for long is not followed: those like it that have ended meanwhile would not be, either.
    if new is not None and new.made_at > until and _is_next(said, new, outage.started_at):
        said = (*said, new)
    return Followed(followed.feeder_id, followed.area, followed.seen_at, estimated, said)


def _said(outage: Incident) -> Said | None:
    """The forecast an outage bears; one whose power seems back bears that of its confirmation."""
    if len(outage.restoration_quantiles) != QUANTILES or outage.confirmed_at is None:
        return None
    made_at = outage.updated_at if outage.restored_at is None else outage.confirmed_at
    elapsed = np.array([(made_at - outage.started_at) / HOUR_S])
    (cell,) = cell_of(np.array([is_planned(outage)]), elapsed).tolist()
    return Said(made_at, cell, outage.restoration_quantiles)


def _is_next(said: Sequence[Said], new: Said, start: int) -> bool:
    """Forecasts are followed as the model was taught: at first sight and after 1, 2, 4, 8 … hours."""
    return not said or _doublings(new.made_at - start) > _doublings(said[-1].made_at - start)


def _doublings(age_s: int) -> int:
    return (max(age_s, 0) // HOUR_S).bit_length()


def _learn_end(levels: Levels, followed: Followed, outage: Incident) -> None:
    assert outage.restored_at is not None
    lasted = np.array((outage.restored_at - outage.started_at) / HOUR_S)
    levels.restored(is_planned(outage), followed.area, float(log_hours(lasted)))


def _crowds(on: Sequence[Incident], gone: Sequence[Gone], now: int) -> tuple[Crowd, dict[str, Crowd]]:
    seen = [(each.substation_id, each.confirmed_at or 0) for each in on]
    ended = [(each.area, each.seen_at) for each in gone]
    new = [each for each in (*seen, *ended) if each[1] > now - NEW_S]
    open_, fresh, restored = (Counter(area for area, _ in each) for each in (seen, new, ended))
    areas = (open_.keys() | fresh.keys() | restored.keys()) - {""}
    by_area = {area: Crowd(open_[area], fresh[area], restored[area]) for area in sorted(areas)}
    return Crowd(len(seen), len(new), len(ended)), by_area
