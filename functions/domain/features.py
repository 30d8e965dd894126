"""The one definition of a window's features, used by training and by serving.

A window is the four slots that end in a reading. A slot without a reading is NaN and takes no part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW = 4
FEATURES = (
    "voltage_mean_pu",
    "voltage_sd_pu",
    "voltage_range_pu",
    "voltage_min_pu",
    "voltage_max_pu",
    "energy_log",
)
SECONDS_PER_HOUR = 3600


def window_features(
    voltage_v: NDArray[np.float32],
    energy_kwh: NDArray[np.float32],
    nominal_v: NDArray[np.float32],
    interval_s: NDArray[np.integer],
) -> NDArray[np.float32]:
    """Features `[n, 6] float32` of `n` windows.

    Voltages (`[n, 4]`, V) are taken in per unit of `nominal_v` (`[n]`, V); the standard deviation is the population's.
    Energy (`[n, 4]`, kWh an interval) becomes `log1p` of the mean kWh an hour, so that intervals of any length compare
    and a large customer does not drown a small one. A feature is NaN where nothing in the window was measured.
    """
    pu, has_voltage = _columns(voltage_v / nominal_v[:, None])
    energy, has_energy = _columns(energy_kwh)
    n_voltage = _at_least_one(has_voltage)
    n_energy = _at_least_one(has_energy)

    mean = pu.sum(axis=0) / n_voltage
    deviation = np.where(has_voltage, pu - mean, np.float32(0))
    sd = np.sqrt(np.square(deviation).sum(axis=0) / n_voltage)
    lowest = np.where(has_voltage, pu, np.float32(np.inf)).min(axis=0)
    highest = np.where(has_voltage, pu, np.float32(-np.inf)).max(axis=0)
    per_hour = energy.sum(axis=0) / n_energy * (np.float32(SECONDS_PER_HOUR) / interval_s.astype(np.float32))

    features = np.empty((len(mean), len(FEATURES)), np.float32)
    voltage_features = (mean, sd, highest - lowest, lowest, highest)
    seen = has_voltage.any(axis=0)
    for column, values in enumerate(voltage_features):
        features[:, column] = np.where(seen, values, np.float32(np.nan))
    features[:, -1] = np.where(has_energy.any(axis=0), np.log1p(per_hour), np.float32(np.nan))
    return features


def _columns(windows: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    # Slot-major, so that sums over the window are elementwise: one window's result never depends on its neighbours.
    by_slot = np.ascontiguousarray(windows.T, np.float32)
    present = ~np.isnan(by_slot)
    return np.where(present, by_slot, np.float32(0)), present


def _at_least_one(present: NDArray[np.bool_]) -> NDArray[np.float32]:
    count: NDArray[np.float32] = np.maximum(present.sum(axis=0), 1).astype(np.float32)
    return count
