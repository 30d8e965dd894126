"""Short interruptions: a recloser that opens and closes again, and a loose contact that will not stop doing so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.power_cut import cut_power
from simulator.scenario import HOUR_S
from simulator.topology import NO_LATERAL

if TYPE_CHECKING:
    from simulator.injection import Injection

MOMENTARY_S = (25, 270)  # the shots of a recloser; five minutes make an outage sustained (IEEE 1366-2012)
FEEDER_SHARE = 0.4  # of reclosers stand at the head of a feeder, the others at a lateral
FLAPS = (3, 6)
FLAP_S = (6 * 60, 25 * 60)
BETWEEN_FLAPS_S = (4 * 60, 12 * 60)
PLACEMENT_TRIES = 20


def inject_interruptions(injection: Injection) -> None:
    """Cut power for moments, kind `momentary`, cause `recloser`; and again and again, kind `flapping`, cause `contact`.

    A flapping's truth lasts from its first moment in the dark to its last.
    """
    scenario = injection.scenario
    rng = scenario.stream("momentary")
    for _ in range(scenario.occurrences(scenario.momentary_per_week)):
        for _ in range(PLACEMENT_TRIES):
            meters = _behind_a_recloser(injection, rng)
            lasts = int(rng.integers(*MOMENTARY_S))
            window = injection.random_window(rng, meters, 1.0)
            if window is not None:
                start = window[0] + int(rng.integers(scenario.interval_s))
                cut_power(injection, rng, meters, start, np.full(len(meters), start + lasts))
                injection.book("momentary", "recloser", meters, start, start + lasts)
                break
    rng = scenario.stream("flapping")
    for _ in range(scenario.occurrences(scenario.flapping_per_week)):
        for _ in range(PLACEMENT_TRIES):
            meters = injection.network.below_transformer(injection.random_transformer(rng))
            window = injection.random_window(rng, meters, 3.0 * HOUR_S)
            if window is not None:
                _flap(injection, rng, meters, window)
                break


def _behind_a_recloser(injection: Injection, rng: np.random.Generator) -> np.ndarray:
    network = injection.network
    laterals = np.unique(network.lateral_of_transformer[network.lateral_of_transformer != NO_LATERAL])
    if rng.random() < FEEDER_SHARE or not len(laterals):
        return network.below_feeder(int(rng.integers(len(network.substation_of_feeder))))
    return network.below_lateral(int(rng.choice(laterals)))


def _flap(injection: Injection, rng: np.random.Generator, meters: np.ndarray, window: tuple[int, int]) -> None:
    at = start = window[0] + int(rng.integers(injection.scenario.interval_s))
    end = at
    for _ in range(int(rng.integers(*FLAPS, endpoint=True))):
        lasts = int(rng.integers(*FLAP_S))
        if at + lasts > window[1]:
            break
        end = at + lasts
        cut_power(injection, rng, meters, at, np.full(len(meters), end))
        at = end + int(rng.integers(*BETWEEN_FLAPS_S))
    if end > start:
        injection.book("flapping", "contact", meters, start, end)
