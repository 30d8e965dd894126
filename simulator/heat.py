"""Heat waves: everybody cools, and where the transformer is small the voltage sags a little: ordinary, and no fault."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.scenario import DAY_S, HOUR_S

if TYPE_CHECKING:
    from simulator.injection import Injection
    from simulator.scenario import Scenario

WAVE_DAYS = (2, 4)
EXTRA_C = (6.0, 9.0)  # above the usual of the season
SMALL_SHARE = 0.04  # of transformers were sized before their customers had air conditioning
STRAINED_SHARE = 0.6  # of the hot days, each of them sags
FIRST_HOUR, SAG_HOURS = (14.0, 18.0), (2.0, 6.0)
LEVEL_PU = (0.930, 0.945)  # below range A, above range B of ANSI C84.1-2020: it may be so for a while
FLOOR_PU = 0.920


def heat_waves(scenario: Scenario) -> np.ndarray:
    """Degrees above the season's usual, `[T] float64`; zeros for a scenario without heat waves."""
    extra = np.zeros(scenario.slot_count)
    rng = scenario.stream("heat waves")
    for _ in range(scenario.occurrences(scenario.heat_waves_per_week)):
        days = int(rng.integers(*WAVE_DAYS, endpoint=True))
        first = int(rng.integers(1, max(2, scenario.days - days)))
        rows = slice(first * scenario.slots_per_day, (first + days) * scenario.slots_per_day)
        extra[rows] = np.maximum(extra[rows], rng.uniform(*EXTRA_C))
    return extra


def inject_heat_sags(injection: Injection, extra_c: np.ndarray) -> None:
    """Let small transformers sag on hot afternoons where nothing else happens; benign, kind `heat`, cause `load`."""
    scenario, network = injection.scenario, injection.network
    hot = np.unique(scenario.times[extra_c > 0] // DAY_S)
    if not len(hot):
        return
    rng = scenario.stream("heat sags")
    count = max(1, round(SMALL_SHARE * len(network.position)))
    for transformer in rng.choice(len(network.position), count, replace=False).tolist():
        meters = network.below_transformer(transformer)
        for day in hot[rng.random(len(hot)) < STRAINED_SHARE].tolist():
            start = injection.aligned(day * DAY_S + rng.uniform(*FIRST_HOUR) * HOUR_S)
            end = injection.aligned(start + rng.uniform(*SAG_HOURS) * HOUR_S)
            level = rng.uniform(*LEVEL_PU)
            if injection.is_free(meters, start, end):
                _sag(injection, meters, start, end, level)


def _sag(injection: Injection, meters: np.ndarray, start: int, end: int, level_pu: float) -> None:
    rows = injection.touched(start, end)
    pu = injection.voltage_v[rows, meters] / injection.network.topology.nominal_voltage_v[meters]
    factor = np.minimum(level_pu / np.maximum(pu.mean(axis=0), level_pu), 1.0)
    factor = np.maximum(factor, np.minimum(FLOOR_PU / pu, 1.0))
    # The registers go on counting what is used, which the heat has raised already.
    injection.voltage_v[rows, meters] *= factor.astype(np.float32)
    injection.occupy(meters, start, end)
    injection.book_benign("heat", "load", meters, start, end)
