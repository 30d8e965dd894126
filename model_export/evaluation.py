"""Evaluation: how the detector does beside others, by kind of fault and in alerts, over several trainings.

Every plan trains a detector of its own on its own utilities and measures it on others; nothing here touches the model
in `functions/models`.
"""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import precision_recall_curve

from functions.adapters.onnx_scorer import OnnxScorer
from model_export import rivals, training
from model_export.alerting import alerting, by_kind
from model_export.export import windows_per_second
from model_export.gathering import gather
from model_export.left_out import HEALTHY_WINDOWS, Part, leave_one_out
from model_export.metrics import GROUPS_OF_KINDS, PREVALENCE, average_precision, meter_hours
from model_export.plots import draw_plots
from model_export.report import write_fragment
from model_export.results import RECALLS, DetectorResult, Evaluation, Origin, SeedResult, known, write_results
from model_export.windows import joined
from simulator import TRIAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from model_export.gathering import Gathered
    from model_export.metrics import Hours
    from model_export.plan import Plan
    from model_export.results import RealSeriesResult
    from model_export.training import Fitted

    Advance = Callable[[float], None]
    Stage = Callable[[str], Advance]

CPU_INFO = Path("/proc/cpuinfo")


def evaluate(
    plans: Sequence[Plan],
    out: Path,
    stage: Stage,
    leave_one_out: bool = True,
    *,
    kinds: Sequence[str] = TRIAL_KINDS,
    real_series: Sequence[RealSeriesResult] = (),
) -> Evaluation:
    """Train and measure each plan; write `results.json`, `tables.md` and the plots to the folder `out`.

    `leave_one_out` trains the head anew for each of `kinds`, which takes most of the time. `real_series` is what
    `local.real_series` found; it is reported with the rest.
    """
    seeds = []
    for number, plan in enumerate(plans, 1):
        prefix = f"{number}/{len(plans)} " if len(plans) > 1 else ""
        found = _one_seed(plan, lambda name, prefix=prefix: stage(prefix + name), kinds if leave_one_out else ())
        seeds.append(found)
    found = Evaluation(origin=_origin(), seeds=tuple(seeds), real_series=tuple(real_series))
    write_results(found, out)
    write_fragment(found, out)
    advance = stage("drawing plots")
    draw_plots(found, out)
    advance(1)
    return found


def _one_seed(plan: Plan, stage: Stage, kinds: Sequence[str]) -> SeedResult:
    with TemporaryDirectory() as name:
        folder = Path(name)
        fitted = training.fit(plan, folder, stage)
        clean, faulty = gather((plan.clean, plan.measure), fitted.prior, folder, stage("measuring"), plan.processes)
        scorer = OnnxScorer.load(folder)
    assert faulty.trial is not None
    hours = meter_hours(faulty.windows, faulty.trial)
    detectors, model = [], np.empty(0)
    for found, score in _scores(plan, fitted, scorer, faulty, stage):
        detectors.append(_ranked(found, hours, score))
        model = score if found == rivals.MODEL else model
    left_out = _left_out(plan, fitted, scorer, faulty, hours, stage, kinds) if kinds else {}
    advance = stage("counting alerts")
    ordinary = faulty.windows.sample(training.SPEED_BATCH, plan.seed)
    result = SeedResult(
        seed=plan.seed,
        measured_meters=plan.measure.meters,
        measured_windows=len(faulty.windows),
        interval_min=24 * 60 / faulty.slots_per_day,
        detectors=tuple(detectors),
        kinds=by_kind(scorer, faulty, model, left_out),
        alerting=alerting(scorer, clean),
        windows_per_second=windows_per_second(scorer, ordinary.z.astype(np.float32)),
    )
    advance(1)
    return result


def _scores(plan: Plan, fitted: Fitted, scorer: OnnxScorer, faulty: Gathered, stage: Stage) -> Iterator[rivals.Named]:
    """Every detector's scores of the measured windows, one after the other."""
    windows, trial = faulty.windows, faulty.trial
    healthy = joined([each.windows for each in fitted.populations[: len(plan.healthy)]])
    yield from rivals.by_notebook(plan.healthy, trial, windows, plan.seed, stage("the notebook's detectors"))
    yield from rivals.by_six_features(healthy, windows, plan.seed, plan.epochs, stage("six features"))
    yield from rivals.by_trees(fitted.lesson, windows, plan.seed, stage("boosted trees"))
    yield from rivals.by_product(fitted.detector, scorer, windows, stage("the detector's parts"))


def _ranked(name: str, hours: Hours, score: NDArray[np.floating]) -> DetectorResult:
    highest = hours.highest(score)
    wanted = GROUPS_OF_KINDS | {kind: (kind,) for kind in TRIAL_KINDS}
    return DetectorResult(
        name=name,
        average_precision={group: known(average_precision(hours, highest, kinds)) for group, kinds in wanted.items()},
        precision={group: precision_at(hours, highest, kinds) for group, kinds in GROUPS_OF_KINDS.items()},
    )


def precision_at(hours: Hours, score: NDArray[np.floating], kinds: Sequence[str]) -> tuple[float, ...]:
    """Precision of the hours' scores `[h]` at each of `RECALLS`, weighted to a prevalence of 2 %."""
    wanted = np.isin(hours.kind, [1 + TRIAL_KINDS.index(kind) for kind in kinds])
    healthy = hours.kind == 0
    if not wanted.any() or not healthy.any():
        return ()
    weight = np.where(wanted, PREVALENCE / wanted.sum(), (1 - PREVALENCE) / healthy.sum())
    chosen = wanted | healthy
    precision, recall, _ = precision_recall_curve(wanted[chosen], score[chosen], sample_weight=weight[chosen])
    # Recall falls along the curve: the last point that still reaches a recall has the highest bar that does.
    last = np.searchsorted(-recall, -(np.array(RECALLS) - 1e-9), side="right") - 1
    return tuple(np.round(precision[last], 4).tolist())


def _left_out(
    plan: Plan,
    fitted: Fitted,
    scorer: OnnxScorer,
    faulty: Gathered,
    hours: Hours,
    stage: Stage,
    kinds: Sequence[str],
) -> dict[str, float]:
    advance = stage("leaving one kind out")
    fresh = fitted.populations[-len(plan.calibrate) :]
    healthy = joined([each.windows for each in fresh]).sample(HEALTHY_WINDOWS, plan.seed)
    return leave_one_out(
        kinds,
        fitted.lesson,
        Part.of(healthy, fitted.detector, scorer),
        Part.of(faulty.windows, fitted.detector, scorer),
        hours,
        seed=plan.seed,
        epochs=plan.epochs,
        processes=plan.processes,
        advance=advance,
    )


def _origin() -> Origin:
    models = [line.partition(":")[2] for line in _cpu_lines() if line.startswith("model name")]
    return Origin(
        date=datetime.now(UTC).date().isoformat(),
        command=" ".join(["python -m model_export", *sys.argv[1:]]),
        cpu=" ".join(models[0].split()) if models else platform.machine(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
    )


def _cpu_lines() -> list[str]:
    return CPU_INFO.read_text(encoding="utf-8").splitlines() if CPU_INFO.exists() else []
