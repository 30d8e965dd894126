"""Wind and rain: a breeze on most days, and gusts with rain while a storm passes."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from simulator.noise import autoregressive
from simulator.scenario import HOUR_S

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simulator.scenario import Scenario
    from simulator.storm import SimulatedStorm

BREEZE_MPS, BREEZE_SPREAD = 3.0, 0.45  # median and spread of the lognormal
BREEZE_CORRELATION = 0.98  # between quarter hours: a memory of half a day
AFTERNOON_EXTRA = 0.35  # the ground is warm and the air is stirred
STORM_MPS = (15.0, 24.0)
STORM_RAIN_MM_H = (5.0, 25.0)
SHOWER_SHARE = 0.03
SHOWER_MM_H = (0.2, 4.0)


class Wind(NamedTuple):
    """Series over the period."""

    wind_mps: np.ndarray
    """`[T] float32`, m/s."""
    precipitation_mm: np.ndarray
    """`[T] float32`, mm in the interval."""


def draw_wind(scenario: Scenario, storms: Sequence[SimulatedStorm]) -> Wind:
    """Draw wind and rain that fit the storms."""
    rng = scenario.stream("wind")
    wander = autoregressive(rng, scenario.slot_count, 1, BREEZE_CORRELATION, scenario.interval_s)[:, 0]
    by_day = 1 + AFTERNOON_EXTRA * np.cos(2 * np.pi * (scenario.hours - 15) / 24)
    wind = BREEZE_MPS * by_day * np.exp(BREEZE_SPREAD * wander)
    showers = rng.random(scenario.slot_count) < SHOWER_SHARE
    rain = np.where(showers, rng.uniform(*SHOWER_MM_H, scenario.slot_count), 0.0)
    for storm in storms:
        inside = (scenario.times >= storm.start) & (scenario.times < storm.end)
        wind[inside] = np.maximum(wind[inside], rng.uniform(*STORM_MPS, int(inside.sum())))
        rain[inside] = rng.uniform(*STORM_RAIN_MM_H, int(inside.sum()))
    return Wind(wind.astype(np.float32), (rain * scenario.interval_s / HOUR_S).astype(np.float32))
