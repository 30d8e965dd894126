"""Schemes of theft: how a register is told less than the customer draws.

Those of Jokar, Arianpoor and Leung, "Electricity Theft Detection in AMI Using Customers' Consumption Patterns", IEEE
Transactions on Smart Grid 7(1), 2016, and a cap on every reading, which is ours. Only energy is falsified: the true
current still flows, so the voltage still sags with it, which is what gives a thief away.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SCALE = (0.1, 0.8)  # the paper's range, for the constant and for the random ones
HOURLY_SHARE = 0.3  # of random scales hold for an hour: tampering that looks at a clock
ZERO_HOURS = (4.0, 14.0)
MEAN_SCALE = (0.4, 1.0)
CAP_QUANTILE = (0.2, 0.6)

PART_DAY_HOURS = (6.0, 20.0)
PART_DAY_SCALE = (0.15, 0.6)
SHIFT_HOURS = (3.0, 21.0)
COMPRESSION = (0.15, 0.6)  # exponent
THINNED_SHARE = (0.15, 0.6)

Scheme = Callable[[np.random.Generator, np.ndarray, int], np.ndarray]
"""Falsified energy `[k] float32` of the true `[k] float32`, kWh; the third argument is the number of slots a day."""


def _scale(rng: np.random.Generator, true: np.ndarray, _: int) -> np.ndarray:
    return true * np.float32(rng.uniform(*SCALE))


def _zero_hours(rng: np.random.Generator, true: np.ndarray, per_day: int) -> np.ndarray:
    """The same hours of every day vanish."""
    zero = round(rng.uniform(*ZERO_HOURS) * per_day / 24)
    of_day = (np.arange(len(true)) + int(rng.integers(per_day))) % per_day
    return np.where(of_day < zero, np.float32(0), true)


def _random_scale(rng: np.random.Generator, true: np.ndarray, per_day: int) -> np.ndarray:
    return true * _random_factors(rng, len(true), per_day)


def _random_mean(rng: np.random.Generator, true: np.ndarray, per_day: int) -> np.ndarray:
    """A made-up series about as high as the customer's mean, without the customer's habits."""
    factors: np.ndarray = true.mean() * _random_factors(rng, len(true), per_day)
    return factors


def _mean(rng: np.random.Generator, true: np.ndarray, _: int) -> np.ndarray:
    return np.full_like(true, true.mean() * np.float32(rng.uniform(*MEAN_SCALE)))


def _reverse(_: np.random.Generator, true: np.ndarray, per_day: int) -> np.ndarray:
    """Every 24 hours run backwards: the sum is honest, the expensive evening is billed as the night."""
    reversed_days = true.copy()
    for first in range(0, len(true), per_day):
        reversed_days[first : first + per_day] = true[first : first + per_day][::-1]
    return reversed_days


def _cap(rng: np.random.Generator, true: np.ndarray, _: int) -> np.ndarray:
    """No reading above a quantile of those that draw anything: a roof's noons would make the cap a zero."""
    drawing = true[true > 0]
    quantile = rng.uniform(*CAP_QUANTILE)
    cap = np.float32(np.quantile(drawing, quantile) if len(drawing) else 0)
    capped: np.ndarray = np.minimum(true, cap)
    return capped


def _part_day(rng: np.random.Generator, true: np.ndarray, per_day: int) -> np.ndarray:
    """The same hours of every day are scaled down: a bypass that is opened and closed."""
    hours = round(rng.uniform(*PART_DAY_HOURS) * per_day / 24)
    of_day = (np.arange(len(true)) + int(rng.integers(per_day))) % per_day
    return np.where(of_day < hours, true * np.float32(rng.uniform(*PART_DAY_SCALE)), true)


def _shift(rng: np.random.Generator, true: np.ndarray, per_day: int) -> np.ndarray:
    """The clock of the register is wrong: the dear hours are billed as the cheap ones."""
    return np.roll(true, round(rng.uniform(*SHIFT_HOURS) * per_day / 24))


def _compress(rng: np.random.Generator, true: np.ndarray, _: int) -> np.ndarray:
    """What is high is told lower, and the lower the higher it is: a shunt that saturates."""
    scale = max(float(true.mean()), 1e-6)
    exponent = rng.uniform(*COMPRESSION)
    compressed: np.ndarray = np.minimum(true, scale * (true / scale) ** exponent).astype(np.float32)
    return compressed


def _thin(rng: np.random.Generator, true: np.ndarray, _: int) -> np.ndarray:
    """Some readings are nothing, at random: a bypass that makes contact now and then."""
    return np.where(rng.random(len(true)) < rng.uniform(*THINNED_SHARE), np.float32(0), true)


def _random_factors(rng: np.random.Generator, steps: int, per_day: int) -> np.ndarray:
    hold = max(1, per_day // 24) if rng.random() < HOURLY_SHARE else 1
    factors = rng.uniform(*SCALE, -(-steps // hold)).astype(np.float32)
    return np.repeat(factors, hold)[:steps]


SCHEMES: dict[str, Scheme] = {
    "theft_scale": _scale,
    "theft_zero_hours": _zero_hours,
    "theft_random_scale": _random_scale,
    "theft_random_mean": _random_mean,
    "theft_mean": _mean,
    "theft_reverse": _reverse,
    "theft_cap": _cap,
}
EXTRA_SCHEMES: dict[str, Scheme] = {
    "theft_part_day": _part_day,
    "theft_shift": _shift,
    "theft_compress": _compress,
    "theft_thin": _thin,
}
"""Ways to learn from only: nothing is measured on them. What lies between the known schemes teaches what they share, so
that a scheme nobody thought of is less of a surprise."""
