"""Restoration times: when the power will be back, as quantiles of the hours that remain.

What is known about an outage changes while it lasts: a crew is assigned, a cause is found, an hour passes. `Facts` is
what is known at one moment, and anything may be missing; the model answers with four quantiles of the logarithm of the
hours that remain, and the trailing calibration shifts them by what recent outages have shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.domain.restoration_calibration import Calibration, cell_of
from functions.domain.restoration_features import columns, features, is_planned
from functions.domain.restoration_words import Cause, Crew

QUANTILES = (0.1, 0.5, 0.8, 0.9)


class Quantiles(NamedTuple):
    """Hours until the power is back: each is not exceeded with the probability in its name, in per cent."""

    q10: float
    q50: float
    q80: float
    q90: float


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What is known about one outage at one moment; None is not known. Times are seconds since the epoch, UTC."""

    start: int
    now: int
    first_seen: int | None = None
    """When we, or the utility's map, first knew of it."""
    planned: bool | None = None
    """None: told by the cause."""
    cause: Cause = Cause.unknown
    crew: Crew = Crew.unknown
    crew_since: int | None = None
    crew_changes: int | None = None
    customers: int | None = None
    customers_first: int | None = None
    utc_offset_s: int | None = None
    """Of local time at `now`: nights and weekends are slower."""

    estimate: int | None = None
    """The utility's own estimate of the end as it stands."""
    estimate_first: int | None = None
    revisions: int | None = None
    revised_at: int | None = None
    """When the estimate became what it is."""
    usual_remaining: float | None = None
    """Log hours that the utility's first estimates have recently lain ahead (`restoration_levels`)."""
    usual_total: float | None = None
    """The same from the outage's start."""
    area_pace: float | None = None
    """Log of how much longer outages of the area have recently lasted than others (`restoration_levels`)."""

    near_open: float | None = None
    """Other outages open within about 1 km: the same transformer or lateral."""
    near_restored: float | None = None
    """Restored within the last day."""
    near_restored_h: float | None = None
    """Hours since the last of all was restored; None also when there was none."""
    near_pace: float | None = None
    """Mean log hours that those of the last day had lasted; None also when there was none."""
    circuit_open: float | None = None
    """Other outages open within about 3 km: the same feeder."""
    circuit_new: float | None = None
    """First seen there within the last ten minutes, this one too."""
    area_open: float | None = None
    """Other outages open within about 30 km: the same crews."""
    area_new: float | None = None
    """First seen there within the last hour, this one too."""
    area_restored: float | None = None
    """Restored within the last two hours."""
    all_open: float | None = None
    """Of the whole utility, as for the area."""
    all_new: float | None = None
    all_restored: float | None = None


class RestorationModel(Protocol):
    """Quantiles of log hours `[n, 4] float32`, in the order of `QUANTILES`, of features `[n, k] float32`."""

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Answer for `n` outages; `n` may be 0."""
        ...


class Forecast(NamedTuple):
    """The answer for one outage, with what the calibration has to know to learn from its end."""

    quantiles: Quantiles
    cell: int
    """Of the calibration: planned or not, and how long the outage had lasted."""


def forecast(model: RestorationModel, calibration: Calibration, facts: Sequence[Facts]) -> list[Forecast]:
    """When the power will be back, for each of `facts`; the same facts give the same answer in any company."""
    if not facts:
        return []
    known = columns(facts)
    cells = cell_of(is_planned(known), (known.now - known.start) / 3600)
    hours = calibration.hours(model(features(known)), cells)
    return [
        Forecast(Quantiles(*row), cell) for row, cell in zip(hours.tolist(), np.asarray(cells).tolist(), strict=True)
    ]
