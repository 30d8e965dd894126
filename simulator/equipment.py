"""Equipment outages: what fails without weather or work order to explain it, from one service to a whole substation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.power_cut import cut_power
from simulator.scenario import HOUR_S
from simulator.topology import NO_LATERAL

if TYPE_CHECKING:
    from collections.abc import Callable

    from simulator.injection import Injection

REPAIR_H = (1.0, 4.0)
TRANSMISSION_H = (0.4, 1.2)  # switched over to another line, not repaired
PLACEMENT_TRIES = 20


def inject_equipment_outages(injection: Injection) -> None:
    """Cut power where something fails; kind `outage`, causes `equipment`, `service` and `transmission`."""
    scenario, network = injection.scenario, injection.network
    laterals = np.unique(network.lateral_of_transformer[network.lateral_of_transformer != NO_LATERAL])
    substations = int(network.substation_of_feeder[-1]) + 1

    def transformer(rng: np.random.Generator) -> np.ndarray:
        return network.below_transformer(injection.random_transformer(rng))

    def lateral(rng: np.random.Generator) -> np.ndarray:
        return network.below_lateral(int(rng.choice(laterals))) if len(laterals) else np.empty(0, np.int64)

    def substation(rng: np.random.Generator) -> np.ndarray:
        return network.below_substation(int(rng.integers(substations)))

    weekly, by_size = scenario.occurrences, scenario.occurrences_by_size
    services = by_size(scenario.service_outages_per_1000_meter_weeks)
    _fail(injection, "equipment", weekly(scenario.equipment_outages_per_week), transformer)
    _fail(injection, "transmission", weekly(scenario.transmission_outages_per_week), substation, TRANSMISSION_H)
    _fail(injection, "equipment", weekly(scenario.lateral_outages_per_week), lateral, noun="laterals out")
    _fail(injection, "service", services, injection.random_meter)


def _fail(
    injection: Injection,
    cause: str,
    count: int,
    place: Callable[[np.random.Generator], np.ndarray],
    hours: tuple[float, float] = REPAIR_H,
    noun: str = "",
) -> None:
    scenario = injection.scenario
    rng = scenario.stream(noun or cause)
    for _ in range(count):
        for _ in range(PLACEMENT_TRIES):
            meters = place(rng)
            window = injection.random_window(rng, meters, rng.uniform(*hours) * HOUR_S)
            if window is not None:
                # Fuses do not wait for the start of an interval.
                start = window[0] + int(rng.integers(scenario.interval_s))
                end = window[1] - int(rng.integers(scenario.interval_s))
                if end > start:
                    cut_power(injection, rng, meters, start, np.full(len(meters), end))
                    injection.book("outage", cause, meters, start, end)
                    break
