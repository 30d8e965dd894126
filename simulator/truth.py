"""The truth by meter and hour: the form in which detectors that judge hours are measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.scenario import HOUR_S
from simulator.schemes import SCHEMES

if TYPE_CHECKING:
    from simulator.utility import SimulatedUtility

LASTING_KINDS = (*SCHEMES, "tamper")
TRUTH_KINDS = (
    *("", *LASTING_KINDS),
    *("sag", "swell", "regulator", "flicker", "loose_neutral", "drift", "stuck", "communication"),
    *("flapping", "momentary", "outage"),
)
"""Every kind of truth; the first says that nothing is wrong."""


def truth_hours(utility: SimulatedUtility) -> np.ndarray:
    """What was wrong with each meter in each hour of the period, `[H, M] int8`, an index into `TRUTH_KINDS`.

    An hour belongs to an event when any part of it does. What lasts, theft, gives way to what passes: a thief
    without power is one of the many without power.
    """
    scenario = utility.scenario
    hours = np.zeros((-(-(scenario.end - scenario.start) // HOUR_S), scenario.meters), np.int8)
    for event in sorted(utility.truth, key=lambda event: TRUTH_KINDS.index(event.kind)):
        first, end = (event.start - scenario.start) // HOUR_S, -(-(event.end - scenario.start) // HOUR_S)
        hours[first:end, event.meters] = TRUTH_KINDS.index(event.kind)
    return hours
