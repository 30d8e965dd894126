"""Meter swaps: a crew replaces a meter within the hour; the old one is silent for good, a new one reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.injection import MeterSwap
from simulator.scenario import DAY_S, HOUR_S

if TYPE_CHECKING:
    from simulator.injection import Injection

FIRST_HOUR, LAST_HOUR = 8, 16
CHANGE_S = 1_800  # from the last reading of the old meter to the first one of the new
REGISTERED_H = (0.5, 8.0)  # until the office has the crew's papers
PLACEMENT_TRIES = 40


def inject_swaps(injection: Injection) -> None:
    """Replace meters, by day; kept as benign, kind `swapped`, from the change to the end of the period."""
    scenario = injection.scenario
    rng = scenario.stream("swaps")
    for number in range(scenario.occurrences_by_size(scenario.swaps_per_1000_meter_weeks)):
        for _ in range(PLACEMENT_TRIES):
            meters = injection.random_meter(rng)
            at = _working_hour(injection, rng)
            taken = {swap.meter for swap in injection.swaps}
            if int(meters[0]) in taken or not injection.is_free(meters, at, at + CHANGE_S):
                continue
            rows = injection.touched(at, at + CHANGE_S)
            for values in (injection.voltage_v, injection.energy_kwh):
                values[rows, meters] = np.nan
            injection.occupy(meters, at, at + CHANGE_S)
            registered = at + int(rng.uniform(*REGISTERED_H) * HOUR_S)
            injection.swaps.append(MeterSwap(int(meters[0]), at, f"MTR-N{number + 1:05d}", registered))
            injection.book_benign("swapped", "exchange", meters, at, scenario.end)
            break


def _working_hour(injection: Injection, rng: np.random.Generator) -> int:
    scenario = injection.scenario
    day = int(rng.integers(scenario.first_fault_at // DAY_S, scenario.end // DAY_S + 1))
    return injection.aligned(day * DAY_S + rng.uniform(FIRST_HOUR, LAST_HOUR) * HOUR_S)
