"""Populations: the meters a model is trained, calibrated or measured on, and the prior they give to new meters."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from functions.domain.detection import Judge
from functions.domain.errors import InputError
from functions.domain.features import FEATURES
from functions.domain.packs import GROUPS, LARGE_SERVICE_V, CustomerType, Prior, group
from model_export.windows import UNKNOWN_PRIOR, judged, score_nothing
from simulator import TRIAL_KINDS, Scenario, raw_readings, simulate

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from simulator.raw import RawReadings

DAY_S = 86_400
ENOUGH_METERS = 20
"""Fewer meters of a group say too little of the next one: it takes the prior of a wider group."""
SMALLEST_SHARE = 0.02
"""A prior deviation is at least this share of the largest group's: no feature may be thought constant."""


@dataclass(frozen=True)
class SimulatedPopulation:
    """Meters of one simulated utility over one period."""

    purpose: str
    meters: int
    days: int
    seed: int
    season_day: int
    """Days after 17 June on which the period begins: no model may know one season only."""
    first_day: int
    """Windows are kept, and faults injected, from this day on; the meters learn before."""
    fault_share: float = 0.0
    """Share of the meter-slots that are anomalous."""
    every: int = 1
    """One window in so many is kept."""
    source: str = "simulator"
    kinds: tuple[str, ...] = TRIAL_KINDS
    """Faults that are injected."""

    def readings(self) -> RawReadings:
        """What the meters send while nothing is wrong."""
        start = Scenario().start + self.season_day * DAY_S
        scenario = Scenario(meters=self.meters, days=self.days, seed=self.seed, start=start, faults=False)
        return raw_readings(simulate(scenario))


@dataclass(frozen=True)
class HistoryPopulation:
    """Some of the meters of a utility's own readings, which are taken to be mostly healthy."""

    purpose: str
    source: str
    history: RawReadings
    part: tuple[float, float]
    """From and to, as shares of all meters in a random order."""
    seed: int
    first_day: int
    fault_share: float = 0.0
    every: int = 1
    season_day: int = 0
    kinds: tuple[str, ...] = TRIAL_KINDS

    @property
    def meters(self) -> int:
        """How many."""
        return len(self._chosen())

    @property
    def days(self) -> int:
        """How long."""
        return len(self.history.voltage_v) // self.history.slots_per_day

    def readings(self) -> RawReadings:
        """What they sent."""
        chosen, history = self._chosen(), self.history
        return replace(
            history,
            voltage_v=np.ascontiguousarray(history.voltage_v[:, chosen]),
            energy_kwh=np.ascontiguousarray(history.energy_kwh[:, chosen]),
            nominal_v=history.nominal_v[chosen],
            customer_type=history.customer_type[chosen],
        )

    def _chosen(self) -> NDArray[np.int64]:
        count = len(self.history.nominal_v)
        first, last = (round(share * count) for share in self.part)
        return np.sort(np.random.default_rng(self.seed).permutation(count)[first:last])


def population_prior(readings: RawReadings, advance: Callable[[float], None] = lambda _: None) -> Prior:
    """What a new meter is to be assumed: level, deviation within a meter, and difference between meters, by group.

    A group with fewer than 20 meters takes the prior of its type of customer, then of its size of service, then of all.
    """
    count, mean, sd = _by_meter(readings, advance)
    known = count > 0
    mean, sd = np.where(known, mean, np.nan), np.where(known, sd, np.nan)
    types = np.array([CustomerType[name or "unknown"] for name in readings.customer_type])
    large = readings.nominal_v > LARGE_SERVICE_V
    own = group(types, readings.nominal_v)
    rows = []
    for number in range(GROUPS):
        typed, sized = types == number // 2, large == bool(number % 2)
        untold = number // 2 == CustomerType.unknown
        wider = (sized if untold else own == number, typed, sized, np.ones(len(own), bool))
        members = next((each for each in wider if each.sum() >= ENOUGH_METERS), wider[-1])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # a feature nobody has is replaced below
            rows.append((np.nanmean(mean[members], 0), np.nanmean(sd[members], 0), np.nanstd(mean[members], 0)))
    centre, within, between = (np.array(each) for each in zip(*rows, strict=True))
    return Prior(
        np.nan_to_num(centre).astype(np.float32),
        *(_at_least(values).astype(np.float32) for values in (within, between)),
    )


def _at_least(deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations `[8, 28]`, none of them zero; 1 for a feature that no meter has."""
    largest = np.nan_to_num(deviation).max(axis=0)
    floor = np.where(largest > 0, SMALLEST_SHARE * largest, 1.0)
    return np.maximum(np.nan_to_num(deviation), floor)


def _by_meter(
    readings: RawReadings, advance: Callable[[float], None]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Number, mean and standard deviation of each meter's features, `[M, 28]` each."""
    count, total, square = (np.zeros((readings.voltage_v.shape[1], len(FEATURES))) for _ in range(3))
    for _, entries, found in judged(readings, Judge(score_nothing, UNKNOWN_PRIOR), advance):
        measured = ~np.isnan(found.features)
        values = np.where(measured, found.features, 0).astype(np.float64)
        count[entries.row] += measured
        total[entries.row] += values
        square[entries.row] += np.square(values)
    if not count.any():
        raise InputError("no window of the readings has a single feature; check voltages, nominal voltages and times")
    mean = total / np.maximum(count, 1)
    return count, mean, np.sqrt(np.maximum(square / np.maximum(count, 1) - np.square(mean), 0))
