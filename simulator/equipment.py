"""Equipment outages: a transformer's fuse blows, and neither weather nor work order explains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.power_cut import cut_power
from simulator.scenario import HOUR_S

if TYPE_CHECKING:
    from simulator.injection import Injection

REPAIR_H = (1.0, 4.0)
PLACEMENT_TRIES = 20


def inject_equipment_outages(injection: Injection) -> None:
    """Cut the power of single transformers; kind `outage`, cause `equipment`."""
    scenario = injection.scenario
    rng = scenario.stream("equipment")
    for _ in range(scenario.occurrences(scenario.equipment_outages_per_week)):
        for _ in range(PLACEMENT_TRIES):
            meters = injection.network.below_transformer(injection.random_transformer(rng))
            window = injection.random_window(rng, meters, rng.uniform(*REPAIR_H) * HOUR_S)
            if window is not None:
                # Fuses do not wait for the start of an interval.
                start = window[0] + int(rng.integers(scenario.interval_s))
                end = window[1] - int(rng.integers(scenario.interval_s))
                if end > start:
                    cut_power(injection, rng, meters, start, np.full(len(meters), end))
                    injection.book("outage", "equipment", meters, start, end)
                    break
