"""Theft: some customers falsify what their register says, by the schemes of `simulator.schemes`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simulator.scenario import DAY_S
from simulator.schemes import SCHEMES

if TYPE_CHECKING:
    from simulator.injection import Injection

FIRST_DAYS = (1, 4)  # thefts start on the second to fourth day: a watcher has seen some honest days before
SMALLEST_QUANTILE = 0.3  # who uses little has little to gain
CODES = ("cover_opened", "magnetic_tamper")


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
