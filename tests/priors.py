"""Priors for tests: a made-up population that every group of customers belongs to alike."""

from __future__ import annotations

import numpy as np

from functions.domain.features import FEATURES, LEVELS
from functions.domain.packs import GROUPS, Prior

MEAN = {
    **dict.fromkeys(LEVELS, 1.0),
    "voltage_min_pu": 0.99,
    "voltage_max_pu": 1.01,
    "voltage_sd_pu": 0.004,
    "voltage_range_pu": 0.01,
    "voltage_jitter_pu": 0.003,
    "energy_log": 0.5,
    "energy_spread_log": 0.3,
}
"""What a window looks like in the middle; every other feature compares with something, and lies at zero."""
SD = {
    **dict.fromkeys(LEVELS, 0.02),
    "voltage_sd_pu": 0.004,
    "voltage_range_pu": 0.01,
    "voltage_jitter_pu": 0.004,
    "energy_log": 0.3,
    "energy_spread_log": 0.5,
    "energy_of_hour_log": 0.5,
    "voltage_of_hour_pu": 0.02,
}
"""How far its windows lie apart; what is not named here, recent days above all, varies by one."""


def prior(**sd: float) -> Prior:
    """A population of meters, `[8, 28]` each; `sd` replaces some of the standard deviations.

    One meter differs from another as much as its windows do from each other.
    """
    mean = np.array([MEAN.get(name, 0.0) for name in FEATURES], np.float32)
    within = np.array([{**SD, **sd}.get(name, 1.0) for name in FEATURES], np.float32)
    return Prior(*(np.tile(each, (GROUPS, 1)) for each in (mean, within, within)))
