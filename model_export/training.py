"""From a plan to a model in its folder: the whole of `train`."""

from __future__ import annotations

import hashlib
import platform
import tempfile
import time
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import sklearn
import torch

from functions.adapters.model_manifest import (
    MANIFEST,
    Libraries,
    Manifest,
    Metrics,
    Parity,
    Population,
    PriorValues,
    write_manifest,
)
from functions.adapters.onnx_scorer import INPUTS, ML_OPSET, OPSET, OUTPUTS, OnnxScorer
from functions.domain.errors import ModelMismatch
from functions.domain.features import FEATURES
from functions.domain.packs import Prior
from functions.domain.thresholds import DEFAULT_BUDGET
from model_export.calibration import IDENTITY, fit_calibration
from model_export.forest import fit_forest
from model_export.golden import TOLERANCE, Golden, golden_inputs, holds, parity
from model_export.graph import IR_VERSION, Calibrations
from model_export.metrics import fault_results, tail_shares, without_energy
from model_export.reference import Detector
from model_export.vae import active_latents, train_vae
from model_export.windows import PRIOR_DAYS, UNKNOWN_PRIOR, Windows, collect, population_prior
from simulator import Scenario, simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from model_export.metrics import FaultResults

    Advance = Callable[[float], None]

FILE = "detector.onnx"
ABOUT = (
    "Trained and measured on simulated data only: no real meter has been seen, and the shares below hold for utilities "
    "that behave as the simulator's do."
)
TRAINING_WINDOWS = 1_500_000
SPEED_BATCH = 8192
SPEED_RUNS = 20


@dataclass(frozen=True)
class Plan:
    """What to train on. Other seeds follow from `seed`, so that no two populations are the same."""

    meters: int
    days: int
    seed: int
    epochs: int

    def scenario(self, purpose: str) -> Scenario:
        """Scenario of the population for `train`, `calibrate`, `hold out` or `faults`."""
        offset = PURPOSES.index(purpose)
        return Scenario(meters=self.meters, days=self.days, seed=self.seed + offset, faults=purpose == "faults")


PURPOSES = ("train", "calibrate", "hold out", "faults")


@dataclass(frozen=True)
class Trained:
    """What `train` leaves behind."""

    manifest: Manifest
    model_bytes: int


def train(plan: Plan, out: Path, golden_path: Path, stage: Callable[[str], Advance]) -> Trained:
    """Train, export, verify, and only then replace the model in `out` and the golden file.

    `stage` announces a step and returns what is told its progress, in shares of the whole step.

    Raises
    ------
    ModelMismatch
        The graph says something else than its reference; nothing has been replaced.
    """
    training, prior = _training_windows(plan, stage)
    z = training.sample(TRAINING_WINDOWS, plan.seed).standardised
    vae = train_vae(z, plan.seed, epochs=plan.epochs, advance=stage("training the autoencoder"))
    forest = fit_forest(z, plan.seed)
    raw = Detector(vae, forest, Calibrations(IDENTITY, IDENTITY, IDENTITY))

    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".new-", dir=out) as name:
        folder = Path(name)
        healthy = collect(simulate(plan.scenario("calibrate")), prior, advance=stage("windows to calibrate on"))
        detector = _calibrate(raw, _draft(folder, raw, prior), healthy, stage("calibrating"))
        scorer = _draft(folder, detector, prior)

        utility = simulate(plan.scenario("hold out"))
        held_out = collect(utility, prior, advance=stage("held-out windows"))
        operated = collect(utility, prior, scorer, advance=stage("the same in operation"))
        utility = simulate(plan.scenario("faults"))
        faulty = collect(utility, prior, scorer, advance=stage("windows with faults"))
        proof = stage("proving parity")
        golden = _golden(detector, scorer, golden_inputs(held_out, faulty, plan.seed))
        found = _proven(scorer, golden)
        proof(1)

        manifest = _manifest(
            scorer,
            training=_populations(plan, (training, healthy, held_out, faulty)),
            metrics=_metrics(detector, scorer, held_out, operated, fault_results(utility, faulty)),
            parity=found,
            windows_per_second=_windows_per_second(scorer, held_out),
        )
        write_manifest(folder, manifest)
        OnnxScorer.load(folder)
        size = (folder / FILE).stat().st_size
        golden.write(golden_path)
        for file in (FILE, MANIFEST):
            (folder / file).replace(out / file)
    return Trained(manifest, size)


def _training_windows(plan: Plan, stage: Callable[[str], Advance]) -> tuple[Windows, Prior]:
    utility = simulate(plan.scenario("train"))
    first = collect(utility, UNKNOWN_PRIOR, days=PRIOR_DAYS + 1, advance=stage("the population's prior"))
    prior = population_prior(first)
    return collect(utility, prior, advance=stage("windows to train on")), prior


def _draft(folder: Path, detector: Detector, prior: Prior) -> OnnxScorer:
    """Write a model with a manifest that knows no results yet, and load it as the product does."""
    model = detector.to_onnx()
    (folder / FILE).write_bytes(model)
    nothing = Metrics(
        healthy=(),
        healthy_in_operation=(),
        healthy_voltage_only=(),
        faults=(),
        budget=DEFAULT_BUDGET,
        false_windows_per_1000_meter_days=0,
        active_latents=0,
        healthy_elbo=0,
    )
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
        prior=PriorValues(*(tuple(map(float, values)) for values in prior)),
        training=(),
        libraries=_libraries(),
        metrics=nothing,
        parity=Parity(windows=0, score=0, contribution=0, vae=0, forest=0, tolerance=TOLERANCE),
        windows_per_second=0,
    )
    write_manifest(folder, manifest)
    return OnnxScorer.load(folder)


def _calibrate(raw: Detector, scorer: OnnxScorer, healthy: Windows, advance: Advance) -> Detector:
    _, _, vae, forest = scorer.outputs(healthy.features, healthy.usual_mean, healthy.usual_sd)
    advance(0.5)
    of_vae, of_forest = fit_calibration(vae), fit_calibration(forest)
    combined = fit_calibration((of_vae(vae) + of_forest(forest)) / 2)
    advance(0.5)
    return Detector(raw.vae, raw.forest, Calibrations(of_vae, of_forest, combined))


def _golden(detector: Detector, scorer: OnnxScorer, inputs: tuple[np.ndarray, ...]) -> Golden:
    answers = detector(*inputs)
    rounded = {name: getattr(answers, name).astype(np.float32) for name in OUTPUTS}
    features, usual_mean, usual_sd = inputs
    return Golden(sha256=scorer.manifest.sha256, features=features, usual_mean=usual_mean, usual_sd=usual_sd, **rounded)


def _proven(scorer: OnnxScorer, golden: Golden) -> Parity:
    found = parity(scorer, golden)
    if not holds(found):
        raise ModelMismatch(
            f"the exported graph differs from its reference by more than {TOLERANCE:g} ({found}); nothing was replaced"
        )
    return found


def _metrics(
    detector: Detector, scorer: OnnxScorer, held_out: Windows, operated: Windows, faults: FaultResults
) -> Metrics:
    inputs = held_out.features, held_out.usual_mean, held_out.usual_sd
    some = held_out.sample(TRAINING_WINDOWS // 10, seed=0)
    _, _, vae, _ = scorer.outputs(some.features, some.usual_mean, some.usual_sd)
    return Metrics(
        healthy=tail_shares(scorer(*inputs).score),
        healthy_in_operation=tail_shares(operated.score),
        healthy_voltage_only=tail_shares(without_energy(scorer, held_out)),
        faults=faults.kinds,
        budget=DEFAULT_BUDGET,
        false_windows_per_1000_meter_days=faults.false_windows_per_1000_meter_days,
        active_latents=active_latents(detector.vae, some.standardised),
        healthy_elbo=round(-float(vae.mean()), 4),
    )


def _populations(plan: Plan, windows: tuple[Windows, ...]) -> tuple[Population, ...]:
    return tuple(
        Population(purpose=purpose, windows=len(each), scenario=asdict(plan.scenario(purpose)))
        for purpose, each in zip(PURPOSES, windows, strict=True)
    )


def _manifest(
    scorer: OnnxScorer,
    *,
    training: tuple[Population, ...],
    metrics: Metrics,
    parity: Parity,
    windows_per_second: int,
) -> Manifest:
    known = {name: getattr(scorer.manifest, name) for name in Manifest.__struct_fields__}
    results = {
        "training": training,
        "metrics": metrics,
        "parity": parity,
        "windows_per_second": windows_per_second,
    }
    return Manifest(**{**known, **results})


def _libraries() -> Libraries:
    return Libraries(
        python=platform.python_version(),
        numpy=np.__version__,
        torch=str(torch.__version__),
        scikit_learn=sklearn.__version__,
        onnx=onnx.__version__,
        onnxruntime=version("onnxruntime"),
    )


def _windows_per_second(scorer: OnnxScorer, windows: Windows) -> int:
    """The best of a few runs: what the machine does when nobody else uses it. Rounded to thousands."""
    batch = windows.sample(SPEED_BATCH, seed=0)
    fastest = float("inf")
    for _ in range(SPEED_RUNS):
        started = time.perf_counter()
        scorer(batch.features, batch.usual_mean, batch.usual_sd)
        fastest = min(fastest, time.perf_counter() - started)
    return round(len(batch) / fastest / 1000) * 1000
