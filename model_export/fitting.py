"""Fitting: from populations to a detector, in two stages.

The first stage knows health alone: autoencoder, forest, linear score. It then watches meters with injected faults, as
it would in operation, so that the head learns from windows whose baselines were kept from most of the faults.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from functions.adapters.onnx_scorer import OUTPUTS, OnnxScorer
from functions.domain.features import ENERGY_FEATURES, FEATURES, WINDOW_FEATURES
from functions.domain.recent_days import HOURS
from model_export.calibration import IDENTITY, NOTHING, fit_calibration
from model_export.forest import fit_forest
from model_export.graph import WEIGHTS, Calibrations, Components
from model_export.head import Head, train_head
from model_export.mahalanobis import fit_mahalanobis
from model_export.reference import Detector, combine
from model_export.vae import train_vae
from model_export.windows import joined
from simulator import EXTRA_THEFT_KINDS, TAUGHT_KINDS, THEFT_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from model_export.gathering import Gathered
    from model_export.windows import Windows

    Advance = Callable[[float], None]

HEALTHY_WINDOWS, AFTERMATH_WINDOWS, FAULTY_WINDOWS = 700_000, 300_000, 500_000
"""Windows the head learns from: quiet ones, ones whose recent days still hold a fault that is over, and faults."""
AFTERMATH_WEIGHT = 0.5
"""There are many more of them in training than in life."""
HIDE_ENERGY, HIDE_DAYS = 0.10, 0.05
"""Shares of windows shown to the head without energy, or without recent days: meters exist that send voltages only,
and every meter is new once."""
SILENT = Components(IDENTITY, IDENTITY, IDENTITY, NOTHING)


@dataclass(frozen=True)
class Lesson:
    """What the head learns from; arrays of one length `[n]`."""

    z: NDArray[np.float32]
    kind: NDArray[np.int8]
    weight: NDArray[np.float32]

    def without(self, kind: str) -> Lesson:
        """The same, with one kind of fault never shown."""
        kept = self.kind != 1 + TAUGHT_KINDS.index(kind)
        return Lesson(self.z[kept], self.kind[kept], self.weight[kept])


def fit_health(healthy: Sequence[Gathered], seed: int, epochs: int, advance: Advance) -> Detector:
    """The first stage: components that know health, and a head that is silent."""
    windows = joined([each.windows for each in healthy])
    z = windows.standardised
    vae = train_vae(z, seed, epochs=epochs, advance=advance)
    return Detector(vae, fit_forest(z, seed), fit_mahalanobis(z), Head().silence(), Calibrations(SILENT, IDENTITY))


def lesson(trials: Sequence[Gathered], seed: int) -> Lesson:
    """What the head learns from windows of meters with faults."""
    rng = np.random.default_rng(seed)
    z = joined([each.windows for each in trials]).standardised
    kind = np.concatenate([each.kind for each in trials])
    since = np.concatenate([each.since for each in trials])
    days = HOURS // 24 * trials[0].slots_per_day
    quiet, aftermath = (kind == 0) & (since > days), (kind == 0) & (since <= days)
    counts = HEALTHY_WINDOWS, AFTERMATH_WINDOWS, FAULTY_WINDOWS
    chosen = np.concatenate(
        [_some(rng, which, count) for which, count in zip((quiet, aftermath, kind > 0), counts, strict=True)]
    )
    weight = np.where(aftermath[chosen], AFTERMATH_WEIGHT, 1.0).astype(np.float32)
    return Lesson(_hidden(rng, z[chosen], kind[chosen]), kind[chosen], weight)


def with_head(detector: Detector, taught: Lesson, seed: int, epochs: int, advance: Advance) -> Detector:
    """The second stage: the same detector with a head that has learnt."""
    head = train_head(taught.z, taught.kind, taught.weight, seed, epochs=epochs, advance=advance)
    return Detector(detector.vae, detector.forest, detector.mahalanobis, head, detector.calibrations)


def calibrated(detector: Detector, scorer: OnnxScorer, healthy: Windows) -> Detector:
    """The detector with calibrations fitted to healthy windows; `scorer` runs its graph."""
    raw = raw_scores(scorer, healthy)
    silent = float(np.ptp(raw.head)) == 0
    each = Components(
        *(
            NOTHING if silent and values is raw.head else fit_calibration(values, weight)
            for values, weight in zip(raw, WEIGHTS, strict=True)
        )
    )
    combined = fit_calibration(combine(raw, each))
    parts = detector.vae, detector.forest, detector.mahalanobis, detector.head
    return Detector(*parts, Calibrations(each, combined))


def raw_scores(scorer: OnnxScorer, windows: Windows) -> Components[NDArray[np.float32]]:
    """Each component's score `[n]` before calibration."""
    answers = dict(zip(OUTPUTS, outputs(scorer, windows), strict=True))
    return Components(*(answers[name] for name in Components._fields))


def outputs(scorer: OnnxScorer, windows: Windows) -> tuple[NDArray[np.float32], ...]:
    """Every output of the graph for windows that are standardised already."""
    z = windows.z.astype(np.float32)
    return scorer.outputs(z, np.zeros_like(z), np.ones_like(z))


def without_energy(scorer: OnnxScorer, windows: Windows) -> NDArray[np.float32]:
    """Scores `[n]` of the windows if the utility sent voltages only."""
    z = windows.z.astype(np.float32)
    z[:, [name in ENERGY_FEATURES for name in FEATURES]] = np.nan
    return scorer(z, np.zeros_like(z), np.ones_like(z)).score


def _some(rng: np.random.Generator, which: NDArray[np.bool_], count: int) -> NDArray[np.int64]:
    candidates = np.flatnonzero(which)
    return candidates if len(candidates) <= count else rng.choice(candidates, count, replace=False)


def _hidden(rng: np.random.Generator, z: NDArray[np.float32], kind: NDArray[np.int8]) -> NDArray[np.float32]:
    """Windows with some features hidden from some of them. Of a theft, energy is all there is to see."""
    energy = np.array([name in ENERGY_FEATURES for name in FEATURES])
    days = np.arange(len(FEATURES)) >= len(WINDOW_FEATURES)
    theft = np.isin(kind, [1 + TAUGHT_KINDS.index(name) for name in THEFT_KINDS + EXTRA_THEFT_KINDS])
    draw = rng.random(len(z))
    z[np.ix_((draw < HIDE_ENERGY) & ~theft, energy)] = 0
    z[np.ix_((draw >= HIDE_ENERGY) & (draw < HIDE_ENERGY + HIDE_DAYS) & ~theft, days)] = 0
    return z
