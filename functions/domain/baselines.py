"""Baselines: what is usual for a meter, learnt slowly from its own normal windows.

A meter starts with the population's prior and shrinks towards its own mean as samples come; one sample a block (an
hour). Steps are clipped, so a single odd hour moves little, and anomalous windows are never shown to it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from functions.domain.packs import Prior, Records

PRIOR_WEIGHT = 24
"""Samples the prior is worth: a day of its own history counts as much as the population."""
MEMORY = 336
"""Samples after which old ones fade: two weeks of hours."""
CLIP_SD = 4.0
"""A sample counts as at most this many standard deviations from the mean."""
SD_FLOOR = 0.1
"""Smallest standard deviation, as a share of the prior's: a flat meter must not alarm at its first movement."""


def learn(state: Records, rows: NDArray[np.int64], sample: NDArray[np.float32]) -> None:
    """Show one sample of features (`[n, 6]`, NaN = not measured) to the baselines of `rows`, each row once."""
    count = state["base_n"][rows]
    weight = np.float32(1) / (np.minimum(count, MEMORY).astype(np.float32) + PRIOR_WEIGHT + 1)
    mean, var = state["base_mean"][rows], state["base_var"][rows]
    reach = CLIP_SD * np.sqrt(var)
    step = np.clip(np.where(np.isnan(sample), np.float32(0), sample - mean), -reach, reach)
    step_weight = np.where(np.isnan(sample), np.float32(0), weight[:, None])
    state["base_mean"][rows] = mean + step_weight * step
    state["base_var"][rows] = (1 - step_weight) * (var + step_weight * np.square(step))
    state["base_n"][rows] = np.minimum(count + 1, MEMORY)


def usual(state: Records, rows: NDArray[np.int64], prior: Prior) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mean and standard deviation, both `[n, 6]`, that windows of `rows` are compared with."""
    sd = np.maximum(np.sqrt(state["base_var"][rows]), SD_FLOOR * prior.sd)
    return state["base_mean"][rows], sd
