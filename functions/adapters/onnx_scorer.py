"""The detector on onnxruntime: one graph from features to calibrated scores."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np

from functions.adapters.model_manifest import WAY_OUT, Manifest, read_manifest
from functions.domain.detection import Scores
from functions.domain.errors import ModelMismatch
from functions.domain.features import FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

MODELS = Path(__file__).resolve().parent.parent / "models"
OPSET = 18
ML_OPSET = 3
INPUTS = ("features", "usual_mean", "usual_sd")
OUTPUTS = ("score", "contribution", "probability", "combined", "vae", "forest", "mahalanobis", "head")
WIDTH = {"contribution": (len(FEATURES),)}
"""Columns of the outputs that have any."""
MODEL_ID_LENGTH = 12

ROW_MULTIPLE = 16
"""Batches are padded to a multiple of this many rows, so that a window's score never depends on its batch.

Inside the graph windows lie side by side along the vector lanes (`[units, n]`), which makes every lane the same
sequence of operations. What is left to differ is the end of a batch: onnxruntime multiplies a lone window by another
kernel than many (measured: the last bits of a third of lone scores change), and other CPUs have other
remainders. Sixteen float32 fill the widest vectors in use (AVX-512), so no remainder is left anywhere.
"""
BLOCK = 4096
"""Rows a run: keeps the graph's intermediates in the cache and its memory bounded, however large the batch."""


class OnnxScorer:
    """Scores windows with the model of a folder; one thread, and bit for bit the same in any batch.

    One thread because a function host scales by processes; sums of the forest are exact in any order regardless.
    """

    def __init__(self, session: InferenceSession, manifest: Manifest) -> None:
        self._session = session
        self.manifest = manifest
        self.prior = manifest.as_prior()
        self.alerts_per_window = manifest.alerts_per_window
        self.model_id = manifest.sha256[:MODEL_ID_LENGTH]

    @classmethod
    def load(cls, folder: Path = MODELS) -> Self:
        """Load the model of `folder` after checking that it is the one its manifest describes.

        Raises
        ------
        ModelMismatch
            The file is missing or another one, or was made for other features, operators, inputs or outputs.
        """
        manifest = read_manifest(folder)
        model = _checked_bytes(folder, manifest)
        session = _session(folder / manifest.file, model)
        _expect("inputs", tuple(sorted(i.name for i in session.get_inputs())), tuple(sorted(INPUTS)), manifest.file)
        _expect("outputs", tuple(o.name for o in session.get_outputs()), OUTPUTS, manifest.file)
        return cls(session, manifest)

    def __call__(
        self, features: NDArray[np.float32], usual_mean: NDArray[np.float32], usual_sd: NDArray[np.float32]
    ) -> Scores:
        """Scores of `n` windows from `[n, 6] float32` each; a NaN feature takes no part; `n` may be 0."""
        score, contribution = self._run(("score", "contribution"), features, usual_mean, usual_sd)
        return Scores(score, contribution)

    def outputs(
        self, features: NDArray[np.float32], usual_mean: NDArray[np.float32], usual_sd: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], ...]:
        """Every output of the graph, in the order of `OUTPUTS`: the components too, for evaluation and parity."""
        return self._run(OUTPUTS, features, usual_mean, usual_sd)

    def _run(self, names: tuple[str, ...], *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        count = len(inputs[0])
        results = tuple(np.empty((count, *WIDTH.get(name, ())), np.float32) for name in names)
        for start in range(0, count, BLOCK):
            part = slice(start, min(start + BLOCK, count))
            feeds = dict(zip(INPUTS, (_padded(values[part]) for values in inputs), strict=True))
            for result, block in zip(results, self._session.run(names, feeds), strict=True):
                result[part] = block[: part.stop - start]
        return results


def _checked_bytes(folder: Path, manifest: Manifest) -> bytes:
    _expect("features", manifest.features, FEATURES, manifest.file)
    _expect("opset", (manifest.opset, manifest.ml_opset), (OPSET, ML_OPSET), manifest.file)
    _expect("inputs", manifest.inputs, INPUTS, manifest.file)
    _expect("outputs", manifest.outputs, OUTPUTS, manifest.file)
    path = folder / manifest.file
    try:
        model = path.read_bytes()
    except FileNotFoundError:
        raise ModelMismatch(f"{path} does not exist, though its manifest does; {WAY_OUT}") from None
    digest = hashlib.sha256(model).hexdigest()
    if digest != manifest.sha256:
        short, expected = digest[:MODEL_ID_LENGTH], manifest.sha256[:MODEL_ID_LENGTH]
        raise ModelMismatch(f"{path} has sha256 {short}…, its manifest says {expected}…; {WAY_OUT}")
    return model


def _session(path: Path, model: bytes) -> InferenceSession:
    import onnxruntime  # its import is a large part of a cold start

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no other base
        raise ModelMismatch(f"{path} cannot be loaded by onnxruntime {onnxruntime.__version__}; {WAY_OUT}") from error


def _expect(what: str, found: tuple[object, ...], expected: tuple[object, ...], file: str) -> None:
    if found != expected:
        raise ModelMismatch(f"{file} has {what} {list(found)}, this release expects {list(expected)}; {WAY_OUT}")


def _padded(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    missing = -len(rows) % ROW_MULTIPLE
    if not missing:
        return np.ascontiguousarray(rows, np.float32)
    padded = np.zeros((len(rows) + missing, rows.shape[1]), np.float32)
    padded[: len(rows)] = rows
    return padded
