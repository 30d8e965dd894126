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
    """What a new meter is assumed to be like: a row a group (`packs.group`), a value a feature."""

    mean: tuple[tuple[float, ...], ...]
    sd: tuple[tuple[float, ...], ...]
    spread: tuple[tuple[float, ...], ...]


class PopulationRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One population of meters and what it was used for."""

    purpose: str
    source: str
    """`simulator`, or the name of the history file."""
    meters: int
    days: int
    windows: int
    seed: int
    season_day: int
    """Days after 17 June on which a simulated period begins."""
    fault_share: float


class TailShare(msgspec.Struct, frozen=True):
    """How often held-out healthy windows score above `score`; `nominal` is what calibration promises."""

    score: float
    nominal: float
    observed: float


class KindResult(msgspec.Struct, frozen=True, kw_only=True):
    """How injected faults of one kind were found, by the product's score: model and rules."""

    kind: str
    hours: int
    """Anomalous meter-hours with a reading."""
    average_precision: float | None
    """Of these hours against all healthy ones, at 2 % prevalence; None where no fault of the kind came about."""
    events: int
    caught: int
    """Events with an alert at the default budget."""
    median_delay_intervals: float | None
    """From onset to the end of the interval that raised the first alert, of the events that were caught."""


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """Measured on meters and weeks the model was neither trained nor calibrated on."""

    average_precision: dict[str, float | None]
    """Of all injected meter-hours, of voltage kinds and of thefts, at 2 % prevalence."""
    kinds: tuple[KindResult, ...]
    healthy: tuple[TailShare, ...]
    """In operation: what looks unusual teaches nothing."""
    healthy_voltage_only: tuple[TailShare, ...]
    """With the energy taken away: a utility that sends voltages only."""
    budget: float
    """False alerts per 1,000 meters a day that were allowed."""
    false_alerts: float
    """False alerts of the model per 1,000 meters a day that were observed."""
    clean_meter_days: int
    """Meter-days without a fault that they were observed on."""
    active_latents: int
    """Latent units whose mean varies (variance above 0.01; Burda et al. 2016), of four."""
    healthy_elbo: float
    """Mean evidence lower bound of held-out healthy windows, nats, up to a constant."""


class Parity(msgspec.Struct, frozen=True, kw_only=True):
    """Largest difference between the ONNX graph and its float64 reference (torch, scikit-learn, numpy).

    Absolute up to a value of 1, relative above; contributions relative to the largest of their window.
    """

    windows: int
    score: float
    contribution: float
    probability: float
    combined: float
    vae: float
    forest: float
    mahalanobis: float
    head: float
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
    alerts_per_window: float
    """Alerts over healthy windows above the bar: turns the budget into a bar (`thresholds.budget_score`)."""
    training: tuple[PopulationRecord, ...]
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
