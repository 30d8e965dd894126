"""The detectors that are compared: the notebook's, simpler ones, each part of the product's, and the product.

Each function gives the scores `[n]` of the measured windows by the name of the detector, one at a time, since a few
million windows are scored by more than a dozen of them. A higher score is more anomalous; only their order counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from functions.adapters.onnx_scorer import OUTPUTS
from functions.domain.features import FEATURES
from model_export import fitting
from model_export.calibration import NOTHING
from model_export.forest import fit_forest
from model_export.graph import Components
from model_export.notebook import FIT_WINDOWS, NotebookDetectors, raw_features
from model_export.reference import combine
from model_export.vae import score_vae, train_vae
from model_export.windows import bounded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from functions.adapters.onnx_scorer import OnnxScorer
    from model_export.fitting import Lesson
    from model_export.plan import Population
    from model_export.reference import Detector
    from model_export.windows import Windows
    from simulator import Trial

    Advance = Callable[[float], None]
    Named = tuple[str, NDArray[np.floating]]

NOTEBOOK = {
    "isolation forest": "notebook: isolation forest",
    "autoencoder": "notebook: autoencoder",
    "VAE": "notebook: VAE",
}
SIX_FOREST, SIX_VAE = "six features: isolation forest", "six features: VAE"
FOREST, MAHALANOBIS, VAE, HEAD = "isolation forest", "Mahalanobis", "VAE", "head"
HEALTH, BOOSTED, MODEL, RULES, PRODUCT = "without the head", "boosted trees", "detector", "rules", "detector and rules"

SIX = ("voltage_mean_pu", "voltage_sd_pu", "voltage_range_pu", "voltage_min_pu", "voltage_max_pu", "energy_log")
"""What the notebook looks at, here compared with the meter's own baseline."""
BOOSTING_ROUNDS, BOOSTING_STEPS = 150, 5
"""Trees, and in how many steps they are grown so that progress can be told."""
PIECE = 250_000
"""Windows scored at once: float64 references of all of them would not fit the memory."""


def by_notebook(
    healthy: Sequence[Population], trial: Trial, windows: Windows, seed: int, advance: Advance
) -> Iterator[Named]:
    """The notebook's three, fitted to some windows of healthy meters and scoring the readings of the trial."""
    share = FIT_WINDOWS // len(healthy)
    teach = []
    for number, population in enumerate(healthy):
        clean = population.readings()
        known = _complete(raw_features(clean.voltage_v, clean.energy_kwh))
        teach.append(np.random.default_rng([seed, number]).permutation(known)[:share])
        advance(0.2 / len(healthy))
    fitted = NotebookDetectors.fit(np.concatenate(teach), seed, lambda part: advance(0.3 * part))
    # The same windows as everyone's: those that end in the slots and meters of `windows`.
    seen = raw_features(trial.readings.voltage_v, trial.readings.energy_kwh)[windows.slot, windows.meter]
    parts = []
    for rows in pieces(len(seen)):
        parts.append(fitted.scores(seen[rows]))
        advance(0.5 * (rows.stop - rows.start) / len(seen))
    for theirs, ours in NOTEBOOK.items():
        yield ours, np.concatenate([part[theirs] for part in parts])


def by_six_features(healthy: Windows, windows: Windows, seed: int, epochs: int, advance: Advance) -> Iterator[Named]:
    """Isolation forest and autoencoder of the notebook's six features, each meter compared with itself."""
    columns = [FEATURES.index(name) for name in SIX]
    z = bounded(healthy.z[:, columns].astype(np.float32))
    forest = fit_forest(z, seed)
    vae = train_vae(z, seed, epochs=epochs, names=SIX, advance=lambda part: advance(0.6 * part))
    by_forest, by_vae = (np.empty(len(windows), np.float32) for _ in range(2))
    for rows in pieces(len(windows)):
        seen = windows.z[rows, columns].astype(np.float32)
        by_forest[rows] = forest(bounded(seen))
        by_vae[rows] = score_vae(vae, bounded(seen), ~np.isnan(seen)).score
        advance(0.4 * (rows.stop - rows.start) / len(windows))
    yield SIX_FOREST, by_forest
    yield SIX_VAE, by_vae


def by_trees(lesson: Lesson, windows: Windows, seed: int, advance: Advance) -> Iterator[Named]:
    """Boosted trees that learn from the head's lesson to tell any fault from health.

    One class of fault where the head has fourteen: fourteen times the trees would take as many times as long.
    """
    # A weight of one half becomes an even chance to be there: scikit-learn takes minutes to bin weighted windows.
    there = np.random.default_rng(seed).random(len(lesson.z)) < lesson.weight
    z, fault = lesson.z[there], lesson.kind[there] > 0
    trees = HistGradientBoostingClassifier(warm_start=True, early_stopping=False, random_state=seed)
    for grown in range(1, BOOSTING_STEPS + 1):
        trees.set_params(max_iter=grown * BOOSTING_ROUNDS // BOOSTING_STEPS)
        trees.fit(z, fault)
        advance(0.7 / BOOSTING_STEPS)
    score = np.empty(len(windows), np.float32)
    for rows in pieces(len(windows)):
        score[rows] = trees.decision_function(windows.take(rows).standardised)
        advance(0.3 * (rows.stop - rows.start) / len(windows))
    yield BOOSTED, score


def by_product(detector: Detector, scorer: OnnxScorer, windows: Windows, advance: Advance) -> Iterator[Named]:
    """The product's detector, its parts alone, and the rules."""
    names = (FOREST, MAHALANOBIS, VAE, HEAD, HEALTH, MODEL)
    scores = {name: np.empty(len(windows), np.float32) for name in names}
    silent = detector.calibrations.components._replace(head=NOTHING)
    for rows in pieces(len(windows)):
        part = windows.take(rows)
        said = dict(zip(OUTPUTS, fitting.outputs(scorer, part), strict=True))
        raw = Components(*(said[name] for name in Components._fields))
        found = raw.forest, raw.mahalanobis, raw.vae, raw.head, combine(raw, silent), said["score"]
        for name, values in zip(names, found, strict=True):
            scores[name][rows] = values
        advance((rows.stop - rows.start) / len(windows))
    yield from scores.items()
    yield RULES, windows.rule
    yield PRODUCT, windows.score


def pieces(count: int) -> Iterator[slice]:
    """Slices that cover `count` rows."""
    for start in range(0, count, PIECE):
        yield slice(start, min(start + PIECE, count))


def _complete(features: NDArray[np.float32]) -> NDArray[np.float32]:
    """The windows `[n, 6]` of features `[T, M, 6]` that miss nothing."""
    flat = features.reshape(-1, features.shape[2])
    return flat[~np.isnan(flat).any(axis=1)]
