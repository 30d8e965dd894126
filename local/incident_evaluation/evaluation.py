"""The evaluation: every seed watched, measured and written down, then one storm against the clock."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from local.incident_evaluation.desks import ABLATION
from local.incident_evaluation.figures import Evaluation, SeedFigures
from local.incident_evaluation.measuring import Measure
from local.incident_evaluation.outcome import outcome_of
from local.incident_evaluation.storm import SIZES, time_storms
from local.incident_evaluation.watching import watch
from simulator import Scenario
from simulator.mix import evaluation_mix

RESULTS = "results.json"
Stage = Callable[[str, int], Callable[[int], None]]
"""Begins a stage of so many steps; returns what takes how much is done."""


async def evaluate(seeds: Sequence[int], meters: int, days: int, out: Path, stage: Stage) -> Evaluation:
    """Measure every seed, one after the other; figures go to `results.json` in `out`, and are returned."""
    out.mkdir(parents=True, exist_ok=True)
    measured = []
    for seed in seeds:
        scenario = evaluation_mix(meters, days, seed)
        measured.append(await _one_seed(scenario, out, stage(f"seed {seed}: watching", scenario.slot_count)))
    found = Evaluation(
        date=datetime.now(UTC).date().isoformat(),
        machine=f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        seeds=tuple(measured),
        storm=await time_storms(stage("storms against the clock", len(SIZES))),
    )
    _write(out / RESULTS, found)
    return found


async def _one_seed(scenario: Scenario, out: Path, progress: Callable[[int], None]) -> SeedFigures:
    watched = await watch(scenario, ABLATION, out, progress)
    outcomes = [await outcome_of(desk) for desk in watched.desks]
    figures = Measure(watched).figures(outcomes)
    _write(out / f"seed-{scenario.seed}.json", figures)  # minutes of work are not lost when a later seed fails
    for desk in watched.desks:
        desk.close()
    return figures


def _write(path: Path, figures: Evaluation | SeedFigures) -> None:
    path.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
