"""Recent days: what the last one to three days of a meter look like, from the hours its pack keeps.

Theft, drift and a failing neutral show in days, not in hours. Fifteen features are computed once an hour, when a block
closes. The ring is read where it lies: block b is kept at b % 72, and 24 blocks are always a whole number of days, so
the same time of day is 24 places away, and neighbours in the ring are neighbours in time but for one seam.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.domain.features import DAY_FEATURES

BLOCKS_PER_DAY = 24
"""Blocks that a day of a quarter-hourly meter has; two days of a half-hourly, four of an hourly one."""
HOURS = 3 * BLOCKS_PER_DAY
"""Aggregated blocks kept of each meter: three days of hours."""
ENOUGH_OF_DAY, ENOUGH_OF_ALL = 16, 40
"""Hours that must be there before a day, or three, can be described: two thirds, and more than half."""
SMALL_SHARE = 0.05
"""Of the usual draw; kept from dividing by nothing when a customer is away."""
SMALL_KWH = 0.005
ZERO_SHARE = 0.03
"""Of what is usual at that hour: less is as good as nothing."""
WORTH_SHARE = 0.1
"""Of the mean draw: hours that are usually emptier than this (a solar noon) cannot be found empty."""
SAME_SHARE = 0.004
"""Hours this close to the highest of the day lie on its plateau."""
PROFILE_DAYS = 28
"""Days a profile remembers: longer than most thefts take to be noticed."""
PER_CENT = 100.0
CHUNK = 512
"""Meters taken at once: their rings then stay in the cache of a core."""

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]


class _Hours(NamedTuple):
    """A ring as `[72, n]`: values with 0 where there are none, which are there, which belong to the last day."""

    value: Array
    there: Mask
    day: Mask
    joined: Mask
    """Whether an hour and the one before it are both there."""
    change: Array
    """From the hour before; 0 where either is missing."""

    def mean(self, values: Array, where: Mask) -> Array:
        """Mean of `values` where `where` holds, `[n]`."""
        total: Array = np.where(where, values, np.float32(0)).sum(axis=0)
        return total / _count(where)


def day_features(
    hour_v: NDArray[np.float16], hour_e: NDArray[np.float16], profile: NDArray[np.float16], newest: NDArray[np.integer]
) -> Array:
    """The fifteen `DAY_FEATURES` `[n, 15] float32` of `n` meters; NaN where too few hours are there.

    `hour_v` (pu − 1) and `hour_e` (kWh) are rings `[n, 72]` by block; `profile` `[n, 24]` the usual kWh by place in the
    day; `newest` `[n]` the newest block in the ring.
    """
    result = np.empty((len(newest), len(DAY_FEATURES)), np.float32)
    for start in range(0, len(newest), CHUNK):
        some: slice | NDArray[np.int64] = slice(start, start + CHUNK)
        if len(newest) - start == 1:  # numpy sums a lone column in another order: no meter may notice its company
            some = np.array([start, start])
        result[some] = _of_chunk(hour_v[some], hour_e[some], profile[some], newest[some]).T
    return result


def _of_chunk(
    hour_v: NDArray[np.float16], hour_e: NDArray[np.float16], profile: NDArray[np.float16], newest: NDArray[np.integer]
) -> Array:
    """The features `[15, n]` of a few meters."""
    back = (newest % HOURS).astype(np.int16)[None, :] - np.arange(HOURS, dtype=np.int16)[:, None]
    age = np.where(back < 0, back + np.int16(HOURS), back)
    voltage, energy = _hours(hour_v, age), _hours(hour_e, age)
    usual, scale = _usual(profile)
    small = SMALL_SHARE * scale + np.float32(SMALL_KWH)
    return np.concatenate(
        (_energy(energy, usual, scale, small), _together(voltage, energy, scale, small), _voltage(voltage))
    )


def learn_profile(
    profile: NDArray[np.float16], kwh: NDArray[np.float16], days: NDArray[np.integer]
) -> NDArray[np.float16]:
    """Profile values `[n]` after one more day's `kWh` `[n]` at this place; `days` `[n]`: days learnt before.

    The mean of the days so far, then of the last `PROFILE_DAYS` with old ones fading. One odd day counts as at most
    three times the usual.
    """
    old, new = profile.astype(np.float32), kwh.astype(np.float32)
    known = ~np.isnan(old)
    bounded = np.where(known, np.minimum(new, 3 * old + np.float32(0.5)), new)
    gain = 1 / (np.minimum(days, PROFILE_DAYS - 1).astype(np.float32) + 1)
    return np.where(known, old + np.maximum(gain, 1 / PROFILE_DAYS) * (bounded - old), new).astype(np.float16)


def _hours(ring: NDArray[np.float16], age: NDArray[np.integer]) -> _Hours:
    value = np.ascontiguousarray(ring.T).astype(np.float32)
    there = ~np.isnan(value)
    value = np.where(there, value, np.float32(0))
    joined = there & np.roll(there, 1, axis=0) & (age != HOURS - 1)
    change = np.where(joined, value - np.roll(value, 1, axis=0), np.float32(0))
    return _Hours(value, there, age < BLOCKS_PER_DAY, joined, change)


def _usual(profile: NDArray[np.float16]) -> tuple[Array, Array]:
    """Usual kWh by place in the ring `[72, n]`, the mean where one place is unknown, and that mean `[n]`.

    Both are NaN, and with them what is compared with them, where no place is known.
    """
    by_place = np.ascontiguousarray(profile.T).astype(np.float32)
    there = ~np.isnan(by_place)
    total: Array = np.where(there, by_place, np.float32(0)).sum(axis=0)
    scale = np.where(there.any(axis=0), total / _count(there), np.float32(np.nan))
    return np.tile(np.where(there, by_place, scale), (HOURS // BLOCKS_PER_DAY, 1)), scale


def _energy(energy: _Hours, usual: Array, scale: Array, small: Array) -> Array:
    """The nine features of energy alone, `[9, n]`."""
    today, ever = energy.day & energy.there, energy.there
    mean, mean_3 = energy.mean(energy.value, today), energy.mean(energy.value, ever)
    due, due_3 = energy.mean(usual, today), energy.mean(usual, ever)
    expected = usual * ((mean + small) / (due + small))
    lowest = np.where(today, energy.value, np.float32(np.inf)).min(axis=0)
    highest = np.where(today, energy.value, np.float32(-np.inf)).max(axis=0)
    usual_low, usual_high = usual[:BLOCKS_PER_DAY].min(axis=0), usual[:BLOCKS_PER_DAY].max(axis=0)
    worth = today & (usual > WORTH_SHARE * scale)
    zero = worth & (energy.value < ZERO_SHARE * usual)
    plateau = today & (np.abs(energy.value - highest) < SAME_SHARE * highest)
    enough, enough_3 = _count(today) >= ENOUGH_OF_DAY, _count(ever) >= ENOUGH_OF_ALL
    rough = energy.mean(np.abs(energy.change), energy.joined & energy.day)
    with np.errstate(invalid="ignore", divide="ignore"):  # what too few hours make of these is replaced below
        rows = (
            (np.log((mean + small) / (due + small)), enough),
            (np.log((mean_3 + small) / (due_3 + small)), enough_3),
            (np.sqrt(energy.mean(np.square(energy.value - expected), today)) / (mean + small), enough),
            (_correlation(energy.value, usual, ever, np.square(small)), enough_3),
            (np.log((lowest + small) / (usual_low + small)), enough),
            (np.log((highest + small) / (usual_high + small)), enough),
            (_count_exact(zero) / _count(worth), enough & ~np.isnan(scale)),
            (_count_exact(plateau) / _count(today), enough),
            (rough / (mean + small), enough),
        )
        return np.stack([np.where(valid, values, np.float32(np.nan)) for values, valid in rows])


def _together(voltage: _Hours, energy: _Hours, scale: Array, small: Array) -> Array:
    """How voltage answers to load, `[2, n]`: correlation, and drop in per cent for the customer's mean draw.

    From hour to hour, so that the slow breathing of the grid takes no part. A register that is told less than flows
    loses the correlation, or makes the service look weaker than it is.
    """
    both = voltage.joined & energy.joined
    dv, de = voltage.change, energy.change
    enough = _count(both) >= ENOUGH_OF_ALL
    variance = energy.mean(np.square(de), both) + np.square(small)
    slope = -energy.mean(dv * de, both) / variance * scale * np.float32(PER_CENT)
    correlation = _correlation(dv, de, both, np.square(small))
    return np.stack([np.where(enough, values, np.float32(np.nan)) for values in (correlation, slope)])


def _voltage(voltage: _Hours) -> Array:
    """The four features of voltage alone, `[4, n]`."""
    today, before = voltage.day & voltage.there, ~voltage.day & voltage.there
    level = voltage.mean(voltage.value, today)
    spread = np.sqrt(voltage.mean(np.square(np.where(today, voltage.value - level, np.float32(0))), today))
    enough = _count(today) >= ENOUGH_OF_DAY
    rows = (
        (level, enough),
        (level - voltage.mean(voltage.value, before), enough & (_count(before) >= ENOUGH_OF_DAY)),
        (spread, enough),
        (voltage.mean(np.abs(voltage.change), voltage.joined & voltage.day), enough),
    )
    return np.stack([np.where(valid, values, np.float32(np.nan)) for values, valid in rows])


def _correlation(a: Array, b: Array, where: Mask, noise: Array) -> Array:
    """Of two rings where `where` holds, `[n]`; `noise` is a variance of `b` that counts as none."""
    count = _count(where)
    mean_a = np.where(where, a, np.float32(0)).sum(axis=0) / count
    mean_b = np.where(where, b, np.float32(0)).sum(axis=0) / count
    off_a = np.where(where, a - mean_a, np.float32(0))
    off_b = np.where(where, b - mean_b, np.float32(0))
    together: Array = (off_a * off_b).sum(axis=0)
    spread = np.square(off_a).sum(axis=0) * (np.square(off_b).sum(axis=0) + count * noise)
    result: Array = together / np.sqrt(np.maximum(spread, np.float32(1e-20)))
    return result


def _count_exact(where: Mask) -> Array:
    count: Array = where.sum(axis=0, dtype=np.int32).astype(np.float32)
    return count


def _count(where: Mask) -> Array:
    """How often `where` holds, `[n]`, at least 1."""
    count: Array = np.maximum(_count_exact(where), np.float32(1))
    return count
