"""Evaluation: trained on the outages before a day, measured on those after it, in the order of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from functions.adapters.restoration_model import OnnxRestorationModel
from functions.domain.errors import InputError
from functions.domain.restoration_features import Columns, features
from functions.domain.restoration_words import Cause, Crew
from model_export.restoration.constants import constant_hours, constants
from model_export.restoration.fitting import Plan, fit
from model_export.restoration.known import HOUR_S, MEASURED_H, moments
from model_export.restoration.measures import kept, measure
from model_export.restoration.results import Found, origin
from model_export.restoration.trailing import trailing_hours

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from functions.adapters.restoration_model import Constant
    from functions.domain.restoration import RestorationModel
    from model_export.restoration.events import Events
    from model_export.restoration.known import Moments
    from model_export.restoration.results import Measured

    Advance = Callable[[float], None]
    Rows = NDArray[np.bool_]

ENOUGH_OUTAGES = 1_000
"""Before the split, to train on them; with fewer the shipped model is measured."""
ESTIMATE_FIELDS = ("estimate", "estimate_first", "revisions", "revised_at", "usual_remaining", "usual_total")
PLACE_FIELDS = tuple(name for name in Columns._fields if name.startswith(("near_", "circuit_", "area_", "all_")))
SAMPLED = 4
"""Every so-manieth outage is forecast with less known."""
EXAMPLE_STEPS = 5
"""Forecasts an outage must have had to be the example."""


class Evaluated(NamedTuple):
    """Results, and the forecasts they were computed from."""

    found: Found
    moments: Moments
    tested: Rows
    hours: NDArray[np.float64]
    """Quantiles `[r, 4]` of all moments; NaN at those not tested."""


def evaluate(
    events: Events,
    source: str,
    split: int,
    stage: Callable[[str], Advance],
    *,
    time_zone: str,
    plan: Plan | None = None,
    robustness: bool = True,
) -> Evaluated:
    """Train before `split` (seconds since the epoch), forecast after it, and measure.

    Raises
    ------
    InputError
        No outage that counts lies after the split.
    """
    known = moments(events, time_zone, stage("what was known"))
    start, gone = events.start[known.event], events.gone[known.event]
    taught, tested = gone < split, start >= split
    measured = tested & np.isin(known.elapsed_h, MEASURED_H)
    if not measured.any():
        raise InputError(f"{source} holds no outage that counts after the split; give a later file or --split earlier")
    model, usual, how, outages = _model(known, taught, plan or Plan(), stage)
    constant = constant_hours(known, usual)

    hours = _forecast(events, known, tested, model, stage("forecasts"))
    plain = np.exp(np.sort(model(features(known.of(measured).known)), axis=1))
    robust = _robust(events, known, tested, model, constant, stage("with less known")) if robustness else ()
    found = Found(
        origin=origin(),
        source=source,
        model=how,
        trained_outages=outages,
        measured=measure(known, measured, hours, constant),
        plain=measure(known, measured, _spread(plain, measured), constant),
        robust=robust,
        kept=kept(events, known, tested, hours),
        example=_example(events, known, tested, hours),
    )
    return Evaluated(found, known, measured, hours)


def _model(
    known: Moments, taught: Rows, plan: Plan, stage: Callable[[str], Advance]
) -> tuple[RestorationModel, Sequence[Constant], str, int]:
    outages = len(np.unique(known.event[taught]))
    if outages >= ENOUGH_OUTAGES:
        boosted = fit(known, taught, plan, stage("training"))
        return boosted, constants(known, taught), "trained on the outages before the split", outages
    shipped = OnnxRestorationModel()
    manifest = shipped.manifest
    return shipped, manifest.constants, f"the shipped model {manifest.sha256[:12]}", manifest.outages


def _forecast(
    events: Events, known: Moments, tested: Rows, model: RestorationModel, advance: Advance
) -> NDArray[np.float64]:
    after = known.of(tested)
    return _spread(trailing_hours(events, after, model(features(after.known)), advance), tested)


def _spread(hours: NDArray[np.float64], rows: Rows) -> NDArray[np.float64]:
    result = np.full((len(rows), hours.shape[1]), np.nan)
    result[rows] = hours
    return result


def _robust(
    events: Events,
    known: Moments,
    tested: Rows,
    model: RestorationModel,
    constant: NDArray[np.float64],
    advance: Advance,
) -> tuple[tuple[str, tuple[Measured, ...]], ...]:
    sample = tested & (known.event % SAMPLED == 0)
    measured = sample & np.isin(known.elapsed_h, MEASURED_H)
    poorer = _poorer(known, tested)
    found = []
    for name, less in poorer:
        hours = _forecast(events, less, sample, model, lambda share: advance(share / len(poorer)))
        found.append((name, measure(less, measured, hours, constant)))
    return tuple(found)


def _poorer(known: Moments, tested: Rows) -> list[tuple[str, Moments]]:
    """The same moments with something that serving may not have; planned work stays the group it is measured in."""
    nothing = np.full(len(known), np.nan)
    words = {
        "cause": np.where(tested, Cause.other, known.known.cause),
        "crew": np.where(tested, Crew.other, known.known.crew),
    }
    unsaid = words | {"planned": np.where(tested, 0.0, known.known.planned)}
    estimate = dict.fromkeys(ESTIMATE_FIELDS, nothing)
    place = dict.fromkeys(PLACE_FIELDS, nothing)
    less: dict[str, dict[str, NDArray]] = {
        "everything": {},
        "words for cause and crew never seen": words,
        "the same, and planned work not told": unsaid,
        "no estimate of the utility": estimate,
        "nothing known of other outages": place,
        "nothing known but elapsed time and hour": {
            **unsaid, **estimate, **place,
            **dict.fromkeys(("customers", "customers_first", "crew_since", "crew_changes"), nothing),
        },
    }  # fmt: skip
    return [(name, known.knowing(known.known._replace(**values))) for name, values in less.items()]


def _example(events: Events, known: Moments, tested: Rows, hours: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    """An outage of the middle of the tested ones that had many forecasts, as hours since first sight."""
    event, times = np.unique(known.event[tested], return_counts=True)
    long = event[times >= min(EXAMPLE_STEPS, times.max())]
    outage = long[len(long) // 2]
    rows = np.flatnonzero(tested & (known.event == outage))
    since = (known.now[rows] - events.first_seen[outage]) / HOUR_S
    estimate = (known.known.estimate[rows] - events.first_seen[outage]) / HOUR_S
    end = np.full(len(rows), (events.end[outage] - events.first_seen[outage]) / HOUR_S)
    table = np.column_stack((since, since[:, None] + hours[rows], np.nan_to_num(estimate), end))
    return tuple(tuple(round(value, 3) for value in row) for row in table.tolist())
