"""Gathering: the windows of several populations, two at a time."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING

import numpy as np

from functions.adapters.onnx_scorer import OnnxScorer
from model_export.windows import collect, score_nothing
from simulator import inject_trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from functions.domain.packs import Prior
    from model_export.plan import Population
    from model_export.windows import Windows
    from simulator import Trial

LONG_AGO = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Gathered:
    """Windows of one population, with what is true of them."""

    population: Population
    slots_per_day: int
    windows: Windows
    kind: NDArray[np.int8]
    """`[n]`: 0 where nothing is wrong in the last reading, else 1 + index into `TAUGHT_KINDS`."""
    since: NDArray[np.int32]
    """`[n]`: slots since the meter's last anomalous one, `LONG_AGO` where none has been."""
    trial: Trial | None


def gather(
    populations: Sequence[Population],
    prior: Prior,
    models: Path | None,
    advance: Callable[[float], None],
    processes: int = 2,
) -> list[Gathered]:
    """Windows of each population, scored by the model in the folder `models`, or by nothing."""
    jobs = [(population, prior, models) for population in populations]
    results = []
    for result in _each(jobs, min(processes, len(jobs))):
        results.append(result)
        advance(1 / len(jobs))
    return results


def _each(jobs: list[tuple[Population, Prior, Path | None]], processes: int) -> Iterator[Gathered]:
    if processes <= 1:
        yield from map(_gather, jobs)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_gather, jobs)


def _gather(job: tuple[Population, Prior, Path | None]) -> Gathered:
    population, prior, models = job
    readings = population.readings()
    first, share = population.first_day * readings.slots_per_day, population.fault_share
    trial = (
        inject_trial(readings, seed=population.seed, first=first, share=share, kinds=population.kinds)
        if share
        else None
    )
    scorer = None if models is None else OnnxScorer.load(models)
    sent = trial.readings if trial else readings
    windows = collect(
        sent,
        prior,
        scorer or score_nothing,
        alerts_per_window=scorer.alerts_per_window if scorer else 1.0,
        first=first,
        every=population.every,
    )
    truth = trial.truth if trial else np.zeros(sent.voltage_v.shape, np.int8)
    since = _since(truth)[windows.slot, windows.meter] if trial else np.full(len(windows), LONG_AGO, np.int32)
    kind = truth[windows.slot, windows.meter]
    return Gathered(population, readings.slots_per_day, windows, kind, since, trial)


def _since(truth: NDArray[np.int8]) -> NDArray[np.int32]:
    """Slots since the last anomalous one of the meter, `[T, M]`."""
    row = np.arange(len(truth), dtype=np.int32)[:, None]
    last = np.maximum.accumulate(np.where(truth > 0, row, np.int32(-1)), axis=0)
    return np.where(last >= 0, row - last, np.int32(LONG_AGO))
