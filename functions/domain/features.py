"""The one definition of the features, used by training and by serving.

A window is the four slots that end in a reading; a slot without a reading is NaN and takes no part. Thirteen features
describe the window, fifteen the meter's recent days (`recent_days`); all are compared with the meter's own baseline.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW = 4
WINDOW_FEATURES = (
    "voltage_mean_pu",
    "voltage_sd_pu",
    "voltage_range_pu",
    "voltage_min_pu",
    "voltage_max_pu",
    "voltage_last_pu",
    "voltage_jitter_pu",
    "energy_log",
    "energy_spread_log",
    "repeats_log",
    "gap_log",
    "energy_of_hour_log",
    "voltage_of_hour_pu",
)
READING_FEATURES = 11
"""The first eleven come from readings alone; the last two compare with the same hour of other days."""
DAY_FEATURES = (
    "energy_day_log",
    "energy_3days_log",
    "energy_shape",
    "energy_follows",
    "energy_low_log",
    "energy_high_log",
    "energy_zero_share",
    "energy_plateau_share",
    "energy_rough",
    "voltage_energy_correlation",
    "voltage_energy_slope",
    "voltage_day_pu",
    "voltage_step_pu",
    "voltage_day_sd_pu",
    "voltage_rough_pu",
)
FEATURES = WINDOW_FEATURES + DAY_FEATURES
LEVELS = ("voltage_mean_pu", "voltage_min_pu", "voltage_max_pu", "voltage_last_pu")
"""Features that lie near one; all others lie near zero."""
ENERGY_FEATURES = tuple(name for name in FEATURES if "energy" in name)
"""What a meter that sends voltages only never has."""
SECONDS_PER_HOUR = 3600
SMALL_POWER_KW = 0.02
"""Kept from the logarithm of nothing: the standby draw of a router."""


def reading_features(
    voltage_v: NDArray[np.float32],
    energy_kwh: NDArray[np.float32],
    nominal_v: NDArray[np.float32],
    interval_s: NDArray[np.integer],
    repeats: NDArray[np.integer],
    gap: NDArray[np.integer],
) -> NDArray[np.float32]:
    """The first eleven features `[n, 11] float32` of `n` windows.

    Voltages (`[n, 4]`, V) are taken in per unit of `nominal_v` (`[n]`, V); the standard deviation is the population's.
    Energy (`[n, 4]`, kWh an interval) becomes `log1p` of the mean kWh an hour, so that intervals of any length compare
    and a large customer does not drown a small one; its spread is the logarithm of largest over smallest. `repeats`
    (`[n]`) counts the readings before the last that were exactly the same, `gap` (`[n]`) the slots before it that
    brought none. The jitter is the middle one of the three
    steps between neighbours: a tap change or a motor start makes one large step, flicker makes three. NaN where nothing
    was measured.
    """
    pu, has_voltage = _columns(voltage_v.T / nominal_v)
    energy, has_energy = _columns(energy_kwh.T)
    n_voltage = _at_least_one(has_voltage)
    n_energy = _at_least_one(has_energy)

    mean = pu.sum(axis=0) / n_voltage
    deviation = np.where(has_voltage, pu - mean, np.float32(0))
    sd = np.sqrt(np.square(deviation).sum(axis=0) / n_voltage)
    lowest, highest = _extremes(pu, has_voltage)
    an_hour = np.float32(SECONDS_PER_HOUR) / interval_s.astype(np.float32)
    least, most = (np.maximum(each, 0) * an_hour + np.float32(SMALL_POWER_KW) for each in _extremes(energy, has_energy))
    power = np.maximum(energy.sum(axis=0) / n_energy * an_hour, 0)

    features = np.empty((len(mean), READING_FEATURES), np.float32)
    seen, drawn = has_voltage.any(axis=0), has_energy.any(axis=0)
    last = np.where(has_voltage[-1], pu[-1], np.float32(np.nan))
    for column, values in enumerate((mean, sd, highest - lowest, lowest, highest, last, _jitter(pu, has_voltage))):
        features[:, column] = np.where(seen, values, np.float32(np.nan))
    features[:, 7] = np.where(drawn, np.log1p(power), np.float32(np.nan))
    features[:, 8] = np.where(drawn, np.log(np.where(drawn, most / least, np.float32(1))), np.float32(np.nan))
    features[:, 9] = np.log1p(repeats.astype(np.float32))
    features[:, 10] = np.log1p(gap.astype(np.float32))
    return features


def hour_features(
    voltage_mean_pu: NDArray[np.float32],
    energy_kwh: NDArray[np.float32],
    slots_per_block: NDArray[np.integer],
    usual_energy_kwh: NDArray[np.float32],
    usual_voltage: NDArray[np.float32],
    block_h: NDArray[np.float32],
) -> NDArray[np.float32]:
    """What sets a window apart from the same hour of other days, `[n, 2] float32`; NaN where there is none to compare.

    `energy_kwh` (`[n, 4]`) is the window's; `usual_energy_kwh` (`[n]`, kWh a block of `block_h` hours) the profile's at
    this hour; `usual_voltage` (`[n]`, pu − 1) the mean of this hour on the last days.
    """
    energy, has_energy = _columns(energy_kwh.T)
    seen = has_energy.any(axis=0) & ~np.isnan(usual_energy_kwh)
    mean = np.maximum(energy.sum(axis=0) / _at_least_one(has_energy) * slots_per_block.astype(np.float32), 0)
    small = np.float32(SMALL_POWER_KW) * block_h
    ratio = (mean + small) / (np.where(seen, usual_energy_kwh, np.float32(0)) + small)
    result = np.empty((len(mean), 2), np.float32)
    result[:, 0] = np.where(seen, np.log(ratio), np.float32(np.nan))
    result[:, 1] = voltage_mean_pu - np.float32(1) - usual_voltage
    return result


def _columns(windows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    # Slot-major `[4, n]`, so that sums over the window are elementwise: no window's result depends on its neighbours.
    by_slot = np.ascontiguousarray(windows, np.float32)
    present = ~np.isnan(by_slot)
    return np.where(present, by_slot, np.float32(0)), present


def _jitter(pu: NDArray[np.float32], present: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Median of the three steps between neighbouring readings, `[n]`; NaN unless all four are there."""
    first, second, third = np.abs(np.diff(pu, axis=0))
    middle = np.maximum(np.minimum(first, second), np.minimum(np.maximum(first, second), third))
    return np.where(present.all(axis=0), middle, np.float32(np.nan))


def _extremes(
    by_slot: NDArray[np.float32], present: NDArray[np.bool_]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    lowest = np.where(present, by_slot, np.float32(np.inf)).min(axis=0)
    highest = np.where(present, by_slot, np.float32(-np.inf)).max(axis=0)
    nothing = ~present.any(axis=0)
    lowest[nothing] = highest[nothing] = 0
    return lowest, highest


def _at_least_one(present: NDArray[np.bool_]) -> NDArray[np.float32]:
    count: NDArray[np.float32] = np.maximum(present.sum(axis=0), 1).astype(np.float32)
    return count
