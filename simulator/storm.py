"""Storms: one evening takes a feeder, laterals and transformers; crews bring them back one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.power_cut import cut_power
from simulator.scenario import DAY_S, HOUR_S
from simulator.topology import NO_LATERAL

if TYPE_CHECKING:
    from simulator.injection import Injection

EVENING_HOURS = (17.0, 20.0)  # convective storms peak in the late afternoon and evening
PASSAGE_S = 2 * HOUR_S  # the front needs this long to cross the territory
WEATHER_MARGIN_S = HOUR_S  # a weather service warns a little early and clears a little late
REPAIR_MEDIAN_H = 2.0
REPAIR_SPREAD = 0.6
REPAIR_H = (0.7, 6.0)
FEEDERS_FOR_A_FEEDER_OUTAGE = 3  # in a smaller utility one feeder would be most of the story
PLACEMENT_TRIES = 20


@dataclass(frozen=True)
class SimulatedStorm:
    """The weather service's view of a storm: when it was over which feeders. Epoch s, `end` exclusive."""

    start: int
    end: int
    feeder_ids: tuple[str, ...]


def inject_storms(injection: Injection) -> tuple[SimulatedStorm, ...]:
    """Cut power by storms; kind `outage`, cause `storm`.

    On the feeder, some transformers stay out after the feeder is back (nested outages): each has a truth of its own,
    which starts with the feeder's and ends later.
    """
    scenario = injection.scenario
    rng = scenario.stream("storm")
    storms = []
    for _ in range(scenario.occurrences(scenario.storms_per_week)):
        arrival = _arrival(injection, rng)
        if arrival is None:
            continue
        struck = _strike_feeder(injection, rng, arrival) + _strike_laterals(injection, arrival)
        struck += _strike_transformers(injection, rng, arrival)
        if struck:
            names = np.unique(injection.network.topology.feeder_id[np.concatenate(struck)])
            start, end = arrival - WEATHER_MARGIN_S, arrival + PASSAGE_S + WEATHER_MARGIN_S
            storms.append(SimulatedStorm(start, end, tuple(names.tolist())))
    return tuple(storms)


def _arrival(injection: Injection, rng: np.random.Generator) -> int | None:
    """An evening in the period, epoch s, or None for a period that has none."""
    scenario = injection.scenario
    evenings = [
        day
        for day in range(scenario.start // DAY_S, scenario.end // DAY_S + 1)
        if day * DAY_S + EVENING_HOURS[0] * HOUR_S >= scenario.first_fault_at
        and day * DAY_S + EVENING_HOURS[1] * HOUR_S + PASSAGE_S < scenario.end
    ]
    if not evenings:
        return None
    return int(rng.choice(evenings) * DAY_S + rng.uniform(*EVENING_HOURS) * HOUR_S)


def _repair_s(rng: np.random.Generator) -> int:
    hours = np.clip(REPAIR_MEDIAN_H * np.exp(REPAIR_SPREAD * rng.standard_normal()), *REPAIR_H)
    return int(hours * HOUR_S)


def _strike_feeder(injection: Injection, rng: np.random.Generator, arrival: int) -> list[np.ndarray]:
    network = injection.network
    feeders = len(network.substation_of_feeder)
    if feeders < FEEDERS_FOR_A_FEEDER_OUTAGE:
        return []
    feeder = int(rng.integers(feeders))
    meters = network.below_feeder(feeder)
    start = arrival + int(rng.uniform(0, PASSAGE_S / 2))
    end = min(start + _repair_s(rng), injection.scenario.end)
    transformers = np.flatnonzero(network.feeder_of_transformer == feeder)
    nested: list[tuple[np.ndarray, int]] = []
    for _ in range(injection.scenario.storm_nested_transformers):
        dark = network.below_transformer(int(rng.choice(transformers)))
        nested_end = min(start + max(_repair_s(rng), end - start + HOUR_S), injection.scenario.end)
        if not any(np.array_equal(dark, other) for other, _ in nested):
            nested.append((dark, nested_end))
    if not injection.is_free(meters, start, max([end, *(until for _, until in nested)])):
        return []
    ends = np.full(len(meters), end)
    for dark, until in nested:
        ends[np.isin(meters, dark)] = until
    cut_power(injection, rng, meters, start, ends)
    injection.book("outage", "storm", meters, start, end)
    for dark, until in nested:
        if until > end:
            injection.book("outage", "storm", dark, start, until)
    return [meters]


def _strike_laterals(injection: Injection, arrival: int) -> list[np.ndarray]:
    network = injection.network
    laterals = np.unique(network.lateral_of_transformer[network.lateral_of_transformer != NO_LATERAL])
    rng = injection.scenario.stream(f"laterals in the storm of {arrival}")
    struck: list[np.ndarray] = []
    for lateral in rng.permutation(laterals).tolist():
        if len(struck) == injection.scenario.storm_laterals:
            break
        meters = network.below_lateral(lateral)
        start = arrival + int(rng.uniform(0, PASSAGE_S))
        end = min(start + _repair_s(rng), injection.scenario.end)
        if injection.is_free(meters, start, end):
            cut_power(injection, rng, meters, start, np.full(len(meters), end))
            injection.book("outage", "storm", meters, start, end)
            struck.append(meters)
    return struck


def _strike_transformers(injection: Injection, rng: np.random.Generator, arrival: int) -> list[np.ndarray]:
    network = injection.network
    wanted = max(1, round(injection.scenario.storm_transformer_share * len(network.position)))
    struck: list[np.ndarray] = []
    for _ in range(PLACEMENT_TRIES * wanted):
        if len(struck) == wanted:
            break
        meters = network.below_transformer(injection.random_transformer(rng))
        start = arrival + int(rng.uniform(0, PASSAGE_S))
        end = min(start + _repair_s(rng), injection.scenario.end)
        if injection.is_free(meters, start, end):
            cut_power(injection, rng, meters, start, np.full(len(meters), end))
            injection.book("outage", "storm", meters, start, end)
            struck.append(meters)
    return struck
