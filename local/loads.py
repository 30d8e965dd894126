"""Loads: meters that report on time, one reading a slot each, delivered as the hub would."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from rich.console import Console
from rich.progress import track

from functions.adapters.clocks import SetClock
from functions.domain.packing import pack_columns
from functions.domain.roster_row import RosterRow
from functions.ports import LetterSource
from functions.services.scoring import Event
from local.machine import Machine
from local.stages import REST, Stopwatch

INTERVAL_S = 900
START = 1_718_582_400
EVENT_READINGS = 500
BATCH_EVENTS = 20
VOLTAGE_V = 240.0


@dataclass(frozen=True)
class Load:
    """Meters, and for how many slots they report."""

    name: str
    meters: int
    slots: int
    """Timed: a multiple of four has its share of slots that begin an hour, when meters learn."""
    form: str = "columns"
    warm: int = 5
    """Slots before: windows fill, packs are created, caches are there."""


@dataclass
class Measured:
    """What a load took."""

    load: Load
    seconds: list[float] = field(default_factory=list)
    """Of every timed batch."""
    cpu_s: float = 0.0
    """Of the whole process while batches were timed: what is left when disk and neighbours are taken away."""
    readings: int = 0
    state_bytes: int = 0
    """Stored a meter."""

    @property
    def rate(self) -> float:
        """Readings per second."""
        return self.readings / sum(self.seconds)

    @property
    def cpu_us(self) -> float:
        """Processor time a reading."""
        return self.cpu_s / self.readings * 1e6

    @property
    def percentiles_ms(self) -> tuple[float, float]:
        """Median and 99th percentile of a batch."""
        p50, p99 = np.percentile(self.seconds, (50, 99)) * 1000
        return float(p50), float(p99)


async def measure(load: Load, watch: Stopwatch | None = None) -> Measured:
    """Run a load on a new store; a stopwatch is running during the timed slots only."""
    found = Measured(load)
    names = [f"M{number:07d}" for number in range(load.meters)]
    with machine() as (one, clock):
        rows = (
            RosterRow(meter_id=name, feeder_id=_feeder(number), nominal_voltage_v=VOLTAGE_V)
            for number, name in enumerate(names)
        )
        await one.application.feeders.load(list(rows), START)
        slots = range(load.warm + load.slots)
        for slot in track(slots, description=load.name, console=Console(stderr=True)):
            if watch is not None and slot == load.warm:
                watch.seconds.clear()
            clock.set(START + (slot + 1) * INTERVAL_S)
            for batch, readings in batches(load, names, slot):
                started, cpu = time.perf_counter(), time.process_time()
                with (watch or Stopwatch()).stage(REST):
                    await one.application.scoring.score(batch)
                if slot >= load.warm:
                    found.seconds.append(time.perf_counter() - started)
                    found.cpu_s += time.process_time() - cpu
                    found.readings += readings
        stored = one.database.connection.execute("SELECT sum(length(data) + length(outbox)) FROM packs")
        found.state_bytes = round(stored.fetchone()[0] / load.meters)
    return found


@contextmanager
def machine() -> Iterator[tuple[Machine, SetClock]]:
    """A machine with an empty store, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        clock = SetClock(START)
        one = Machine.start(Path(folder) / "bench.db", Path(folder), clock)
        try:
            yield one, clock
        finally:
            one.database.close()


def _feeder(number: int) -> str:
    return f"F{number // EVENT_READINGS:05d}"


def batches(load: Load, names: list[str], slot: int) -> Iterator[tuple[list[Event], int]]:
    """Batches of one slot's readings of every meter; a healthy signal with some noise."""
    rng = np.random.default_rng(slot)
    voltage, energy = rng.normal(VOLTAGE_V, 1, load.meters), rng.gamma(2, 0.1, load.meters)
    stamps = np.full(EVENT_READINGS, START + slot * INTERVAL_S)
    pack = pack_columns if load.form == "columns" else _pack_objects
    bodies: list[bytes] = []
    for first in range(0, load.meters, EVENT_READINGS):
        these = slice(first, first + EVENT_READINGS)
        bodies += pack(_feeder(first), INTERVAL_S, names[these], stamps, voltage[these], energy[these])
        if len(bodies) == BATCH_EVENTS or these.stop >= load.meters:
            yield [Event(body, LetterSource("0", nth)) for nth, body in enumerate(bodies)], len(bodies) * EVENT_READINGS
            bodies = []


def _pack_objects(
    feeder_id: str, interval_s: int, meter_id: list[str], timestamp: np.ndarray, *values: np.ndarray
) -> list[bytes]:
    columns = zip(meter_id, timestamp.tolist(), *(column.round(3).tolist() for column in values), strict=True)
    readings = [
        {"meter_id": meter, "timestamp": moment, "voltage_v": volts, "energy_kwh": kwh}
        for meter, moment, volts, kwh in columns
    ]
    return [msgspec.json.encode({"feeder_id": feeder_id, "interval_s": interval_s, "readings": readings})]
