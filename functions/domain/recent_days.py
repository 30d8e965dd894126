"""Recent days: what the last one to three days of a meter look like, from the hours its pack keeps.

Theft, drift and a failing neutral show in days, not in hours. Fifteen features are computed once an hour, when a block
closes. The ring is read where it lies: block b is kept at b % 72, and 24 blocks are always a whole number of days, so
the same time of day is 24 places away, and neighbours in the ring are neighbours in time but for one seam.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.domain.features import DAY_FEATURES
from functions.domain.halves import widened

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
CHUNK = 1024
"""Meters taken at once: their rings then stay in the cache of a core."""

Array = NDArray[np.float32]


class _Hours(NamedTuple):
    """Rings as `[72, n]`. Masks are ones and zeros: a product costs a seventh of `np.where`."""

    value: Array
    """0 where there is none."""
    there: Array
    joined: Array
    """Whether an hour and the one before it are both there."""
    change: Array
    """From the hour before; 0 where either is missing."""

    def at(self, places: NDArray[np.int64]) -> _Hours:
        """Only some places of the ring, in its order."""
        return _Hours._make(column[places] for column in self)


def day_features(
    hour_v: NDArray[np.float16], hour_e: NDArray[np.float16], profile: NDArray[np.float16], newest: NDArray[np.integer]
) -> Array:
    """The fifteen `DAY_FEATURES` `[n, 15] float32` of `n` meters; NaN where too few hours are there.

    `hour_v` (pu − 1) and `hour_e` (kWh) are rings `[n, 72]` by block; `profile` `[n, 24]` the usual kWh by place in the
    day; `newest` `[n]` the newest block in the ring.
    """
    result = np.empty((len(newest), len(DAY_FEATURES)), np.float32)
    end = newest % HOURS
    # Meters whose rings end at the same place (as a rule all) have the last day in the same rows, a third of the ring.
    for place in np.unique(end).tolist():
        alike = np.flatnonzero(end == place)
        for start in range(0, len(alike), CHUNK):
            some = alike[start : start + CHUNK]
            if len(some) == 1:  # numpy sums a lone column in another order: no meter may notice its company
                some = some.repeat(2)
            result[some] = _of_chunk(hour_v.take(some, 0), hour_e.take(some, 0), profile.take(some, 0), place).T
    return result


def _of_chunk(
    hour_v: NDArray[np.float16], hour_e: NDArray[np.float16], profile: NDArray[np.float16], end: int
) -> Array:
    """The features `[15, n]` of a few meters whose newest hour is at place `end`."""
    oldest = (end + 1) % HOURS
    age = (end - np.arange(HOURS)) % HOURS
    today, before = np.flatnonzero(age < BLOCKS_PER_DAY), np.flatnonzero(age >= BLOCKS_PER_DAY)
    voltage, energy = _hours(hour_v, oldest), _hours(hour_e, oldest)
    usual, scale = _usual(profile)
    small = SMALL_SHARE * scale + np.float32(SMALL_KWH)
    return np.concatenate(
        (
            _energy(energy, energy.at(today), usual, usual[today % BLOCKS_PER_DAY], scale, small),
            _together(voltage, energy, scale, small),
            _voltage(voltage.at(today), voltage.value[before], voltage.there[before]),
        )
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


def _hours(ring: NDArray[np.float16], oldest: int) -> _Hours:
    value = widened(np.ascontiguousarray(ring.T))
    missing = np.isnan(value)
    np.copyto(value, 0, where=missing)
    there = (~missing).astype(np.float32)
    joined, change = there.copy(), value.copy()
    joined[1:] *= there[:-1]
    joined[0] *= there[-1]
    joined[oldest] = 0  # the place before it in the ring holds the newest
    change[1:] -= value[:-1]
    change[0] -= value[-1]
    change *= joined
    return _Hours(value, there, joined, change)


def _usual(profile: NDArray[np.float16]) -> tuple[Array, Array]:
    """Usual kWh by place in the day `[24, n]`, the mean where one place is unknown, and that mean `[n]`.

    Both are NaN, and with them what is compared with them, where no place is known.
    """
    by_place = widened(np.ascontiguousarray(profile.T))
    there = ~np.isnan(by_place)
    total: Array = np.where(there, by_place, np.float32(0)).sum(axis=0)
    scale = np.where(there.any(axis=0), total / _at_least_one(_count(there)), np.float32(np.nan))
    return np.where(there, by_place, scale), scale


def _energy(ever: _Hours, today: _Hours, usual: Array, usual_today: Array, scale: Array, small: Array) -> Array:
    """The nine features of energy alone, `[9, n]`."""
    hours, hours_3 = today.there.sum(axis=0), ever.there.sum(axis=0)
    n, n_3 = _at_least_one(hours), _at_least_one(hours_3)
    usual_ever = np.tile(usual, (HOURS // BLOCKS_PER_DAY, 1)) * ever.there
    mean, mean_3 = today.value.sum(axis=0) / n, ever.value.sum(axis=0) / n_3
    due, due_3 = (usual_today * today.there).sum(axis=0) / n, usual_ever.sum(axis=0) / n_3
    expected = usual_today * ((mean + small) / (due + small))
    there = today.there > 0
    lowest = np.where(there, today.value, np.float32(np.inf)).min(axis=0)
    highest = np.where(there, today.value, np.float32(-np.inf)).max(axis=0)
    worth = there & (usual_today > WORTH_SHARE * scale)
    zero = worth & (today.value < ZERO_SHARE * usual_today)
    plateau = there & (np.abs(today.value - highest) < SAME_SHARE * highest)
    enough, enough_3 = hours >= ENOUGH_OF_DAY, hours_3 >= ENOUGH_OF_ALL
    rough = np.abs(today.change).sum(axis=0) / _at_least_one(today.joined.sum(axis=0))
    off = np.square((today.value - expected) * today.there).sum(axis=0) / n
    with np.errstate(invalid="ignore", divide="ignore"):  # what too few hours make of these is replaced below
        rows = (
            (np.log((mean + small) / (due + small)), enough),
            (np.log((mean_3 + small) / (due_3 + small)), enough_3),
            (np.sqrt(off) / (mean + small), enough),
            (_correlation(ever.value, usual_ever, ever.there, n_3, np.square(small)), enough_3),
            (np.log((lowest + small) / (usual.min(axis=0) + small)), enough),
            (np.log((highest + small) / (usual.max(axis=0) + small)), enough),
            (_count(zero) / _at_least_one(_count(worth)), enough & ~np.isnan(scale)),
            (_count(plateau) / n, enough),
            (rough / (mean + small), enough),
        )
        return _where_valid(rows)


def _together(voltage: _Hours, energy: _Hours, scale: Array, small: Array) -> Array:
    """How voltage answers to load, `[2, n]`: correlation, and drop in per cent for the customer's mean draw.

    From hour to hour, so that the slow breathing of the grid takes no part. A register that is told less than flows
    loses the correlation, or makes the service look weaker than it is.
    """
    both = voltage.joined * energy.joined
    hours = both.sum(axis=0)
    n, enough = _at_least_one(hours), hours >= ENOUGH_OF_ALL
    dv, de = voltage.change * both, energy.change * both
    variance = np.square(de).sum(axis=0) / n + np.square(small)
    slope = -((dv * de).sum(axis=0) / n) / variance * scale * np.float32(PER_CENT)
    return _where_valid(((_correlation(dv, de, both, n, np.square(small)), enough), (slope, enough)))


def _voltage(today: _Hours, before: Array, there_before: Array) -> Array:
    """The four features of voltage alone, `[4, n]`; `before` are the values of the two days before the last."""
    hours, hours_before = today.there.sum(axis=0), there_before.sum(axis=0)
    n, enough = _at_least_one(hours), hours >= ENOUGH_OF_DAY
    level = today.value.sum(axis=0) / n
    spread = np.sqrt(np.square((today.value - level) * today.there).sum(axis=0) / n)
    step = level - before.sum(axis=0) / _at_least_one(hours_before)
    rough = np.abs(today.change).sum(axis=0) / _at_least_one(today.joined.sum(axis=0))
    return _where_valid(
        ((level, enough), (step, enough & (hours_before >= ENOUGH_OF_DAY)), (spread, enough), (rough, enough))
    )


def _correlation(a: Array, b: Array, where: Array, count: Array, noise: Array) -> Array:
    """Of two rings, both 0 except where `where` is 1 (`count` times), `[n]`; `noise` is a variance of `b` that counts
    as none."""
    off_a, off_b = a - a.sum(axis=0) / count, b - b.sum(axis=0) / count
    off_a *= where
    off_b *= where
    together: Array = (off_a * off_b).sum(axis=0)
    spread = np.square(off_a).sum(axis=0) * (np.square(off_b).sum(axis=0) + count * noise)
    result: Array = together / np.sqrt(np.maximum(spread, np.float32(1e-20)))
    return result


def _where_valid(rows: Iterable[tuple[Array, NDArray[np.bool_]]]) -> Array:
    values, valid = zip(*rows, strict=True)
    return np.where(np.stack(valid), np.stack(values), np.float32(np.nan))


def _count(where: NDArray[np.bool_]) -> Array:
    # Fewer than 256 rows: bytes are added four times faster than wider numbers.
    count: Array = where.view(np.uint8).sum(axis=0, dtype=np.uint8).astype(np.float32)
    return count


def _at_least_one(count: Array) -> Array:
    return np.maximum(count, np.float32(1))
