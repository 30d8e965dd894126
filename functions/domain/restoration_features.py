"""Features of an outage: one definition, used to train the model of restoration times and to serve it.

Hours enter as logarithms, since an outage of ten hours differs from one of five as one of two from one of one. The
utility's estimate enters only relative to the level of its recent estimates: a utility changes its habits, and a model
that knows its estimates by their size is wrong from that day on. The day of the year is left out: with a few years to
learn from it names the storms of those years (measured; docs/restoration.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.domain.restoration_words import Cause, Crew

if TYPE_CHECKING:
    from functions.domain.restoration import Facts

Column = NDArray[np.float64]
HOUR_S, DAY_S = 3_600, 86_400
SHORTEST_H = 1 / 60
"""A minute: shorter spans of time are noise of the clock."""
CAUSES = (Cause.unknown, Cause.investigating, Cause.planned, Cause.equipment, Cause.weather, Cause.emergency)
"""Causes with outages enough to learn from; the others are what is left when none of these holds."""
CREWS = (Crew.assigned, Crew.en_route, Crew.assessing, Crew.repair_sent, Crew.on_site)
COUNTS = (
    *("near_open", "near_restored", "circuit_open", "circuit_new"),
    *("area_open", "area_new", "area_restored", "all_open", "all_new", "all_restored"),
)


class Columns(NamedTuple):
    """Facts of `n` outages, a column `[n] float64` a fact, NaN where it is not known; fields as in `Facts`."""

    start: Column
    now: Column
    first_seen: Column
    planned: Column
    cause: Column
    crew: Column
    crew_since: Column
    crew_changes: Column
    customers: Column
    customers_first: Column
    utc_offset_s: Column
    estimate: Column
    estimate_first: Column
    revisions: Column
    revised_at: Column
    usual_remaining: Column
    usual_total: Column
    area_pace: Column
    near_open: Column
    near_restored: Column
    near_restored_h: Column
    near_pace: Column
    circuit_open: Column
    circuit_new: Column
    area_open: Column
    area_new: Column
    area_restored: Column
    all_open: Column
    all_new: Column
    all_restored: Column


FEATURES = (
    *("elapsed", "seen_after", "planned", *(f"cause_{each.name}" for each in CAUSES)),
    *(*(f"crew_{each.name}" for each in CREWS), "crew_age", "crew_changes"),
    *("customers", "customers_left", "hour", "weekday"),
    *("estimate_remaining", "estimate_total", "estimate_overdue", "estimate_moved", "revisions", "revision_age"),
    *("area_pace", "near_restored_h", "near_pace", *COUNTS),
)


def columns(facts: Sequence[Facts]) -> Columns:
    """Facts in columns."""
    return Columns(*(np.array([getattr(each, name) for each in facts], np.float64) for name in Columns._fields))


def is_planned(known: Columns) -> NDArray[np.bool_]:
    """Which outages are planned work, `[n]`: as told, or else by their cause."""
    by_cause = np.isnan(known.planned) & (known.cause == Cause.planned)
    planned: NDArray[np.bool_] = by_cause | (known.planned == 1)
    return planned


def features(known: Columns) -> NDArray[np.float32]:
    """Features `[n, k] float32` in the order of `FEATURES`; NaN where a fact is not known."""
    values = {
        "elapsed": _log1p((known.now - known.start) / HOUR_S),
        "seen_after": _log1p((known.first_seen - known.start) / HOUR_S),
        "planned": is_planned(known),
        **{f"cause_{each.name}": known.cause == each for each in CAUSES},
        **{f"crew_{each.name}": known.crew == each for each in CREWS},
        "crew_age": _log1p((known.now - known.crew_since) / HOUR_S),
        "crew_changes": known.crew_changes,
        "customers": _log1p(known.customers),
        "customers_left": _log1p(known.customers) - _log1p(known.customers_first),
        **_clock(known),
        **_estimate(known),
        "area_pace": known.area_pace,
        "near_restored_h": _log1p(known.near_restored_h),
        "near_pace": known.near_pace,
        **{name: _log1p(getattr(known, name)) for name in COUNTS},
    }
    return np.column_stack([values[name] for name in FEATURES]).astype(np.float32)


def _clock(known: Columns) -> dict[str, Column]:
    local = known.now + known.utc_offset_s
    thursday = 3  # the weekday of the epoch
    return {"hour": local % DAY_S / HOUR_S, "weekday": (local // DAY_S + thursday) % 7}


def _estimate(known: Columns) -> dict[str, Column]:
    remaining, total = (known.estimate - known.now) / HOUR_S, (known.estimate - known.start) / HOUR_S
    moved = (known.estimate - known.estimate_first) / HOUR_S
    return {
        "estimate_remaining": np.where(remaining > 0, log_hours(remaining), np.nan) - known.usual_remaining,
        "estimate_total": log_hours(total) - known.usual_total,
        "estimate_overdue": _log1p(-remaining),
        "estimate_moved": np.sign(moved) * _log1p(np.abs(moved)),
        "revisions": known.revisions,
        "revision_age": _log1p((known.now - known.revised_at) / HOUR_S),
    }


def log_hours(hours: Column) -> Column:
    """Logarithm of hours, of a minute at least."""
    return np.log(np.maximum(hours, SHORTEST_H))


def _log1p(values: Column) -> Column:
    return np.log1p(np.maximum(values, 0))
