"""The manifest of a model: what the file beside it is, what it was trained on, and how well it does.

Serving reads it before it trusts a model; people read it before they trust a score.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from functions.domain.errors import ModelMismatch
from functions.domain.packs import Prior

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "manifest.json"
WAY_OUT = "train it again with `python -m model_export train`, or redeploy the package"


class PriorValues(msgspec.Struct, frozen=True):
    """What a new meter is assumed to be like, in the order of the features."""

    mean: tuple[float, ...]
    sd: tuple[float, ...]
    spread: tuple[float, ...]


class Population(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated utility and what it was used for."""

    purpose: str
    windows: int
    scenario: dict[str, int | float | bool]
    """Every field of the simulator's scenario, the seed among them."""


class TailShare(msgspec.Struct, frozen=True):
    """How often held-out healthy windows score above `score`; `nominal` is what calibration promises."""

    score: float
    nominal: float
    observed: float


class KindResult(msgspec.Struct, frozen=True, kw_only=True):
    """How faults of one kind were found. An event counts once for each meter it hit and that still reported."""

    kind: str
    windows: int
    average_precision: float
    """Of the model's score alone, against all windows outside any fault."""
    meter_events: int
    recall_model: float
    """Share of them with a window above the bar, by the model alone, at the default budget."""
    recall_with_rules: float
    """The same, with the limits that speak beside the model."""


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Measured on utilities the model was neither trained nor calibrated on."""

    healthy: tuple[TailShare, ...]
    """Every window taught its meter's baseline, as when the model was calibrated."""
    healthy_in_operation: tuple[TailShare, ...]
    """The same meters when, as in operation, unusual windows teach nothing: far-off meters learn late or never."""
    healthy_voltage_only: tuple[TailShare, ...]
    """As `healthy`, with the energy taken away: a utility that sends voltages only."""
    faults: tuple[KindResult, ...]
    """One a kind; the first, `all`, is of every kind together."""
    budget: float
    """False alerts per 1,000 meters a day that the recalls allow."""
    false_windows_per_1000_meter_days: float
    """Windows outside any fault that cleared both bars, in the utility with faults."""
    active_latents: int
    """Latent units whose mean varies (variance above 0.01; Burda et al. 2016) of three."""
    healthy_elbo: float
    """Mean evidence lower bound of held-out healthy windows, nats, up to a constant."""


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """Largest difference between the ONNX graph and its float64 reference (torch, scikit-learn, numpy).

    Absolute up to a value of 1, relative above; contributions relative to the largest of their window.
    """

    windows: int
    score: float
    contribution: float
    vae: float
    forest: float
    tolerance: float


class Libraries(msgspec.Struct, frozen=True):
    """Versions the model was made with."""

    python: str
    numpy: str
    torch: str
    scikit_learn: str
    onnx: str
    onnxruntime: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Everything known about one model file."""

    about: str
    file: str
    sha256: str
    opset: int
    ml_opset: int
    ir_version: int
    features: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    prior: PriorValues
    training: tuple[Population, ...]
    libraries: Libraries
    metrics: Metrics
    parity: Parity
    windows_per_second: int
    """One thread of the machine that trained it, batches of 8192; an order of magnitude, not a promise."""

    def as_prior(self) -> Prior:
        """The prior in the form the domain works with."""
        return Prior(*(np.array(values, np.float32) for values in msgspec.structs.astuple(self.prior)))


def read_manifest(folder: Path) -> Manifest:
    """Manifest of the model in `folder`.

    Raises
    ------
    ModelMismatch
        It is missing, or not a manifest of this release.
    """
    path = folder / MANIFEST
    try:
        return msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise ModelMismatch(f"{path} does not exist; {WAY_OUT}") from None
    except msgspec.MsgspecError as error:
        raise ModelMismatch(f"{path} is not a manifest of this release ({error}); {WAY_OUT}") from error


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write `manifest` as indented JSON, stable byte for byte."""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    (folder / MANIFEST).write_bytes(text + b"\n")
