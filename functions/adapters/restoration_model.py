"""The model of restoration times on onnxruntime, loaded when it is first asked."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from functions.domain.errors import ModelMismatch
from functions.domain.restoration import QUANTILES
from functions.domain.restoration_features import FEATURES

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnxruntime import InferenceSession

MODELS = Path(__file__).resolve().parent.parent / "models"
FILE, MANIFEST = "restoration.onnx", "restoration.json"
INPUT, OUTPUT = "features", "log_hours"
WAY_OUT = "train it again with `python -m model_export train-restoration`, or redeploy the package"
BLOCK = 8192
"""Rows a run: bounds the memory of a batch."""


class Constant(msgspec.Struct, frozen=True):
    """What always saying the same would say: quantiles of the hours that remain, of the outages trained on."""

    planned: bool
    elapsed_h: int
    hours: tuple[float, ...]


class RestorationManifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one model file. Moments are seconds since the epoch, UTC."""

    about: str
    file: str
    sha256: str
    features: tuple[str, ...]
    quantiles: tuple[float, ...]
    source: str
    trained_from: int
    trained_until: int
    outages: int
    rows: int
    trees: int
    constants: tuple[Constant, ...]
    parity_rows: int
    parity: float
    """Largest difference in log hours between the graph and scikit-learn."""
    libraries: dict[str, str]


class OnnxRestorationModel:
    """Answers with the model of a folder, on one thread; checks it against its manifest when it is first asked.

    Raises
    ------
    ModelMismatch
        The file is missing or another one, or was made for other features or quantiles.
    """

    def __init__(self, folder: Path = MODELS) -> None:
        self._folder = folder

    def __call__(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Quantiles of log hours `[n, 4]` of features `[n, k]`; not yet in order, `n` may be 0."""
        answers = np.empty((len(features), len(QUANTILES)), np.float32)
        for start in range(0, len(features), BLOCK):
            rows = np.ascontiguousarray(features[start : start + BLOCK], np.float32)
            answers[start : start + BLOCK] = self._session.run([OUTPUT], {INPUT: rows})[0]
        return answers

    @cached_property
    def manifest(self) -> RestorationManifest:
        """What the model is."""
        path = self._folder / MANIFEST
        try:
            return msgspec.json.decode(path.read_bytes(), type=RestorationManifest)
        except FileNotFoundError:
            raise ModelMismatch(f"{path} does not exist; {WAY_OUT}") from None
        except msgspec.MsgspecError as error:
            raise ModelMismatch(f"{path} is not a manifest of this release ({error}); {WAY_OUT}") from error

    @cached_property
    def _session(self) -> InferenceSession:
        import onnxruntime  # its import is a large part of a cold start

        model = self._checked_bytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        try:
            return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's errors share no other base
            path = self._folder / self.manifest.file
            raise ModelMismatch(
                f"{path} cannot be loaded by onnxruntime {onnxruntime.__version__}; {WAY_OUT}"
            ) from error

    def _checked_bytes(self) -> bytes:
        manifest, path = self.manifest, self._folder / self.manifest.file
        for what, found, expected in (
            ("features", manifest.features, FEATURES),
            ("quantiles", manifest.quantiles, QUANTILES),
        ):
            if found != expected:
                raise ModelMismatch(f"{path} has {what} {found}, this release expects {expected}; {WAY_OUT}")
        try:
            model = path.read_bytes()
        except FileNotFoundError:
            raise ModelMismatch(f"{path} does not exist, though its manifest does; {WAY_OUT}") from None
        digest = hashlib.sha256(model).hexdigest()
        if digest != manifest.sha256:
            raise ModelMismatch(
                f"{path} has sha256 {digest[:12]}…, its manifest says {manifest.sha256[:12]}…; {WAY_OUT}"
            )
        return model
