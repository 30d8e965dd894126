"""Baselines: what is usual for a meter, learnt slowly from its own normal windows and days.

A normal distribution with unknown mean and variance, updated by its conjugate prior (normal-inverse-gamma; Gelman et
al., Bayesian Data Analysis, 3rd ed., section 3.3). A block teaches the features of its window, a day those of recent
days. The prior is the population of the meter's group: how far meters differ from each other says how little it knows
about the level of a new one, so a meter's own level takes over within hours and its spread within a day. Old samples
fade, steps are clipped, and anomalous windows are never shown to it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.domain.features import WINDOW_FEATURES
from functions.domain.halves import widened
from functions.domain.packs import Prior, Records, group

HOURLY = slice(0, len(WINDOW_FEATURES))
DAILY = slice(len(WINDOW_FEATURES), None)
SPREAD_WEIGHT = 24
"""Hours the prior's standard deviation is worth: a day of a meter's own history counts as much."""
DAY_SPREAD_WEIGHT = 7
"""Days it is worth: a week of the meter's own."""
WARM_UP = 24
"""Hours before a meter's hours are known: until then windows teach even when they look unusual, or a meter unlike the
population would alarm for ever and never be learnt."""
WARM_UP_DAYS = 5
"""Days before its recent days are known: until then every day teaches them, for the same reason."""
KNOWN_DAYS = 3
"""Days that must have been learnt before a meter's recent days are compared with them."""
SETTLED_DAYS = 8
"""Days after which a meter's own spread from day to day is believed; before, it is widened by what is missing: no
meter shows in four days what its week is like."""
MEMORY = 336
"""Hours after which old ones fade: two weeks."""
DAY_MEMORY = 42
"""Days after which old ones fade: six weeks, so that a theft of two does not become what is usual."""
CLIP_SD = 4.0
"""A sample counts as at most this many standard deviations from the mean, once the meter is known."""
YOUNG_CLIP_SD = 40.0
"""Before, it is the population that may be wrong about the meter: a roof's empty noons are tens of deviations off."""
SD_FLOOR = 0.1
"""Smallest standard deviation, as a share of the prior's: a flat meter must not alarm at its first movement."""


def learn_hour(state: Records, rows: NDArray[np.int64], sample: NDArray[np.float32], prior: Prior) -> None:
    """Show one sample of window features (`[n, 13]`, NaN = not measured) to the baselines of `rows`, each row once."""
    _learn(state, rows, sample, prior, _Pace(HOURLY, state["base_n"][rows], SPREAD_WEIGHT, WARM_UP))
    state["base_n"][rows] = np.minimum(state["base_n"][rows] + 1, MEMORY)


def learn_day(state: Records, rows: NDArray[np.int64], prior: Prior) -> None:
    """Show the recent days of `rows`, each row once, to their baselines."""
    sample = widened(state["days"].take(rows, 0))
    _learn(state, rows, sample, prior, _Pace(DAILY, state["day_n"][rows], DAY_SPREAD_WEIGHT, WARM_UP_DAYS))
    state["day_n"][rows] = np.minimum(state["day_n"][rows] + 1, DAY_MEMORY)


def usual(state: Records, rows: NDArray[np.int64], prior: Prior) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation, both `[n, 28]`, that the next window of `rows` is expected to have.

    The standard deviation is the predictive one: wide while the meter's level is uncertain, and never below the floor.
    """
    which = group(state["customer_type"][rows], state["nominal_v"][rows])
    days = state["day_n"][rows].astype(np.float32)[:, None]
    known = np.square(prior.sd / prior.spread).take(which, 0)
    known[:, HOURLY] += state["base_n"][rows].astype(np.float32)[:, None]
    known[:, DAILY] += days
    widening = np.divide(1, known, out=known)  # in place from here: every fresh array of this size is a cache emptied
    widening += 1
    sd = np.sqrt(widening, out=widening)
    sd *= widened(state["base_sd"].take(rows, 0))
    sd[:, DAILY] *= np.maximum(SETTLED_DAYS / np.maximum(days, 1), 1)
    return state["base_mean"].take(rows, 0), np.maximum(sd, (np.float32(SD_FLOOR) * prior.sd).take(which, 0), out=sd)


class _Pace(NamedTuple):
    """Which features learn, and how fast."""

    columns: slice
    samples: NDArray[np.integer]
    """Samples learnt so far, `[n]`."""
    spread_weight: int
    warm_up: int


def _learn(state: Records, rows: NDArray[np.int64], sample: NDArray[np.float32], prior: Prior, pace: _Pace) -> None:
    which, columns = group(state["customer_type"][rows], state["nominal_v"][rows]), pace.columns
    prior_sd = prior.sd[which, columns]
    n = pace.samples[:, None].astype(np.float32)
    known = n + np.square(prior_sd / prior.spread[which, columns])
    mean, base_sd = state["base_mean"][rows, columns], widened(state["base_sd"][rows, columns])
    clip: NDArray[np.float32] = np.where(n < pace.warm_up, np.float32(YOUNG_CLIP_SD), np.float32(CLIP_SD))
    bound = clip * np.maximum(base_sd * np.sqrt(1 + 1 / known), SD_FLOOR * prior_sd)
    measured = ~np.isnan(sample)
    step = np.clip(np.where(measured, sample - mean, np.float32(0)), -bound, bound)
    gain, weight, var = 1 / (known + 1), 1 / (n + pace.spread_weight + 1), np.square(base_sd)
    learnt = np.sqrt(var + weight * (known * gain * np.square(step) - var))
    state["base_mean"][rows, columns] = mean + gain * step
    state["base_sd"][rows, columns] = np.where(measured, learnt, base_sd)
