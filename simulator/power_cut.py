"""What a power cut does to readings: partial intervals, zeros or silence, last gasps, and the return."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator import shapes
from simulator.scenario import HOUR_S

if TYPE_CHECKING:
    from simulator.injection import Injection

GASP_DELAY_S = (1, 20)  # the capacitor of a meter carries its radio for some seconds
RESTORED_DELAY_S = (15, 120)  # the radio boots and finds its mesh again
PICKUP_S = 2 * HOUR_S
PICKUP_EXTRA = 0.4  # cold load pickup: every refrigerator and air conditioner runs at once
PICKUP_DECAY_S = 1_800
PICKUP_DROP_PU = 0.006


def cut_power(injection: Injection, rng: np.random.Generator, meters: np.ndarray, start: int, ends: np.ndarray) -> None:
    """Take `meters` out of service from `start` until `ends [n]` (epoch s), and occupy their readings.

    A meter that lives on reports zeros, and means over the intervals that had some power. The others send nothing for
    an interval at whose end they are dead.
    """
    order = np.argsort(meters)
    meters, ends = meters[order], ends[order]
    scenario = injection.scenario
    rows = np.arange(scenario.slot_count)[injection.touched(start, int(ends.max()))]
    opens = scenario.times[rows][:, None]
    closes = opens + scenario.interval_s
    dark_s = np.clip(np.minimum(closes, ends) - np.maximum(opens, start), 0, None)
    lit = (1 - dark_s / scenario.interval_s).astype(np.float32)
    silent = rng.random(len(meters)) >= scenario.zero_reporting_share
    mute = silent & (lit < 1) & (ends >= closes)
    where = np.ix_(rows, meters)
    injection.voltage_v[where], injection.energy_kwh[where] = shapes.without_power(
        injection.voltage_v[where], injection.energy_kwh[where], lit, silent, mute
    )
    _pick_up(injection, meters, start, ends)
    _tell(injection, rng, meters, silent, start, ends)
    for end in np.unique(ends).tolist():
        injection.occupy(meters[ends == end], start, end + PICKUP_S)


def _pick_up(injection: Injection, meters: np.ndarray, start: int, ends: np.ndarray) -> None:
    """Cold load after the return of meters that were out for an hour or more."""
    scenario = injection.scenario
    rows = np.arange(scenario.slot_count)[injection.touched(int(ends.min()), int(ends.max()) + PICKUP_S)]
    since = scenario.times[rows][:, None] - ends
    cold = (since >= 0) & (since < PICKUP_S) & (ends - start >= HOUR_S)
    extra = np.where(cold, np.exp(-np.maximum(since, 0) / PICKUP_DECAY_S), 0).astype(np.float32)
    where = np.ix_(rows, meters)
    injection.energy_kwh[where] *= 1 + np.float32(PICKUP_EXTRA) * extra
    injection.voltage_v[where] *= 1 - np.float32(PICKUP_DROP_PU) * extra


def _tell(
    injection: Injection, rng: np.random.Generator, meters: np.ndarray, silent: np.ndarray, start: int, ends: np.ndarray
) -> None:
    scenario = injection.scenario
    gasps = silent & (rng.random(len(meters)) < scenario.last_gasp_share)
    returns = rng.random(len(meters)) < scenario.power_restored_share
    injection.say(meters[gasps], start + rng.integers(*GASP_DELAY_S, int(gasps.sum())), "last_gasp")
    injection.say(
        meters[returns], ends[returns] + rng.integers(*RESTORED_DELAY_S, int(returns.sum())), "power_restored"
    )
