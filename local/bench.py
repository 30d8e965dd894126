"""Benchmarks: readings per second from event body to committed state, on one core, in one run.

Machines are noisy, so what counts is the ratio to the notebook's detector in the same run.
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from functions.domain.readings import decode
from local.loads import INTERVAL_S, START, Load, Measured, measure
from local.notebook_detector import StreamingAnomalyDetector
from local.stages import STAGES, timed

LOADS = (
    Load("columns, 10k meters", 10_000, 32),
    Load("columns, 100k meters", 100_000, 8),
    Load("columns, 1M meters", 1_000_000, 4, warm=1),
    Load("objects, 10k meters", 10_000, 16, form="objects"),
)
QUICK_LOADS = (Load("columns, 1k meters", 1_000, 4), Load("objects, 1k meters", 1_000, 4, form="objects"))
STAGED = Load("stages, 10k meters", 10_000, 16)
QUICK_STAGED = Load("stages, 1k meters", 1_000, 4)
NOTEBOOK_METERS = 200
LONE_EVENTS = 20_000
COLD_STARTS = 3
COLD_START = """
import time; started = time.perf_counter()
import asyncio
from local.loads import Load, batches, machine
load = Load("", 500, 1)
(batch, _), = batches(load, [f"M{n}" for n in range(500)], 0)
with machine() as (one, clock):
    clock.set(clock.now() + 900)
    asyncio.run(one.application.scoring.score(batch))
    print(time.perf_counter() - started)
"""
"""Imports, store, model and functions, up to the first batch of 500 readings in its committed state."""


def run(out: Path, *, quick: bool = False) -> dict[str, object]:
    """Measure, print the tables and write the figures to `out`."""
    _use_one_core()
    notebook = _notebook(20 if quick else 120)
    measured = [asyncio.run(measure(load)) for load in (QUICK_LOADS if quick else LOADS)]
    stages = _stages(QUICK_STAGED if quick else STAGED)
    columns = [each for each in measured if each.load.form == "columns"]
    objects = [each for each in measured if each.load.form == "objects"]
    slowest = min(each.rate for each in columns)
    figures: dict[str, object] = {
        "in_process_columns_readings_per_s": round(slowest),
        "in_process_objects_readings_per_s": round(min(each.rate for each in objects)),
        "notebook_detector_readings_per_s": round(notebook),
        "ratio_to_notebook": round(slowest / notebook, 1),
        "cost_of_scale": round(columns[0].rate / columns[-1].rate - 1, 3),
        "cost_of_scale_cpu": round(columns[-1].cpu_us / columns[0].cpu_us - 1, 3),
        "state_bytes_per_meter": max(each.state_bytes for each in measured),
        "readings_per_s": {each.load.name: round(each.rate) for each in measured},
        "cpu_us_a_reading": {each.load.name: round(each.cpu_us, 2) for each in measured},
        "batch_ms_p50_p99": {each.load.name: [round(ms, 1) for ms in each.percentiles_ms] for each in measured},
        "stage_us_a_reading": {stage: round(us, 2) for stage, us in stages.items()},
        "one_reading_event_decode_us": round(_lone_decode_us(), 2),
        "cold_start_s": round(_cold_start_s(), 2),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one used, Python {platform.python_version()}",
    }
    _show(figures, measured, stages, notebook)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    return figures


def _use_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _stages(load: Load) -> dict[str, float]:
    """Microseconds a reading by stage, in a run of its own: the stopwatch takes some time too."""
    with timed() as watch:
        found = asyncio.run(measure(load, watch))
    return {stage: watch.seconds[stage] / found.readings * 1e6 for stage in STAGES}


def _lone_decode_us() -> float:
    """Microseconds to decode an event of one reading."""
    reading = {"meter_id": "M0000001", "timestamp": START, "voltage_v": 240.125, "energy_kwh": 0.25}
    body = msgspec.json.encode({"feeder_id": "F00001", "interval_s": INTERVAL_S, "readings": [reading]})
    started = time.perf_counter()
    for _ in range(LONE_EVENTS):
        decode(body, START)
    return (time.perf_counter() - started) / LONE_EVENTS * 1e6


def _cold_start_s() -> float:
    """Seconds from the first import to the first committed batch, in a process of its own."""
    command = [sys.executable, "-c", COLD_START]
    runs = [subprocess.run(command, check=True, capture_output=True, text=True) for _ in range(COLD_STARTS)]  # noqa: S603  # our own interpreter and text
    return statistics.median(float(each.stdout) for each in runs)


def _notebook(rounds: int) -> float:
    """Readings per second of the notebook's detector, its history filled first."""
    detector, rng = StreamingAnomalyDetector(), np.random.default_rng(0)
    names = [f"M{number}" for number in range(NOTEBOOK_METERS)]
    rates = []
    for number in track(range(rounds), description="notebook's detector", console=Console(stderr=True)):
        voltage, energy = rng.normal(240, 1, NOTEBOOK_METERS).tolist(), rng.gamma(2, 0.1, NOTEBOOK_METERS).tolist()
        started = time.perf_counter()
        for meter, volts, kwh in zip(names, voltage, energy, strict=True):
            detector.process(meter, volts, kwh)
        if number >= rounds // 2:
            rates.append(NOTEBOOK_METERS / (time.perf_counter() - started))
    return statistics.median(rates)


def _show(figures: dict[str, object], measured: list[Measured], stages: dict[str, float], notebook: float) -> None:
    console = Console()
    table = _table("Event body to committed SQLite state, one core", "load", "readings/s", "ratio", "µs each")
    for name in ("CPU µs", "p50 ms", "p99 ms"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in measured:
        p50, p99 = each.percentiles_ms
        row = f"{each.rate:,.0f}", f"{each.rate / notebook:,.1f}", f"{1e6 / each.rate:.1f}", f"{each.cpu_us:.1f}"
        table.add_row(each.load.name, *row, f"{p50:.1f}", f"{p99:.1f}")
    table.add_row("notebook's detector", f"{notebook:,.0f}", "1.0", f"{1e6 / notebook:.1f}", "", "", "")
    console.print(table)
    total = sum(stages.values())
    split = _table("Where the time goes, 10k meters", "stage", "µs each", "share")
    for stage, us in stages.items():
        split.add_row(stage, f"{us:.2f}", f"{us / total:.0%}")
    console.print(split)
    console.print(
        f"An event of one reading decodes in {figures['one_reading_event_decode_us']} µs; a process has its first batch"
        f" committed {figures['cold_start_s']} s after its first import; state is {figures['state_bytes_per_meter']}"
        " bytes a meter."
    )
    console.print(f"{figures['machine']}, {figures['date']}", highlight=False)


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 0))
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table
