"""Benchmarks: readings per second from event body to committed state, on one core, in one run.

Machines are noisy, so what counts is the ratio to the notebook's detector in the same run.
"""

from __future__ import annotations

import asyncio
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from functions.adapters.clocks import SetClock
from functions.domain.packing import pack_columns
from functions.domain.roster import RosterRow
from functions.ports import LetterSource
from functions.services.scoring import Event
from local.machine import Machine
from local.notebook_detector import StreamingAnomalyDetector

INTERVAL_S = 900
START = 1_718_582_400
EVENT_READINGS = 500
BATCH_EVENTS = 20
WARM_SLOTS = 5
"""Slots before the clock runs: windows fill, packs are created, nominal voltages and caches are there."""
NOTEBOOK_METERS = 200


@dataclass(frozen=True)
class Load:
    """One row of the table."""

    name: str
    meters: int
    slots: int
    form: str


LOADS = (
    Load("columns, 10k meters", 10_000, 16, "columns"),
    Load("columns, 100k meters", 100_000, 6, "columns"),
    Load("objects, 10k meters", 10_000, 8, "objects"),
)
QUICK_LOADS = (Load("columns, 1k meters", 1_000, 4, "columns"), Load("objects, 1k meters", 1_000, 4, "objects"))


def run(out: Path, *, quick: bool = False) -> dict[str, object]:
    """Measure, print the table and write the figures to `out`."""
    _use_one_core()
    loads = QUICK_LOADS if quick else LOADS
    notebook = _notebook(20 if quick else 120)
    measured = [(load, *asyncio.run(_measure(load))) for load in loads]
    columns = [rate for load, rate, _, _ in measured if load.form == "columns"]
    objects = [rate for load, rate, _, _ in measured if load.form == "objects"]
    figures: dict[str, object] = {
        "in_process_columns_readings_per_s": round(min(columns)),
        "in_process_objects_readings_per_s": round(min(objects)),
        "notebook_detector_readings_per_s": round(notebook),
        "ratio_to_notebook": round(min(columns) / notebook, 1),
        "state_bytes_per_meter": max(size for _, _, _, size in measured),
        "readings_per_s": {load.name: round(rate) for load, rate, _, _ in measured},
        "batch_ms_p50_p99": {
            load.name: [round(float(each) * 1000, 1) for each in np.percentile(times, (50, 99))]
            for load, _, times, _ in measured
        },
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one used, Python {platform.python_version()}",
    }
    _show(figures, measured, notebook)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    return figures


def _use_one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


async def _measure(load: Load) -> tuple[float, list[float], int]:
    """Readings per second over all timed batches, seconds of every batch, and stored bytes a meter."""
    with tempfile.TemporaryDirectory() as folder:
        clock = SetClock(START)
        machine = Machine.start(Path(folder) / "bench.db", Path(folder), clock)
        names = [f"M{number:07d}" for number in range(load.meters)]
        rows = [
            RosterRow(meter_id=name, feeder_id=_feeder(number), nominal_voltage_v=240.0)
            for number, name in enumerate(names)
        ]
        await machine.application.feeders.load(rows, START)
        times, counts = [], []
        slots = range(WARM_SLOTS + load.slots)
        for slot in track(slots, description=load.name, console=Console(stderr=True)):
            clock.set(START + (slot + 1) * INTERVAL_S)
            for batch, readings in _batches(load, names, slot):
                started = time.perf_counter()
                await machine.application.scoring.score(batch)
                if slot >= WARM_SLOTS:
                    times.append(time.perf_counter() - started)
                    counts.append(readings)
        stored = machine.database.connection.execute("SELECT sum(length(data) + length(outbox)) FROM packs")
        size = round(stored.fetchone()[0] / load.meters)
        machine.database.close()
    return sum(counts) / sum(times), times, size


def _feeder(number: int) -> str:
    return f"F{number // EVENT_READINGS:05d}"


def _batches(load: Load, names: list[str], slot: int) -> Iterator[tuple[list[Event], int]]:
    """Batches of one slot's readings of every meter; a healthy signal with some noise."""
    rng = np.random.default_rng(slot)
    voltage, energy = rng.normal(240, 1, load.meters), rng.gamma(2, 0.1, load.meters)
    stamps = np.full(EVENT_READINGS, START + slot * INTERVAL_S)
    pack = pack_columns if load.form == "columns" else _pack_objects
    bodies = []
    for first in range(0, load.meters, EVENT_READINGS):
        these = slice(first, first + EVENT_READINGS)
        bodies += pack(_feeder(first), INTERVAL_S, names[these], stamps, voltage[these], energy[these])
    for first in range(0, len(bodies), BATCH_EVENTS):
        some = bodies[first : first + BATCH_EVENTS]
        yield [Event(body, LetterSource("0", nth)) for nth, body in enumerate(some)], len(some) * EVENT_READINGS


def _pack_objects(
    feeder_id: str, interval_s: int, meter_id: list[str], timestamp: np.ndarray, *values: np.ndarray
) -> list[bytes]:
    columns = zip(meter_id, timestamp.tolist(), *(column.round(3).tolist() for column in values), strict=True)
    readings = [
        {"meter_id": meter, "timestamp": moment, "voltage_v": volts, "energy_kwh": kwh}
        for meter, moment, volts, kwh in columns
    ]
    return [msgspec.json.encode({"feeder_id": feeder_id, "interval_s": interval_s, "readings": readings})]


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


def _show(figures: dict[str, object], measured: list[tuple[Load, float, list[float], int]], notebook: float) -> None:
    console = Console()
    table = Table(
        title="Event body to committed SQLite state, one core", title_justify="left", box=SIMPLE_HEAD, padding=(0, 0)
    )
    for name in ("load", "readings/s", "ratio", "µs each", "p50 ms", "p99 ms", "bytes/meter"):
        table.add_column(name, justify="left" if name == "load" else "right", no_wrap=True)
    for load, rate, times, size in measured:
        p50, p99 = np.percentile(times, (50, 99)) * 1000
        row = f"{rate:,.0f}", f"{rate / notebook:,.1f}", f"{1e6 / rate:.1f}", f"{p50:.1f}", f"{p99:.1f}", f"{size:,}"
        table.add_row(load.name, *row)
    table.add_row("notebook's detector", f"{notebook:,.0f}", "1.0", f"{1e6 / notebook:.1f}", "", "", "")
    console.print(table)
    console.print(f"{figures['machine']}, {figures['date']}", highlight=False)
