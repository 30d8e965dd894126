"""Tampering with a service that was switched off: the customer bridges the switch, and draws what nothing counts.

Meters with a remote disconnect sense voltage on their load side. On a service that is off, such voltage means that
somebody has found another way in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.scenario import DAY_S
from simulator.topology import RESIDENTIAL
from simulator.voltage import HARD_LIMIT_PU

if TYPE_CHECKING:
    from simulator.injection import Injection

OFF_DAYS = (0.5, 3.0)  # until the candles are used up
SHORTEST_BYPASS_SHARE = 0.2  # of the period after the first fault, so that there is something left to see
SMALLEST_QUANTILE = 0.3  # who uses little would not be missed
REPORTING_SHARE = 0.5  # of meters sense their load side
DISCONNECTED_CODE, LOAD_SIDE_VOLTAGE_CODE = "service_disconnected", "load_side_voltage"
PLACEMENT_TRIES = 40


def inject_tampers(injection: Injection) -> None:
    """Switch homes off, then let them bridge the switch; kind `tamper`, cause `bypass`, from the bridge on.

    While the switch is open the register counts nothing, and its voltage lacks the drop of the customer's own load.
    With the bridge, the drop is back and the register still counts nothing. The time before the bridge is the
    utility's own doing: the meter says so, and it is kept as benign.
    """
    scenario = injection.scenario
    rng = scenario.stream("tamper")
    use = injection.energy_kwh.sum(axis=0)
    likely = (use >= np.quantile(use, SMALLEST_QUANTILE)) & (injection.network.kind == RESIDENTIAL)
    for _ in range(scenario.occurrences_by_size(scenario.tampers_per_1000_meter_weeks)):
        for _ in range(PLACEMENT_TRIES):
            candidates = np.flatnonzero(likely & ~injection.thieves)
            if not len(candidates):
                return
            meters = rng.choice(candidates, 1)
            off, bridged = _times(injection, rng)
            if off < bridged and injection.is_free(meters, off, scenario.end):
                _bridge(injection, rng, meters, off, bridged)
                break


def _times(injection: Injection, rng: np.random.Generator) -> tuple[int, int]:
    """When the service is switched off and when it is bridged, both at the start of an interval, epoch s."""
    scenario = injection.scenario
    room = scenario.end - scenario.first_fault_at
    latest = scenario.end - SHORTEST_BYPASS_SHARE * room
    lasts = min(rng.uniform(*OFF_DAYS) * DAY_S, 0.5 * room)
    off = rng.uniform(scenario.first_fault_at, max(scenario.first_fault_at + 1, latest - lasts))
    return injection.aligned(off), injection.aligned(off + lasts)


def _bridge(injection: Injection, rng: np.random.Generator, meters: np.ndarray, off: int, bridged: int) -> None:
    scenario = injection.scenario
    dark = injection.touched(off, bridged)
    injection.energy_kwh[injection.touched(off, scenario.end), meters] = 0
    highest_v = (1 + HARD_LIMIT_PU) * injection.network.topology.nominal_voltage_v[meters]
    unloaded_v = injection.voltage_v[dark, meters] + injection.own_drop_v[dark, meters]
    injection.voltage_v[dark, meters] = np.minimum(unloaded_v, highest_v)
    injection.thieves[meters] = True
    injection.say(meters, np.array([off]), DISCONNECTED_CODE)
    if rng.random() < REPORTING_SHARE:
        injection.say(meters, np.array([bridged + int(rng.integers(scenario.interval_s))]), LOAD_SIDE_VOLTAGE_CODE)
    injection.occupy(meters, off, bridged)
    injection.book_benign("disconnected", "utility", meters, off, bridged)
    injection.book("tamper", "bypass", meters, bridged, scenario.end)
