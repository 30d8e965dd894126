"""Drafts: a detector written as the product loads it, with a manifest that knows no results yet."""

from __future__ import annotations

import hashlib
import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import onnx
import sklearn
import torch

from functions.adapters.model_manifest import Libraries, Manifest, Metrics, Parity, PriorValues, write_manifest
from functions.adapters.onnx_scorer import INPUTS, ML_OPSET, OPSET, OUTPUTS, OnnxScorer
from functions.domain.features import FEATURES
from functions.domain.thresholds import DEFAULT_BUDGET
from model_export.golden import TOLERANCE
from model_export.graph import IR_VERSION

if TYPE_CHECKING:
    from pathlib import Path

    from functions.domain.packs import Prior
    from model_export.reference import Detector

FILE = "detector.onnx"
ABOUT = (
    "Faults are injected: the shares below hold for faults as the simulator makes them and for meters like those of "
    "the populations listed."
)


def draft(folder: Path, detector: Detector, prior: Prior, alerts_per_window: float = 1.0) -> OnnxScorer:
    """Write the detector into `folder` and load it."""
    model = detector.to_onnx()
    (folder / FILE).write_bytes(model)
    manifest = Manifest(
        about=ABOUT,
        file=FILE,
        sha256=hashlib.sha256(model).hexdigest(),
        opset=OPSET,
        ml_opset=ML_OPSET,
        ir_version=IR_VERSION,
        features=FEATURES,
        inputs=INPUTS,
        outputs=OUTPUTS,
        prior=PriorValues(*(tuple(tuple(map(float, row)) for row in values) for values in prior)),
        alerts_per_window=round(alerts_per_window, 4),
        training=(),
        libraries=_libraries(),
        metrics=Metrics(
            average_precision={},
            kinds=(),
            healthy=(),
            healthy_voltage_only=(),
            budget=DEFAULT_BUDGET,
            false_alerts=0,
            clean_meter_days=0,
            active_latents=0,
            healthy_elbo=0,
        ),
        parity=Parity(windows=0, tolerance=TOLERANCE, **dict.fromkeys(OUTPUTS, 0)),
        windows_per_second=0,
    )
    write_manifest(folder, manifest)
    return OnnxScorer.load(folder)


def _libraries() -> Libraries:
    return Libraries(
        python=platform.python_version(),
        numpy=np.__version__,
        torch=str(torch.__version__),
        scikit_learn=sklearn.__version__,
        onnx=onnx.__version__,
        onnxruntime=version("onnxruntime"),
    )
