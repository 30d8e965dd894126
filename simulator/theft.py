"""Theft: the register is told less than the customer draws.

The six ways are those of Jokar, Arianpoor and Leung, "Electricity Theft Detection in AMI Using Customers' Consumption
Patterns", IEEE Transactions on Smart Grid 7(1), 2016. Only energy is falsified: the true current still flows, so the
voltage still sags with it, which is what gives a thief away.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from simulator.scenario import DAY_S

if TYPE_CHECKING:
    from simulator.injection import Injection

FIRST_DAYS = (1, 4)  # thefts start on the second to fourth day: a watcher has seen some honest days before
SCALE = (0.2, 0.6)
RANDOM_SCALE = (0.1, 0.8)
ZERO_HOURS = (6, 14)
MEAN_SCALE = (0.5, 0.9)
CAP_QUANTILE = (0.25, 0.5)
SMALLEST_QUANTILE = 0.3  # who uses little has little to gain
CODES = ("cover_opened", "magnetic_tamper")

Scheme = Callable[[np.random.Generator, np.ndarray, int], np.ndarray]
"""Falsified energy `[k] float32` of the true `[k] float32`, kWh; the third argument is the number of slots a day."""


def inject_theft(injection: Injection) -> None:
    """Falsify the energy of about 1 % of meters until the end of the period; kinds `theft_…`, cause `theft`.

    Runs before every other fault, on the true load: an outage then silences a thief like anybody else.
    """
    scenario = injection.scenario
    if scenario.theft_share <= 0:
        return
    rng = scenario.stream("theft")
    usage = injection.energy_kwh.sum(axis=0)
    worthwhile = np.flatnonzero(usage >= np.quantile(usage, SMALLEST_QUANTILE))
    count = min(max(1, round(scenario.theft_share * scenario.meters)), len(worthwhile))
    thieves = rng.choice(worthwhile, count, replace=False)
    injection.thieves[thieves] = True
    schemes = list(SCHEMES)
    offset = int(rng.integers(len(schemes)))
    for number, meter in enumerate(thieves.tolist()):
        kind = schemes[(number + offset) % len(schemes)]  # in turn, so that every kind is there to be found
        start = _begins(injection, rng)
        rows = injection.touched(start, scenario.end)
        true = injection.energy_kwh[rows, meter]
        injection.energy_kwh[rows, meter] = SCHEMES[kind](rng, true, scenario.slots_per_day)
        meters = np.array([meter])
        if rng.random() < scenario.tamper_event_share:
            at = np.array([start + int(rng.integers(scenario.interval_s))])
            injection.say(meters, at, CODES[int(rng.integers(len(CODES)))])
        injection.book(kind, "theft", meters, start, scenario.end)


def _begins(injection: Injection, rng: np.random.Generator) -> int:
    """Start of a theft, epoch s; in short periods early enough to leave something to see."""
    scenario = injection.scenario
    latest = min(FIRST_DAYS[1] * DAY_S, scenario.days * DAY_S * 0.6)
    earliest = min(FIRST_DAYS[0] * DAY_S, scenario.days * DAY_S * 0.4)
    return injection.aligned(scenario.start + rng.uniform(earliest, latest))


def _scale(rng: np.random.Generator, true: np.ndarray, _: int) -> np.ndarray:
    return true * np.float32(rng.uniform(*SCALE))


def _zero_hours(rng: np.random.Generator, true: np.ndarray, per_day: int) -> np.ndarray:
    """The same hours of every day vanish, counted from the moment of the theft."""
    zero = int(rng.integers(*ZERO_HOURS)) * per_day // 24
    of_day = (np.arange(len(true)) + int(rng.integers(per_day))) % per_day
    return np.where(of_day < zero, np.float32(0), true)


def _random_scale(rng: np.random.Generator, true: np.ndarray, _: int) -> np.ndarray:
    return true * rng.uniform(*RANDOM_SCALE, len(true)).astype(np.float32)


def _mean(rng: np.random.Generator, true: np.ndarray, _: int) -> np.ndarray:
    return np.full_like(true, true.mean() * np.float32(rng.uniform(*MEAN_SCALE)))


def _reverse(_: np.random.Generator, true: np.ndarray, per_day: int) -> np.ndarray:
    """Every 24 hours run backwards: the sum is honest, the expensive evening is billed as the night."""
    reversed_days = true.copy()
    for first in range(0, len(true), per_day):
        reversed_days[first : first + per_day] = true[first : first + per_day][::-1]
    return reversed_days


def _cap(rng: np.random.Generator, true: np.ndarray, _: int) -> np.ndarray:
    capped: np.ndarray = np.minimum(true, np.quantile(true, rng.uniform(*CAP_QUANTILE)).astype(np.float32))
    return capped


SCHEMES: dict[str, Scheme] = {
    "theft_scale": _scale,
    "theft_zero_hours": _zero_hours,
    "theft_random_scale": _random_scale,
    "theft_mean": _mean,
    "theft_reverse": _reverse,
    "theft_cap": _cap,
}
