"""Phrases: what each feature says to the person who reads an alert, in volts, kWh and per cent.

>>> phrase("voltage_mean_pu", 0.9, 1.0, 0.01, 240.0)
'voltage 216.0 V; usual range 235.2 to 244.8 V'
>>> phrase("energy_day_log", -1.0, 0.0, 0.1, 240.0)
'energy of the last day 63 % below its usual profile; usual range -18 to +22 %'
"""

from __future__ import annotations

from enum import Enum

import numpy as np

from functions.domain.features import FEATURES

USUAL_SDS = 2.0
"""A usual range is the mean plus and minus two standard deviations."""
_PER_CENT = 100.0


class Unit(Enum):
    """How a feature's value is told."""

    level = "a voltage in per unit, told in volts"
    size = "a difference of voltages in per unit, never negative, told in volts"
    shift = "a difference of voltages in per unit, told in volts with its sign"
    deviation = "per unit less one, told in volts"
    power = "log1p of kWh an hour"
    ratio = "logarithm of a ratio, told as a factor"
    change = "logarithm of a ratio to what is usual, told in per cent"
    share = "a share, told in per cent"
    count = "log1p of a count"
    number = "told as it is"


PHRASES: dict[str, tuple[str, Unit]] = {
    "voltage_mean_pu": ("voltage", Unit.level),
    "voltage_sd_pu": ("voltage spread", Unit.size),
    "voltage_range_pu": ("voltage swing", Unit.size),
    "voltage_min_pu": ("lowest voltage", Unit.level),
    "voltage_max_pu": ("highest voltage", Unit.level),
    "voltage_last_pu": ("last voltage", Unit.level),
    "voltage_jitter_pu": ("voltage changes from reading to reading by", Unit.size),
    "energy_log": ("energy", Unit.power),
    "energy_spread_log": ("largest draw of the window over the smallest", Unit.ratio),
    "repeats_log": ("readings repeated without a change", Unit.count),
    "gap_log": ("readings missing just before", Unit.count),
    "energy_of_hour_log": ("energy", Unit.change),
    "voltage_of_hour_pu": ("voltage against this hour of the last days", Unit.shift),
    "energy_day_log": ("energy of the last day", Unit.change),
    "energy_3days_log": ("energy of the last three days", Unit.change),
    "energy_shape": ("distance of the day's load from its usual shape", Unit.number),
    "energy_follows": ("correlation of the load with its usual day", Unit.number),
    "energy_low_log": ("lowest hour of the last day", Unit.change),
    "energy_high_log": ("highest hour of the last day", Unit.change),
    "energy_zero_share": ("hours of the last day without the usual energy", Unit.share),
    "energy_plateau_share": ("hours of the last day at the same highest load", Unit.share),
    "energy_rough": ("change of load from hour to hour, over its mean", Unit.number),
    "voltage_energy_correlation": ("correlation of voltage with load", Unit.number),
    "voltage_energy_slope": ("per cent the voltage falls for the customer's mean load", Unit.number),
    "voltage_day_pu": ("mean voltage of the last day", Unit.deviation),
    "voltage_step_pu": ("voltage of the last day against the two before", Unit.shift),
    "voltage_day_sd_pu": ("voltage spread over the last day", Unit.size),
    "voltage_rough_pu": ("voltage changes from hour to hour by", Unit.size),
}
assert tuple(PHRASES) == FEATURES


def phrase(feature: str, value: float, mean: float, sd: float, nominal_v: float) -> str:
    """What a feature's value is, and the range that is usual for this meter; `nominal_v` in V."""
    words, unit = PHRASES[feature]
    low, high = mean - USUAL_SDS * sd, mean + USUAL_SDS * sd
    match unit:
        case Unit.level | Unit.size | Unit.deviation:
            origin = 1.0 if unit is Unit.deviation else 0.0
            low, value, high = (max(each + origin, 0.0) * nominal_v for each in (low, value, high))
            return f"{words} {value:.1f} V; usual range {low:.1f} to {high:.1f} V"
        case Unit.shift:
            low, value, high = (each * nominal_v for each in (low, value, high))
            return f"{words} {value:+.1f} V; usual range {low:+.1f} to {high:+.1f} V"
        case Unit.power:
            low, value, high = (max(float(np.expm1(each)), 0.0) for each in (low, value, high))
            return f"{words} {value:.2f} kWh/h; usual range {low:.2f} to {high:.2f} kWh/h"
        case Unit.change:
            low, value, high = (float(np.expm1(each)) * _PER_CENT for each in (low, value, high))
            side = "below" if value < 0 else "above"
            return f"{words} {abs(value):.0f} % {side} its usual profile; usual range {low:+.0f} to {high:+.0f} %"
        case Unit.share:
            low, value, high = (min(max(each, 0.0), 1.0) * _PER_CENT for each in (low, value, high))
            return f"{words} {value:.0f} %; usual range {low:.0f} to {high:.0f} %"
        case Unit.ratio:
            low, value, high = (max(float(np.exp(each)), 1.0) for each in (low, value, high))
            return f"{words} {value:.1f} times; usual range {low:.1f} to {high:.1f}"
        case Unit.count:
            low, value, high = (max(float(np.expm1(each)), 0.0) for each in (low, value, high))
            return f"{words} {value:.0f}; usual range {low:.0f} to {high:.0f}"
        case Unit.number:
            return f"{words} {value:.2f}; usual range {low:.2f} to {high:.2f}"
