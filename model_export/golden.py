"""Golden windows: inputs with the reference's answers, so that parity can be proven without torch.

Written by `python -m model_export train`, read by `python -m model_export verify` and by the tests.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from functions.adapters.model_manifest import Parity
from functions.adapters.onnx_scorer import OUTPUTS, OnnxScorer
from functions.domain.errors import InputError
from functions.domain.features import ENERGY_FEATURES, FEATURES
from functions.domain.packs import GROUPS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from functions.domain.packs import Prior
    from model_export.windows import Windows

TOLERANCE = 1e-5
GOLDEN_WINDOWS = 600
NO_ENERGY, NO_VOLTAGE, NOTHING = 40, 20, 4
"""Golden windows that miss something, besides the complete ones."""


@dataclass(frozen=True)
class Golden:
    """Windows and the answers of the reference, as it is stored; arrays of one length."""

    sha256: str
    """Of the model they belong to."""
    features: NDArray[np.float32]
    usual_mean: NDArray[np.float32]
    usual_sd: NDArray[np.float32]
    score: NDArray[np.float32]
    contribution: NDArray[np.float32]
    probability: NDArray[np.float32]
    combined: NDArray[np.float32]
    vae: NDArray[np.float32]
    forest: NDArray[np.float32]
    mahalanobis: NDArray[np.float32]
    head: NDArray[np.float32]

    @classmethod
    def read(cls, path: Path) -> Golden:
        """Raises `InputError` if the file is missing or not a golden file."""
        try:
            with np.load(path) as file:
                values = {name: file[name] for name in cls.__dataclass_fields__}
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{path} is not a readable golden file; write it with `python -m model_export train`"
            ) from error
        return cls(**{**values, "sha256": str(values["sha256"])})

    def write(self, path: Path) -> None:
        """Write the file; equal values give equal bytes."""
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(path, **{name: getattr(self, name) for name in self.__dataclass_fields__})


def golden_inputs(
    healthy: Windows, faulty: Windows, prior: Prior, thresholds: Sequence[float], seed: int
) -> tuple[NDArray[np.float32], ...]:
    """Features, usual mean and usual deviation `[n, 28]`.

    Ordinary windows, odd ones, those nearest to each of the `thresholds`, and some that miss something; spread over
    the groups of the prior.
    """
    third = GOLDEN_WINDOWS // 3
    odd = faulty.take(np.argsort(-faulty.score, kind="stable")[: 20 * third])
    near = [
        np.argsort(np.abs(faulty.score - threshold), kind="stable")[: third // len(thresholds)]
        for threshold in thresholds
    ]
    chosen = [healthy.sample(third, seed), odd.sample(third, seed), faulty.take(np.concatenate(near))]
    z = np.concatenate([windows.z for windows in chosen]).astype(np.float32)
    which = np.arange(len(z)) % GROUPS
    mean, sd = prior.mean[which], prior.sd[which]
    features = mean + z * sd
    energy = np.array([name in ENERGY_FEATURES for name in FEATURES])
    pick = np.random.default_rng(seed).permutation(len(features))
    features[np.ix_(pick[:NO_ENERGY], energy)] = np.nan
    features[np.ix_(pick[NO_ENERGY : NO_ENERGY + NO_VOLTAGE], ~energy)] = np.nan
    features[pick[-NOTHING:]] = np.nan
    return features, mean, sd


def parity(scorer: OnnxScorer, golden: Golden) -> Parity:
    """Largest differences between the graph and the golden answers."""
    answers = scorer.outputs(golden.features, golden.usual_mean, golden.usual_sd)
    differences = {name: difference(value, getattr(golden, name)) for name, value in zip(OUTPUTS, answers, strict=True)}
    return Parity(windows=len(golden.score), tolerance=TOLERANCE, **differences)


def holds(found: Parity) -> bool:
    """Whether every output lies within the tolerance."""
    return worst(found) <= found.tolerance


def worst(found: Parity) -> float:
    """The largest difference of any output."""
    return max(getattr(found, name) for name in OUTPUTS)


def difference(found: NDArray[np.floating], expected: NDArray[np.floating]) -> float:
    """Largest difference, absolute up to a value of 1 and relative above; infinite where one of them is no number.

    Values of one window (`[n, 28]`) are parts of one sum and share the scale of the largest.
    """
    scale = np.maximum(1.0, np.abs(expected))
    if expected.ndim > 1:
        scale = scale.max(axis=1, keepdims=True)
    apart = np.abs(found.astype(np.float64) - expected) / scale
    return float(np.where(np.isnan(apart), np.inf, apart).max(initial=0.0))
