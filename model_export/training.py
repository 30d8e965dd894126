"""From a plan to a trained and measured detector: the whole of `train` but the export."""

from __future__ import annotations

import pickle
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from functions.adapters.model_manifest import Metrics, PopulationRecord
from functions.adapters.onnx_scorer import OnnxScorer
from functions.domain.errors import InputError
from functions.domain.thresholds import DEFAULT_BUDGET, TEACHES_BELOW, budget_score
from model_export import fitting
from model_export.draft import draft
from model_export.gathering import gather
from model_export.golden import golden_inputs
from model_export.metrics import (
    GROUPS_OF_KINDS,
    alerts,
    alerts_per_window,
    average_precision,
    kind_results,
    meter_hours,
    per_1000_meter_days,
    tail_shares,
)
from model_export.population import population_prior
from model_export.results import known
from model_export.vae import active_latents
from model_export.windows import joined

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from functions.domain.packs import Prior
    from model_export.gathering import Gathered
    from model_export.plan import Plan
    from model_export.reference import Detector

    Advance = Callable[[float], None]

SPEED_BATCH = 8192


@dataclass(frozen=True)
class Fitted:
    """A trained detector and what it was made of."""

    detector: Detector
    prior: Prior
    alerts_per_window: float
    lesson: fitting.Lesson
    populations: tuple[Gathered, ...]


@dataclass(frozen=True)
class Trained:
    """All that an export needs."""

    detector: Detector
    prior: Prior
    alerts_per_window: float
    populations: tuple[PopulationRecord, ...]
    metrics: Metrics
    golden: tuple[NDArray[np.float32], ...]
    """Features, usual mean and usual deviation `[n, 28]` to prove parity on."""
    ordinary: NDArray[np.float32]
    """Standardised windows `[8192, 28]` of a clean population, to time the graph on."""

    def write(self, path: Path) -> None:
        """Keep it for `export`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(pickle.dumps(self))

    @classmethod
    def read(cls, path: Path) -> Trained:
        """Read what `train` kept; a pickle runs code, so read none but your own. Raises `InputError`."""
        try:
            trained = pickle.loads(path.read_bytes())  # noqa: S301  # written by `train` on this machine
        except FileNotFoundError:
            raise InputError(f"{path} does not exist; `python -m model_export train` writes it") from None
        except (pickle.UnpicklingError, AttributeError, EOFError, ImportError, IndexError) as error:
            raise InputError(f"{path} is not what this release's `train` writes; train again") from error
        if not isinstance(trained, cls):
            raise InputError(f"{path} is not what this release's `train` writes; train again")
        return trained


def fit(plan: Plan, folder: Path, stage: Callable[[str], Advance]) -> Fitted:
    """Train on the plan's populations; `folder` keeps models under construction.

    `stage` announces a step and returns what is told its progress, in shares of the whole step.
    """
    prior = population_prior(plan.prior.readings(), stage("the population's prior"))
    healthy = gather(plan.healthy, prior, None, stage("healthy windows"), plan.processes)
    first = fitting.fit_health(healthy, plan.seed, plan.epochs, stage("training the autoencoder"))
    scorer = draft(folder, first, prior)
    quiet = joined([each.windows for each in healthy])
    first = fitting.calibrated(first, scorer, quiet)
    draft(folder, first, prior)

    trials = gather(plan.trials, prior, folder, stage("windows with faults"), plan.processes)
    lesson = fitting.lesson(trials, plan.seed)
    second = fitting.with_head(first, lesson, plan.seed, plan.epochs, stage("training the head"))
    draft(folder, fitting.calibrated(second, draft(folder, second, prior), quiet), prior)
    fresh = gather(plan.calibrate, prior, folder, stage("windows to calibrate on"), plan.processes)
    advance = stage("calibrating")
    scorer = draft(folder, second, prior)
    windows = joined([each.windows for each in fresh])
    final = fitting.calibrated(second, scorer, windows)
    scorer = draft(folder, final, prior)
    advance(0.6)
    score = fitting.outputs(scorer, windows)[0]
    share = alerts_per_window(windows, score, DEFAULT_BUDGET, fresh[0].slots_per_day)
    draft(folder, final, prior, share)
    advance(0.4)
    return Fitted(final, prior, share, lesson, (*healthy, *trials, *fresh))


def train(plan: Plan, stage: Callable[[str], Advance]) -> Trained:
    """Train and measure; nothing is exported yet."""
    with tempfile.TemporaryDirectory(prefix="metersentry-") as name:
        folder = Path(name)
        fitted = fit(plan, folder, stage)
        clean, faulty = gather((plan.clean, plan.measure), fitted.prior, folder, stage("measuring"), plan.processes)
        scorer = OnnxScorer.load(folder)
        bar = float(budget_score(DEFAULT_BUDGET, np.array([900]), fitted.alerts_per_window)[0])
        return Trained(
            detector=fitted.detector,
            prior=fitted.prior,
            alerts_per_window=fitted.alerts_per_window,
            populations=tuple(_record(each) for each in (*fitted.populations, clean, faulty)),
            metrics=measure(fitted, scorer, clean, faulty),
            golden=golden_inputs(clean.windows, faulty.windows, fitted.prior, (TEACHES_BELOW, bar), plan.seed),
            ordinary=clean.windows.sample(SPEED_BATCH, seed=0).z.astype(np.float32),
        )


def measure(fitted: Fitted, scorer: OnnxScorer, clean: Gathered, faulty: Gathered) -> Metrics:
    """What the detector does on a clean and on a faulty population, both watched in operation."""
    assert faulty.trial is not None
    hours = meter_hours(faulty.windows, faulty.trial)
    score = hours.highest(faulty.windows.score)
    raised = alerts(clean.windows, clean.windows.unusual, clean.slots_per_day)
    vae = fitting.raw_scores(scorer, clean.windows).vae
    return Metrics(
        average_precision={
            name: known(average_precision(hours, score, kinds)) for name, kinds in GROUPS_OF_KINDS.items()
        },
        kinds=kind_results(faulty.windows, faulty.trial, hours),
        healthy=tail_shares(clean.windows.score[clean.windows.rule == 0]),
        healthy_voltage_only=tail_shares(fitting.without_energy(scorer, clean.windows)),
        budget=DEFAULT_BUDGET,
        false_alerts=round(per_1000_meter_days(raised, clean.windows, clean.slots_per_day), 2),
        clean_meter_days=len(clean.windows) // clean.slots_per_day,
        active_latents=active_latents(fitted.detector.vae, clean.windows.standardised),
        healthy_elbo=round(-float(vae.mean()), 4),
    )


def _record(gathered: Gathered) -> PopulationRecord:
    population = gathered.population
    return PopulationRecord(
        purpose=population.purpose,
        source=population.source,
        meters=population.meters,
        days=population.days,
        windows=len(gathered.windows),
        seed=population.seed,
        season_day=population.season_day,
        fault_share=population.fault_share,
    )
