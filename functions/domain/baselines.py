"""Baselines: what is usual for a meter, learnt slowly from its own normal windows.

A normal distribution with unknown mean and variance, updated by its conjugate prior (normal-inverse-gamma; Gelman et
al., Bayesian Data Analysis, 3rd ed., section 3.3), one sample a block. The prior is the population: how far meters
differ from each other says how little it knows about the level of a new one, so a meter's own level takes over within
hours and its spread within a day. Old samples fade, steps are clipped, and anomalous windows are never shown to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from functions.domain.packs import Prior, Records

SPREAD_WEIGHT = 24
"""Samples the prior's standard deviation is worth: a day of a meter's own history counts as much."""
WARM_UP = 24
"""Samples before a meter is known: until then windows teach even when they look unusual, or a meter unlike the
population would alarm for ever and never be learnt."""
MEMORY = 336
"""Samples after which old ones fade: two weeks of hours."""
CLIP_SD = 4.0
"""A sample counts as at most this many standard deviations from the mean."""
SD_FLOOR = 0.1
"""Smallest standard deviation, as a share of the prior's: a flat meter must not alarm at its first movement."""


def learn(state: Records, rows: NDArray[np.int64], sample: NDArray[np.float32], prior: Prior) -> None:
    """Show one sample of features (`[n, 6]`, NaN = not measured) to the baselines of `rows`, each row once."""
    count = state["base_n"][rows]
    known = _samples_known(count, prior)
    (mean, sd), var = usual(state, rows, prior), state["base_var"][rows]
    measured = ~np.isnan(sample)
    step = np.clip(np.where(measured, sample - mean, np.float32(0)), -CLIP_SD * sd, CLIP_SD * sd)
    gain = 1 / (known + 1)
    weight = 1 / (count[:, None].astype(np.float32) + SPREAD_WEIGHT + 1)
    state["base_mean"][rows] = mean + gain * step
    state["base_var"][rows] = np.where(measured, var + weight * (known * gain * np.square(step) - var), var)
    state["base_n"][rows] = np.minimum(count + 1, MEMORY)


def usual(state: Records, rows: NDArray[np.int64], prior: Prior) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation, both `[n, 6]`, that the next window of `rows` is expected to have.

    The standard deviation is the predictive one: wide while the meter's level is uncertain, and never below the floor.
    """
    known = _samples_known(state["base_n"][rows], prior)
    sd = np.sqrt(state["base_var"][rows] * (1 + 1 / known))
    return state["base_mean"][rows], np.maximum(sd, SD_FLOOR * prior.sd)


def _samples_known(count: NDArray[np.uint16], prior: Prior) -> NDArray[np.float32]:
    """Samples that the level of each feature rests on, `[n, 6]`, with what the population is worth."""
    known: NDArray[np.float32] = count[:, None].astype(np.float32) + np.square(prior.sd / prior.spread)
    return known
