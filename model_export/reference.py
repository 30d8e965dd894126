"""The detector in torch, scikit-learn and float64 numpy: what the graph has to say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from functions.domain.thresholds import HIGHEST_SCORE
from model_export.graph import Calibrations, build_graph
from model_export.vae import Vae, score_vae
from model_export.windows import standardise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.forest import Forest


@dataclass(frozen=True)
class Answers:
    """Every output of the graph for `n` windows."""

    score: NDArray[np.floating]
    """`[n]`."""
    contribution: NDArray[np.floating]
    """`[n, 6]`."""
    vae: NDArray[np.floating]
    """`[n]`: negative evidence lower bound, nats, up to a constant."""
    forest: NDArray[np.floating]
    """`[n]`: 2^(−mean path / c), 0 to 1."""


@dataclass(frozen=True)
class Detector:
    """The trained parts."""

    vae: Vae
    forest: Forest
    calibrations: Calibrations

    def to_onnx(self) -> bytes:
        """Serialised graph."""
        return build_graph(self.vae, self.forest, self.calibrations)

    def __call__(
        self, features: NDArray[np.float32], usual_mean: NDArray[np.float32], usual_sd: NDArray[np.float32]
    ) -> Answers:
        """Reference answers for windows `[n, 6]`."""
        z = standardise(features, usual_mean, usual_sd)
        vae = score_vae(self.vae, z, ~np.isnan(features))
        forest = self.forest(z)
        average = (self.calibrations.vae(vae.score) + self.calibrations.forest(forest)) / 2
        score = np.minimum(self.calibrations.combined(average), HIGHEST_SCORE)
        return Answers(score, vae.contribution, vae.score, forest)
