"""Stuck registers: a meter repeats its last reading, to the last digit, for hours."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator import shapes
from simulator.scenario import HOUR_S

if TYPE_CHECKING:
    from simulator.injection import Injection

STUCK_HOURS = (6.0, 30.0)
PLACEMENT_TRIES = 20


def inject_stuck_registers(injection: Injection) -> None:
    """Freeze voltage and energy of single meters; kind `stuck`, cause `register`."""
    scenario = injection.scenario
    rng = scenario.stream("stuck")
    for _ in range(scenario.occurrences_by_size(scenario.stuck_per_1000_meter_weeks)):
        for _ in range(PLACEMENT_TRIES):
            meters = injection.random_meter(rng)
            window = injection.random_window(rng, meters, rng.uniform(*STUCK_HOURS) * HOUR_S)
            if window is not None:
                rows = injection.touched(*window)
                for readings in (injection.voltage_v, injection.energy_kwh):
                    readings[rows, meters] = shapes.stuck(readings[rows, meters])
                injection.occupy(meters, *window)
                injection.book("stuck", "register", meters, *window)
                break
