"""Export: the trees as `restoration.onnx` with its manifest, proven before anything is replaced."""

from __future__ import annotations

import hashlib
import platform
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from functions.adapters.restoration_model import (
    FILE,
    MANIFEST,
    OnnxRestorationModel,
    RestorationManifest,
)
from functions.domain.errors import ModelMismatch
from functions.domain.restoration import QUANTILES
from functions.domain.restoration_features import FEATURES, features
from model_export.restoration.constants import constants
from model_export.restoration.fitting import hidden
from model_export.restoration.graph import build_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from model_export.restoration.fitting import Boosted
    from model_export.restoration.known import Moments

TOLERANCE = 1e-4
"""Log hours: a hundredth of a per cent of a duration."""
PARITY_ROWS = 20_000
ABOUT = "Quantiles of the log hours that remain until power is restored; docs/restoration.md says how well they hold."


def export(
    boosted: Boosted, moments: Moments, chosen: NDArray[np.bool_], source: str, out: Path
) -> RestorationManifest:
    """Write model and manifest; the old ones stay until the new model has proven itself.

    Raises
    ------
    ModelMismatch
        The graph says something else than scikit-learn; nothing has been replaced.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=out) as name:
        folder = Path(name)
        graph = build_graph(boosted)
        (folder / FILE).write_bytes(graph)
        manifest = _manifest(boosted, moments, chosen, source, graph)
        _write(folder, manifest)
        inputs = _parity_inputs(moments)
        found = float(np.abs(OnnxRestorationModel(folder)(inputs) - boosted(inputs)).max())
        if not found <= TOLERANCE:
            raise ModelMismatch(
                f"the exported graph differs from its reference by {found:.1e} log hours, more than {TOLERANCE:g}; "
                "nothing was replaced"
            )
        manifest = msgspec.structs.replace(manifest, parity_rows=len(inputs), parity=found)
        _write(folder, manifest)
        for file in (FILE, MANIFEST):
            (folder / file).replace(out / file)
    return manifest


def _parity_inputs(moments: Moments) -> NDArray[np.float32]:
    """Real moments, and the same with facts hidden."""
    rng = np.random.default_rng(0)
    count = min(PARITY_ROWS // 2, len(moments))
    inputs = features(moments.known)[rng.choice(len(moments), count, replace=False)]
    return np.concatenate((inputs, hidden(inputs, rng)))


def _manifest(
    boosted: Boosted, moments: Moments, chosen: NDArray[np.bool_], source: str, graph: bytes
) -> RestorationManifest:
    return RestorationManifest(
        about=ABOUT,
        file=FILE,
        sha256=hashlib.sha256(graph).hexdigest(),
        features=FEATURES,
        quantiles=QUANTILES,
        source=source,
        trained_from=int(moments.now[chosen].min()),
        trained_until=int(moments.now[chosen].max()),
        outages=len(np.unique(moments.event[chosen])),
        rows=int(chosen.sum()),
        trees=sum(each.n_iter_ for each in boosted.regressors),
        constants=constants(moments, chosen),
        parity_rows=0,
        parity=0.0,
        libraries={
            "python": platform.python_version(),
            **{name: version(name) for name in ("numpy", "scikit-learn", "onnx", "onnxruntime")},
        },
    )


def _write(folder: Path, manifest: RestorationManifest) -> None:
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (folder / MANIFEST).write_bytes(text + b"\n")
