"""Communication: gaps, delays and duplicates of every day, and the silences that look like outages and are none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.scenario import HOUR_S
from simulator.topology import COLLECTORS_PER_FEEDER

if TYPE_CHECKING:
    from simulator.injection import Injection
    from simulator.scenario import Scenario

BURST_SLOTS = (2, 6)
LATE_SLOTS = (1, 3)
VERY_LATE_SLOTS = (5, 12)
COLLECTOR_HOURS = (2.0, 5.0)
PLACEMENT_TRIES = 20


@dataclass(frozen=True)
class Delivery:
    """How readings travel to the utility."""

    lost: np.ndarray
    """`[T, M] bool`."""
    delay_slots: np.ndarray
    """`[T, M] int8`."""
    duplicated: np.ndarray
    """`[T, M] bool`."""


def draw_delivery(scenario: Scenario) -> Delivery:
    """Benign losses, delays and duplicates, independent of what the readings say."""
    rng = scenario.stream("delivery")
    shape = (scenario.slot_count, scenario.meters)
    lost = rng.random(shape, dtype=np.float32) < scenario.single_gap_share
    bursts = int(rng.poisson(scenario.gap_bursts_per_meter_day * scenario.meters * scenario.days))
    first, meter = rng.integers(0, shape[0], bursts), rng.integers(0, shape[1], bursts)
    length = rng.integers(BURST_SLOTS[0], BURST_SLOTS[1] + 1, bursts)
    for step in range(BURST_SLOTS[1]):
        inside = (step < length) & (first + step < shape[0])
        lost[first[inside] + step, meter[inside]] = True
    delay = np.zeros(shape, dtype=np.int8)
    draw = rng.random(shape, dtype=np.float32)
    very_late = draw < scenario.very_late_share
    late = ~very_late & (draw < scenario.very_late_share + scenario.late_share)
    delay[late] = rng.integers(LATE_SLOTS[0], LATE_SLOTS[1] + 1, int(late.sum()))
    delay[very_late] = rng.integers(VERY_LATE_SLOTS[0], VERY_LATE_SLOTS[1] + 1, int(very_late.sum()))
    return Delivery(lost, delay, rng.random(shape, dtype=np.float32) < scenario.duplicate_share)


def inject_communication_faults(injection: Injection) -> None:
    """Silence without a last gasp; kind `communication`, causes `collector` and `radio`."""
    scenario = injection.scenario
    rng = scenario.stream("communication")
    for _ in range(scenario.occurrences(scenario.collector_outages_per_week)):
        for _ in range(PLACEMENT_TRIES):
            meters = _heard_by_one_collector(injection, rng)
            window = injection.random_window(rng, meters, rng.uniform(*COLLECTOR_HOURS) * HOUR_S)
            if window is not None:
                _silence(injection, meters, *window, cause="collector")
                break
    for _ in range(scenario.occurrences_by_size(scenario.dead_radios_per_1000_meter_weeks)):
        meters = injection.random_meter(rng)
        # A dead radio stays dead until somebody drives there, which is after the period.
        lasts = rng.uniform(0.1, 0.6) * (scenario.end - scenario.first_fault_at)
        start = injection.aligned(scenario.end - lasts)
        if injection.is_free(meters, start, scenario.end):
            _silence(injection, meters, start, scenario.end, cause="radio")


def _heard_by_one_collector(injection: Injection, rng: np.random.Generator) -> np.ndarray:
    """Meters at the near or at the far end of a feeder, `[n] int64`."""
    network = injection.network
    feeder = int(rng.integers(len(network.substation_of_feeder)))
    near = network.heard_by(COLLECTORS_PER_FEEDER * feeder)
    far = network.heard_by(COLLECTORS_PER_FEEDER * feeder + 1)
    return near if rng.random() < 0.5 or not len(far) else far


def _silence(injection: Injection, meters: np.ndarray, start: int, end: int, *, cause: str) -> None:
    where = injection.touched(start, end)
    injection.voltage_v[where, meters] = np.nan
    injection.energy_kwh[where, meters] = np.nan
    injection.occupy(meters, start, end)
    injection.book("communication", cause, meters, start, end)
