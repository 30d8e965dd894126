"""The weather one utility sees: temperature and sunshine, the same for all of its meters."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from simulator.heat import heat_waves
from simulator.noise import autoregressive
from simulator.scenario import DAY_S, Scenario

YEAR_MEAN_C = 13.0
SEASON_SWING_C = 11.0  # a mid-latitude continental year: 2 °C in January, 24 °C in July
DAY_SWING_C = 6.0
COLDEST_DAY = 20  # of the year
WARMEST_HOUR = 15.0
CLOUD_COVER_CORRELATION = 0.99  # between quarter hours: a memory of a day
CLOUD_COVER_CONTRAST = 2.0
EARLIER_DAYS = 14
EARLIER_SEED = 1_000_003  # other weather than the period's own


@dataclass(frozen=True)
class Weather:
    """Series over the period."""

    temperature_c: np.ndarray
    """`[T] float32`, °C."""
    sun: np.ndarray
    """`[T] float32`, share of a solar panel's peak power, 0 to 1."""
    heat_c: np.ndarray
    """`[T] float64`, °C that a heat wave adds, in the temperature already; 0 outside."""


def earlier_temperature(scenario: Scenario) -> np.ndarray:
    """Temperature of the two weeks before the period, `[T] float32`, °C: what a weather archive has, without heat."""
    before = replace(
        scenario,
        start=scenario.start - EARLIER_DAYS * DAY_S,
        days=EARLIER_DAYS,
        seed=scenario.seed + EARLIER_SEED,
        heat_waves_per_week=0.0,
    )
    return draw_weather(before).temperature_c


def draw_weather(scenario: Scenario) -> Weather:
    """Season, day and weather fronts that last for days; clouds that last for an hour."""
    rng = scenario.stream("weather")
    day_of_year = (scenario.times / DAY_S) % 365.25
    season = -SEASON_SWING_C * np.cos(2 * np.pi * (day_of_year - COLDEST_DAY) / 365.25)
    day = DAY_SWING_C * np.cos(2 * np.pi * (scenario.hours - WARMEST_HOUR) / 24)
    fronts = autoregressive(rng, scenario.slot_count, 1, 0.995, scenario.interval_s)[:, 0]
    heat = heat_waves(scenario)
    temperature = YEAR_MEAN_C + season + day + 2.5 * fronts + heat
    clear_sky = np.clip(np.sin(np.pi * (scenario.hours - 6) / 12), 0, None) ** 1.2
    clouds = autoregressive(rng, scenario.slot_count, 1, 0.9, scenario.interval_s)[:, 0]
    overcast = autoregressive(rng, scenario.slot_count, 1, CLOUD_COVER_CORRELATION, scenario.interval_s)[:, 0]
    cover = 1 / (1 + np.exp(-CLOUD_COVER_CONTRAST * overcast))  # days are mostly clear or mostly grey
    sun = clear_sky * np.clip(1.0 - 0.75 * cover - 0.2 * clouds, 0.08, 1.0)
    return Weather(temperature.astype(np.float32), sun.astype(np.float32), heat)
