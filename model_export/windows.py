"""Windows to train on: the product's own detection run over simulated readings, with a scorer that takes notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from functions.domain.anomalies import Kind
from functions.domain.detection import Judge, Scores, detect
from functions.domain.features import FEATURES
from functions.domain.packs import Prior, fresh
from functions.domain.windows import Readings

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from functions.domain.detection import Score
    from simulator import SimulatedUtility

CLIP = 10.0
"""Standardised features are cut here: beyond ten standard deviations more distance says nothing more."""
UNKNOWN_PRIOR = Prior(*(np.full(len(FEATURES), value, np.float32) for value in (0, 1, 1)))
RULE_COLUMNS = [kind for kind in Kind if kind is not Kind.unusual]
PRIOR_DAYS = 7
"""A week of every meter knows the population; more moves the prior by less than a percent."""


def score_nothing(
    features: NDArray[np.float32],
    usual_mean: NDArray[np.float32],  # noqa: ARG001
    usual_sd: NDArray[np.float32],  # noqa: ARG001
) -> Scores:
    """Say zero to every window, so that all of a healthy utility teaches the baselines."""
    return Scores(np.zeros(len(features), np.float32), np.zeros(features.shape, np.float32))


@dataclass(frozen=True)
class Windows:
    """Windows as a scorer meets them, in time order; arrays of one length `[n]`."""

    features: NDArray[np.float32]
    """`[n, 6]`."""
    usual_mean: NDArray[np.float32]
    usual_sd: NDArray[np.float32]
    meter: NDArray[np.int32]
    slot: NDArray[np.int32]
    """Slots since the start of the period, of the window's last reading."""
    score: NDArray[np.float32]
    """What the scorer said."""
    threshold: NDArray[np.float32]
    by_rule: NDArray[np.bool_]
    """A limit was broken in it."""

    def __len__(self) -> int:
        return len(self.meter)

    def take(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> Windows:
        """Only the chosen ones."""
        return Windows(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})

    def sample(self, count: int, seed: int) -> Windows:
        """At most `count` of them, drawn without replacement, in time order."""
        if len(self) <= count:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False)))

    @property
    def standardised(self) -> NDArray[np.float32]:
        """`[n, 6]`, as the graph computes it from the three inputs."""
        return standardise(self.features, self.usual_mean, self.usual_sd)


def standardise(
    features: NDArray[np.float32], usual_mean: NDArray[np.float32], usual_sd: NDArray[np.float32]
) -> NDArray[np.float32]:
    """How many of its usual standard deviations each feature is off, `[n, 6]`; 0 where it was not measured."""
    z: NDArray[np.float32] = np.clip((features - usual_mean) / usual_sd, -CLIP, CLIP)
    return np.nan_to_num(z, nan=0.0)


def collect(
    utility: SimulatedUtility,
    prior: Prior,
    score: Score = score_nothing,
    *,
    days: int | None = None,
    advance: Callable[[float], None] = lambda _: None,
) -> Windows:
    """Run detection over the readings, slot by slot, and keep every window it judged after the meters' first day.

    A slot holds one reading of a meter, so that `detect` scores a batch in one round and in the order of its entries.
    `advance` is told the share of the period that each step has covered.
    """
    asked: list[Scores] = []

    def take_notes(
        features: NDArray[np.float32], usual_mean: NDArray[np.float32], usual_sd: NDArray[np.float32]
    ) -> Scores:
        scores = score(features, usual_mean, usual_sd)
        asked.append(scores)
        return scores

    scenario, first = utility.scenario, int(utility.slots[0])
    count = len(utility.slots) if days is None else min(len(utility.slots), days * scenario.slots_per_day)
    state = fresh(utility.topology.nominal_voltage_v, prior)
    judge = Judge(take_notes, prior)
    pieces = []
    for step in range(count):
        volts, energy = utility.voltage_v[step], utility.energy_kwh[step]
        came = np.flatnonzero(~(np.isnan(volts) & np.isnan(energy)))
        slot, interval = (np.full(len(came), value, np.int64) for value in (first + step, scenario.interval_s))
        asked.clear()
        _, entries, found = detect(state, Readings(came, slot, volts[came], energy[came], interval), judge)
        advance(1 / count)
        if step < scenario.slots_per_day or not len(came):
            continue
        (scores,) = asked
        pieces.append(
            Windows(
                features=found.features,
                usual_mean=found.usual_mean,
                usual_sd=found.usual_sd,
                meter=entries.row.astype(np.int32),
                slot=(entries.slot - first).astype(np.int32),
                score=scores.score,
                threshold=found.threshold,
                by_rule=found.kinds[:, RULE_COLUMNS].any(axis=1),
            )
        )
    names = Windows.__dataclass_fields__
    return Windows(**{name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in names})


def population_prior(windows: Windows) -> Prior:
    """The population: mean of each feature, typical deviation within a meter, and how far meters differ.

    The median over the meters keeps a few restless ones from widening everybody's range.
    """
    columns = windows.features.T.astype(np.float64)
    by_meter = [_by_meter(values, windows.meter) for values in columns]
    return Prior(
        mean=np.nanmean(columns, axis=1).astype(np.float32),
        sd=np.array([np.median(sd) for _, sd in by_meter], np.float32),
        spread=np.array([mean.std() for mean, _ in by_meter], np.float32),
    )


def _by_meter(values: NDArray[np.float64], meter: NDArray[np.int32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each meter's values, leaving out what was not measured."""
    measured = ~np.isnan(values)
    values, meter = values[measured], meter[measured]
    count = np.bincount(meter)
    mean = np.bincount(meter, values) / np.maximum(count, 1)
    variance = np.bincount(meter, np.square(values - mean[meter])) / np.maximum(count, 1)
    return mean[count > 0], np.sqrt(variance[count > 0])
