"""Export: a trained detector as `detector.onnx` with its manifest, proven before anything is replaced."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from functions.adapters.model_manifest import MANIFEST, Manifest, write_manifest
from functions.adapters.onnx_scorer import OUTPUTS, OnnxScorer
from functions.domain.errors import ModelMismatch
from model_export.draft import FILE, draft
from model_export.golden import TOLERANCE, Golden, holds, parity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.training import Trained

SPEED_RUNS = 20


def export(trained: Trained, out: Path, golden_path: Path) -> Manifest:
    """Write model, manifest and golden answers; the old ones stay until the new model has proven itself.

    Raises
    ------
    ModelMismatch
        The graph says something else than its reference; nothing has been replaced.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=out) as name:
        folder = Path(name)
        scorer = draft(folder, trained.detector, trained.prior, trained.alerts_per_window)
        golden = _golden(trained, scorer)
        found = parity(scorer, golden)
        if not holds(found):
            raise ModelMismatch(
                f"the exported graph differs from its reference by more than {TOLERANCE:g} ({found}); "
                "nothing was replaced"
            )
        manifest = msgspec.structs.replace(
            scorer.manifest,
            training=trained.populations,
            metrics=trained.metrics,
            parity=found,
            windows_per_second=windows_per_second(scorer, trained.ordinary),
        )
        write_manifest(folder, manifest)
        OnnxScorer.load(folder)
        golden.write(golden_path)
        for file in (FILE, MANIFEST):
            (folder / file).replace(out / file)
    return manifest


def windows_per_second(scorer: OnnxScorer, z: NDArray[np.float32]) -> int:
    """Of standardised windows `[n, 28]`: the best of a few runs, what the machine does when nobody else uses it."""
    inputs = z, np.zeros_like(z), np.ones_like(z)
    fastest = float("inf")
    for _ in range(SPEED_RUNS):
        started = time.perf_counter()
        scorer(*inputs)
        fastest = min(fastest, time.perf_counter() - started)
    return round(len(z) / fastest / 1000) * 1000


def _golden(trained: Trained, scorer: OnnxScorer) -> Golden:
    answers = trained.detector(*trained.golden)
    rounded = {name: getattr(answers, name).astype(np.float32) for name in OUTPUTS}
    features, usual_mean, usual_sd = trained.golden
    return Golden(sha256=scorer.manifest.sha256, features=features, usual_mean=usual_mean, usual_sd=usual_sd, **rounded)
