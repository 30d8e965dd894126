"""What customers really draw: habits, appliances, heat and cold, electric vehicles, solar roofs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.life import live
from simulator.noise import autoregressive, pulses
from simulator.scenario import HOUR_S, WEEK_DAYS
from simulator.topology import RESIDENTIAL

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.topology import Network
    from simulator.weather import Weather

# Hourly shapes, weekday and weekend, midnight first; scaled to a mean of one over a week. Drawn by hand to the form
# that load surveys show: homes peak in the evening, shops work by day, factories in two shifts.
# fmt: off
SHAPES = np.array([
    [[.55, .48, .45, .44, .46, .58, .85, 1.05, .95, .82, .78, .80,
      .85, .85, .86, .95, 1.15, 1.45, 1.65, 1.70, 1.60, 1.40, 1.05, .75],
     [.62, .53, .48, .46, .46, .50, .62, .85, 1.10, 1.22, 1.22, 1.22,
      1.22, 1.18, 1.15, 1.18, 1.28, 1.45, 1.58, 1.62, 1.52, 1.35, 1.08, .80]],
    [[.45, .43, .42, .42, .45, .55, .80, 1.15, 1.50, 1.65, 1.70, 1.72,
      1.70, 1.70, 1.68, 1.65, 1.60, 1.45, 1.25, 1.05, .85, .70, .55, .48],
     [.42, .40, .40, .40, .40, .42, .48, .55, .70, .80, .85, .88,
      .88, .86, .82, .78, .72, .65, .60, .55, .50, .47, .45, .43]],
    [[.70, .68, .68, .68, .75, .95, 1.20, 1.32, 1.36, 1.38, 1.38, 1.30,
      1.34, 1.38, 1.38, 1.36, 1.32, 1.28, 1.25, 1.22, 1.18, 1.05, .85, .75],
     [.55, .54, .54, .54, .54, .55, .58, .60, .62, .62, .62, .62,
      .62, .62, .62, .60, .60, .58, .57, .56, .56, .55, .55, .55]],
])
# fmt: on
MEDIAN_KW = np.array([0.75, 6.0, 55.0])  # mean draw of the median customer of each type
SIZE_SPREAD = np.array([0.45, 0.7, 0.5])  # of the lognormal
RESTLESSNESS = np.array([0.40, 0.18, 0.10])  # a home's draw is a few appliances, a factory's is many
RESTLESSNESS_SPREAD = 0.25  # of the lognormal around it: some homes are calm
RESTLESSNESS_CORRELATION = (0.6, 0.95)

COMFORT_C = (17.0, 22.0)
HEAT_SHARE = 0.35  # of customers heat with electricity
APPLIANCE_USES_PER_DAY = 6.0  # kettle, oven, dryer, water heater
APPLIANCE_USES_SPREAD = 0.6  # of the lognormal: one cooks every day, another one never
APPLIANCE_KW, APPLIANCE_SPREAD = 1.3, 0.55  # median and spread of the lognormal: one use in a hundred is above 4.5 kW
APPLIANCE_LIMITS_KW = (0.3, 9.0)  # an instantaneous water heater
APPLIANCE_HOURS, APPLIANCE_HOURS_SPREAD = 0.6, 0.6
EV_SHARE = 0.08
EV_KW = (3.6, 7.2, 9.6)
EV_EVENING_PROBABILITY = (0.25, 0.85)  # most drivers charge every other day
SOLAR_SHARE = 0.10
SOLAR_INSTALLED_PER_WEEK = 0.0005  # of homes get a roof in the period


@dataclass(frozen=True)
class Demand:
    """What flows through the meters."""

    draw_kw: np.ndarray
    """`[T, M] float32`, mean power the customer uses, kW."""
    solar_kw: np.ndarray
    """`[T, M] float32`, mean power of the customer's roof, kW."""

    @property
    def net_kw(self) -> np.ndarray:
        """`[T, M] float32`, power through the service drop, negative when the roof feeds the grid, kW."""
        net: np.ndarray = self.draw_kw - self.solar_kw
        return net


def draw_demand(scenario: Scenario, network: Network, weather: Weather) -> Demand:
    """Draw every customer's demand over the period."""
    rng = scenario.stream("load")
    size_kw = (
        MEDIAN_KW[network.kind] * np.exp(SIZE_SPREAD[network.kind] * rng.standard_normal(scenario.meters))
    ).astype(np.float32)
    draw = _habits(rng, scenario, network)
    draw *= size_kw
    draw += _climate(rng, network, weather, size_kw)
    draw += _appliances(rng, scenario, network)
    draw += _vehicles(rng, scenario, network)
    live(scenario, network, draw)
    roofs = rng.random(scenario.meters) < np.where(network.kind == RESIDENTIAL, SOLAR_SHARE, 0)
    installed = np.where(roofs, 0, scenario.slot_count)
    new = ~roofs & (network.kind == RESIDENTIAL)
    new &= rng.random(scenario.meters) < SOLAR_INSTALLED_PER_WEEK * scenario.days / WEEK_DAYS
    installed[new] = rng.integers(0, scenario.slot_count, int(new.sum()))
    peak_kw = np.clip(size_kw * rng.uniform(3.0, 5.0, scenario.meters), 2.0, 9.0).astype(np.float32)
    solar = np.where(np.arange(scenario.slot_count)[:, None] >= installed, weather.sun[:, None] * peak_kw, 0)
    return Demand(draw, solar)


def _habits(rng: np.random.Generator, scenario: Scenario, network: Network) -> np.ndarray:
    """Shape of day and week, shifted by each customer's own clock, with restless noise, `[T, M] float32`, mean 1."""
    per_day = scenario.slots_per_day
    grid = np.arange(per_day) * 24 / per_day
    table = np.array([[np.interp(grid, np.arange(24), row, period=24) for row in kind] for kind in SHAPES])
    table /= ((5 * table[:, 0] + 2 * table[:, 1]) / 7).mean(axis=1)[:, None, None]
    table = table.astype(np.float32)
    shift = np.round(rng.normal(0, 1.0, scenario.meters) * HOUR_S / scenario.interval_s).astype(np.int64)
    of_day = (scenario.times // scenario.interval_s % per_day)[:, None] + shift
    row = (network.kind.astype(np.int64) * 2)[None, :] + scenario.weekends[:, None]
    habits: np.ndarray = table.reshape(-1)[row * per_day + of_day % per_day]
    memory = rng.uniform(*RESTLESSNESS_CORRELATION, scenario.meters)
    noise = autoregressive(rng, scenario.slot_count, scenario.meters, memory, scenario.interval_s)
    spread = RESTLESSNESS[network.kind] * np.exp(RESTLESSNESS_SPREAD * rng.standard_normal(scenario.meters))
    spread = spread.astype(np.float32)
    noise *= spread
    noise -= spread**2 / 2  # the mean of a lognormal stays one
    habits *= np.exp(noise, out=noise)
    return habits


def _climate(rng: np.random.Generator, network: Network, weather: Weather, size_kw: np.ndarray) -> np.ndarray:
    """Cooling and heating, `[T, M] float32`, kW: proportional to degrees outside the comfort band."""
    meters = len(size_kw)
    home = network.kind == RESIDENTIAL
    per_degree = np.where(home, rng.uniform(0.03, 0.14, meters), rng.uniform(0.005, 0.02, meters)) * size_kw
    heats = rng.random(meters) < HEAT_SHARE
    too_warm = np.clip(weather.temperature_c - COMFORT_C[1], 0, None)
    too_cold = np.clip(COMFORT_C[0] - weather.temperature_c, 0, None)
    climate: np.ndarray = np.outer(too_warm, per_degree) + np.outer(too_cold, per_degree * heats * 0.7)
    return climate.astype(np.float32)


def _appliances(rng: np.random.Generator, scenario: Scenario, network: Network) -> np.ndarray:
    """Large appliances at home, a quarter of an hour to some hours each, at the hours people are awake."""
    homes = np.flatnonzero(network.kind == RESIDENTIAL)
    per_day = APPLIANCE_USES_PER_DAY * np.exp(APPLIANCE_USES_SPREAD * rng.standard_normal(len(homes)))
    home = np.repeat(homes, rng.poisson(per_day * scenario.days))
    count = len(home)
    hour = np.clip(rng.normal(14.5, 4.5, count), 0, 23.9)
    day = rng.integers(0, scenario.days, count)
    first = ((day * 24 + hour) * HOUR_S / scenario.interval_s).astype(np.int64)
    hours = APPLIANCE_HOURS * np.exp(APPLIANCE_HOURS_SPREAD * rng.standard_normal(count))
    length = np.maximum(1, np.round(np.minimum(hours, 4.0) * HOUR_S / scenario.interval_s)).astype(np.int64)
    kw = np.clip(APPLIANCE_KW * np.exp(APPLIANCE_SPREAD * rng.standard_normal(count)), *APPLIANCE_LIMITS_KW)
    return pulses((scenario.slot_count, scenario.meters), first, home, length, kw)


def _vehicles(rng: np.random.Generator, scenario: Scenario, network: Network) -> np.ndarray:
    """Evening and night charging of electric vehicles."""
    owners = np.flatnonzero((rng.random(scenario.meters) < EV_SHARE) & (network.kind == RESIDENTIAL))
    charger_kw = rng.choice(EV_KW, len(owners))
    often = rng.uniform(*EV_EVENING_PROBABILITY, len(owners))
    day, owner = np.nonzero(rng.random((scenario.days, len(owners))) < often)
    hour = np.clip(rng.normal(20.5, 1.8, len(day)), 12, 23.9)
    first = ((day * 24 + hour) * HOUR_S / scenario.interval_s).astype(np.int64)
    length = np.maximum(1, np.round(rng.uniform(1.0, 4.5, len(day)) * HOUR_S / scenario.interval_s)).astype(np.int64)
    return pulses((scenario.slot_count, scenario.meters), first, owners[owner], length, charger_kw[owner])
