"""The detector in torch, scikit-learn and float64 numpy: what the graph has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from functions.domain.thresholds import HIGHEST_SCORE
from model_export.graph import WEIGHTS, Calibrations, Components, build_graph
from model_export.head import Head, score_head
from model_export.vae import Vae, score_vae
from model_export.windows import bounded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.forest import Forest
    from model_export.mahalanobis import Mahalanobis


@dataclass(frozen=True)
class Answers:
    """Every output of the graph for `n` windows."""

    score: NDArray[np.floating]
    """`[n]`: −log10 of the tail probability."""
    contribution: NDArray[np.floating]
    """`[n, 28]`: what each feature costs the autoencoder more than usual, nats."""
    probability: NDArray[np.floating]
    """`[n]`: that a healthy window scores as high."""
    combined: NDArray[np.floating]
    """`[n]`: weighted sum of the calibrated components."""
    vae: NDArray[np.floating]
    """`[n]`: negative evidence lower bound, nats, up to a constant."""
    forest: NDArray[np.floating]
    """`[n]`: 2^(−mean path / c), 0 to 1."""
    mahalanobis: NDArray[np.floating]
    """`[n]`: squared distance."""
    head: NDArray[np.floating]
    """`[n]`: log odds of a fault."""


@dataclass(frozen=True)
class Detector:
    """The trained parts."""

    vae: Vae
    forest: Forest
    mahalanobis: Mahalanobis
    head: Head
    calibrations: Calibrations

    def to_onnx(self) -> bytes:
        """Serialised graph."""
        return build_graph(self.vae, self.forest, self.mahalanobis, self.head, self.calibrations)

    def __call__(
        self, features: NDArray[np.float32], usual_mean: NDArray[np.float32], usual_sd: NDArray[np.float32]
    ) -> Answers:
        """Reference answers for windows `[n, 28]`."""
        z = bounded((features - usual_mean) / usual_sd)
        vae = score_vae(self.vae, z, ~np.isnan(features))
        raw = Components(vae.score, self.forest(z), self.mahalanobis(z), score_head(self.head, z))
        combined = combine(raw, self.calibrations.components)
        score = np.clip(self.calibrations.combined(combined), 0, HIGHEST_SCORE)
        return Answers(score, vae.contribution, 10**-score, combined, *raw)


def combine(raw: Components[NDArray[np.floating]], calibrations: Components) -> NDArray[np.float64]:
    """Weighted sum `[n]` of the calibrated components."""
    total = np.zeros(len(raw.vae))
    for values, calibration, weight in zip(raw, calibrations, WEIGHTS, strict=True):
        total += np.float32(weight) * calibration(values)
    return total
