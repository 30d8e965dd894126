"""Gradient-boosted quantiles of log hours (scikit-learn's histogram trees), a set of trees a quantile."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from threadpoolctl import threadpool_limits

from functions.domain.restoration import QUANTILES
from functions.domain.restoration_features import FEATURES, features, log_hours

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from model_export.restoration.known import Moments

    Rows = NDArray[np.bool_]

HIDDEN_SHARE = 0.15
"""Rows taught once more with facts hidden: what serving does not know must have been missing in training too."""
WORTH_THREADS = 100_000
"""Rows from which threads gain more than they wait for each other on a machine that is not theirs alone."""
TOLD_IN_WORDS = ("cause_", "crew_", "planned")
HIDEABLE = (
    TOLD_IN_WORDS,
    ("estimate_", "revision"),
    ("near_", "circuit_", "area_", "all_"),
    ("crew_age", "crew_changes", "seen_after"),
    ("customers", "hour", "weekday"),
)
"""Features that are missing together, by how their names begin. Words are never missing: to be unknown is a value."""


@dataclass(frozen=True)
class Plan:
    """How hard to try; the same plan and rows give the same trees."""

    rounds: int = 150
    rate: float = 0.1
    leaves: int = 31
    leaf_rows: int = 100
    rows: int | None = None
    """At most so many, drawn at random; None: all."""
    seed: int = 1


@dataclass(frozen=True)
class Boosted:
    """One regressor a quantile."""

    regressors: tuple[HistGradientBoostingRegressor, ...]

    def __call__(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Quantiles of log hours `[n, 4]` of features `[n, k]`: the graph's reference."""
        with _threads(len(inputs)):
            return np.column_stack([each.predict(inputs) for each in self.regressors])


def fit(moments: Moments, chosen: Rows, plan: Plan, advance: Callable[[float], None]) -> Boosted:
    """Fit to the chosen moments `[r]`."""
    rng = np.random.default_rng(plan.seed)
    places = np.flatnonzero(chosen)
    if plan.rows is not None and len(places) > plan.rows:
        places = np.sort(rng.choice(places, plan.rows, replace=False))
    inputs, wanted = features(moments.known)[places], log_hours(moments.remaining_h[places])
    again = rng.random(len(places)) < HIDDEN_SHARE
    inputs = np.concatenate((inputs, hidden(inputs[again], rng)))
    wanted = np.concatenate((wanted, wanted[again]))
    regressors = []
    with _threads(len(inputs)):
        for quantile in QUANTILES:
            regressors.append(_regressor(quantile, plan, len(inputs)).fit(inputs, wanted))
            advance(1 / len(QUANTILES))
    return Boosted(tuple(regressors))


def _threads(rows: int) -> threadpool_limits:
    return threadpool_limits(None if rows >= WORTH_THREADS else 1, user_api="openmp")


def _regressor(quantile: float, plan: Plan, rows: int) -> HistGradientBoostingRegressor:
    return HistGradientBoostingRegressor(
        loss="quantile",
        quantile=quantile,
        max_iter=plan.rounds,
        learning_rate=plan.rate,
        max_leaf_nodes=plan.leaves,
        min_samples_leaf=min(plan.leaf_rows, max(rows // 50, 1)),
        early_stopping=False,
        random_state=plan.seed,
    )


def hidden(inputs: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
    """The same features `[n, k]` with some of the groups of `HIDEABLE` hidden in each row, each group in half."""
    result = inputs.copy()
    for beginnings in HIDEABLE:
        columns = [nth for nth, name in enumerate(FEATURES) if name.startswith(beginnings)]
        if beginnings is TOLD_IN_WORDS:
            columns = [nth for nth in columns if FEATURES[nth] not in ("crew_age", "crew_changes")]
        rows = np.flatnonzero(rng.random(len(inputs)) < 0.5)
        result[np.ix_(rows, columns)] = 0 if beginnings is TOLD_IN_WORDS else np.nan
    return result
