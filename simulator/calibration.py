"""How voltage and load move within a meter: the statistics that the simulator is matched to measured series by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulator.raw import RawReadings

BASE_V = 240.0  # volts are given on this base, so that meters of any nominal voltage compare


@dataclass(frozen=True)
class Statistics:
    """One value a meter in every array, `[M] float64`; NaN for a meter with too little to tell."""

    hourly_sd_v: np.ndarray
    """Standard deviation (of a sample) among the readings of one hour, mean over complete hours, V of a 240 V base."""
    sd_v: np.ndarray
    """Standard deviation over the whole period, V of a 240 V base."""
    lag_1: np.ndarray
    """Correlation of a voltage with the next one."""
    correlation: np.ndarray
    """Correlation of voltage with energy."""
    change_correlation: np.ndarray
    """The same of their changes from one reading to the next: what of it the meter's own load does."""
    energy_lag_1: np.ndarray
    """Correlation of an energy with the next one."""


def statistics(readings: RawReadings) -> Statistics:
    """Measure every meter of `readings`; its gaps are left out, not filled."""
    pu = readings.voltage_v.astype(np.float64) / readings.nominal_v
    voltage = np.where(pu > 0, pu * BASE_V, np.nan)
    energy = readings.energy_kwh.astype(np.float64)
    per_hour = readings.slots_per_day // 24
    lead = -readings.first_slot % per_hour
    hours = (len(voltage) - lead) // per_hour
    by_hour = voltage[lead : lead + hours * per_hour].reshape(hours, per_hour, -1)
    return Statistics(
        hourly_sd_v=_mean(by_hour.std(axis=1, ddof=1)),
        sd_v=np.sqrt(_mean((voltage - _mean(voltage)) ** 2)),
        lag_1=_correlation(voltage[1:], voltage[:-1]),
        correlation=_correlation(voltage, energy),
        change_correlation=_correlation(np.diff(voltage, axis=0), np.diff(energy, axis=0)),
        energy_lag_1=_correlation(energy[1:], energy[:-1]),
    )


def _correlation(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Pearson's, along time, over the pairs of which both are there, `[M]`."""
    both = ~np.isnan(one) & ~np.isnan(other)
    one, other = np.where(both, one, np.nan), np.where(both, other, np.nan)
    one, other = one - _mean(one), other - _mean(other)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation: np.ndarray = _mean(one * other) / np.sqrt(_mean(one**2) * _mean(other**2))
    return correlation


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean along time of what is there, `[M]`."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(there, values, 0).sum(axis=0) / there.sum(axis=0)
    return mean
