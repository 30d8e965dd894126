"""Limits: rules of physics and of supply standards, which need no training and no history.

Ranges are shares of the nominal voltage. ANSI C84.1-2020, service voltage: range A is 0.95 to 1.05, range B is 0.917
to 1.058 (110 V and 127 V on a 120 V base). EN 50160:2010 allows ±10 % of the nominal voltage. Which standard applies
follows from the nominal voltage: 220, 230 and 400 V are European services, the others North American.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.domain.anomalies import SLOTS_OF_KINDS, Kind
from functions.domain.features import SECONDS_PER_HOUR
from functions.domain.windows import Entries

NOMINAL_V = (120.0, 127.0, 208.0, 220.0, 230.0, 240.0, 277.0, 347.0, 400.0, 480.0, 600.0)
LOWEST_SERVICE_V = 60.0
"""Half the lowest service: below it a meter sees an outage's rest voltage, which tells nothing of its service."""
EUROPEAN_V = (220.0, 230.0, 400.0)
POWER_OFF_PU = 0.1
"""Below a tenth of nominal, IEEE 1159-2019 speaks of an interruption."""
RANGE_A = (0.95, 1.05)
RANGE_B = (110 / 120, 127 / 120)
EN_50160 = (0.90, 1.10)
TOLERANCE_PU = 1e-4
"""A reading on the line is inside: float32 must not decide."""
STUCK_HOURS = 4
STUCK_REPEATS = 8
"""A register is stuck when voltage and energy repeat to the last digit for four hours and at least eight times."""
SUSTAINED = 3
"""Readings of a window that must agree before a range A excursion counts as sustained."""

POWER_OFF_SCORE = 9.0
STUCK_SCORE = 5.0
RANGE_A_SCORE, RANGE_B_SCORE = 3.0, 4.0
"""Urgency of a reading at the edge of a range; every per cent of nominal beyond it adds `SCORE_PER_PU` / 100."""
SCORE_PER_PU = 30.0
HIGHEST_RANGE_SCORE = 8.0
"""However deep a sag, darkness is more urgent."""
SILENCE_SCORE = 5.0
"""Urgency of a meter that is silent: below a sag, since the modem is the likelier fault."""


@dataclass(frozen=True)
class Breaches:
    """What the rules saw in each entry."""

    kinds: NDArray[np.bool_]
    """`[n, 8]`, column = `Kind`."""
    score: NDArray[np.float32]
    """`[n]`: the urgency of the worst rule broken, 0 where none was. A range's grows with the distance beyond it."""


def ranges(nominal_v: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Ranges A and B of each meter, `[n, 2]` each (low, high), in per unit."""
    european = np.isin(nominal_v, np.array(EUROPEAN_V, np.float32)).astype(np.intp)
    range_a, range_b = np.array([RANGE_A, EN_50160]).T, np.array([RANGE_B, EN_50160]).T
    return range_a.take(european, 1).T, range_b.take(european, 1).T


def check(entries: Entries, nominal_v: NDArray[np.float32], interval_s: NDArray[np.integer]) -> Breaches:
    """Check every entry against the rules; `nominal_v` (V, NaN = unknown, then only `stuck` can be seen) is `[n]`."""
    pu = entries.voltage_v / nominal_v
    range_a, range_b = (each.T for each in ranges(nominal_v))
    # Nobody has told the service yet: below a tenth of the lowest one there is, it is dark whatever it is.
    off = entries.voltage_v < POWER_OFF_PU * np.where(np.isnan(nominal_v), min(NOMINAL_V), nominal_v)
    live = ~off & ~np.isnan(pu)
    window_pu = entries.window_v.T / nominal_v
    bottom_a, top_a = range_a[0] - TOLERANCE_PU, range_a[1] + TOLERANCE_PU
    below_a = ((window_pu < bottom_a) & (window_pu >= POWER_OFF_PU)).sum(axis=0) >= SUSTAINED
    above_a = (window_pu > top_a).sum(axis=0) >= SUSTAINED
    low_a, high_a = pu < bottom_a, pu > top_a
    low_b, high_b = pu < range_b[0] - TOLERANCE_PU, pu > range_b[1] + TOLERANCE_PU

    needed = np.maximum(STUCK_REPEATS, STUCK_HOURS * SECONDS_PER_HOUR // np.maximum(interval_s, 1).astype(np.int64))
    kinds = np.zeros((SLOTS_OF_KINDS, len(pu)), bool).T  # kept kind by kind: each is looked at on its own
    kinds[:, Kind.power_off] = off
    kinds[:, Kind.sag] = live & (low_b | (low_a & below_a))
    kinds[:, Kind.swell] = live & (high_b | (high_a & above_a))
    kinds[:, Kind.stuck] = ~off & (entries.voltage_v > 0) & (entries.repeats >= needed)

    score = np.select([off, kinds[:, Kind.stuck]], [POWER_OFF_SCORE, STUCK_SCORE], 0.0)
    for kind, broken_b, beyond_a, beyond_b in (
        (Kind.sag, low_b, range_a[0] - pu, range_b[0] - pu),
        (Kind.swell, high_b, pu - range_a[1], pu - range_b[1]),
    ):
        depth = np.where(broken_b, RANGE_B_SCORE + SCORE_PER_PU * beyond_b, RANGE_A_SCORE + SCORE_PER_PU * beyond_a)
        score = np.fmax(score, np.where(kinds[:, kind], np.minimum(depth, HIGHEST_RANGE_SCORE), 0.0))
    return Breaches(kinds, score.astype(np.float32))


def infer_nominal(entries: Entries, nominal_v: NDArray[np.float32]) -> NDArray[np.float32]:
    """Nominal voltage of each entry's meter, `[n]` V: the one known, else told by the first window of three readings.

    The nearest of the usual service voltages, by ratio, to the window's median; NaN until such a window has come.
    """
    unknown = np.flatnonzero(np.isnan(nominal_v))
    result = nominal_v.copy()
    if not len(unknown):
        return result
    window = entries.window_v[unknown]
    readable = (window > LOWEST_SERVICE_V).sum(axis=1) >= SUSTAINED
    guess = np.full(len(unknown), np.nan, np.float32)
    live = np.where(window[readable] > LOWEST_SERVICE_V, window[readable], np.nan)
    ratio = np.log(np.nanmedian(live, axis=1)[:, None] / np.array(NOMINAL_V))
    guess[readable] = np.array(NOMINAL_V, np.float32)[np.abs(ratio).argmin(axis=1)]
    # The first window that tells decides for the rest of the batch, as it would if the batch came in pieces.
    rows, first = np.unique(entries.row[unknown[readable]], return_index=True)
    if len(rows):
        since, value = unknown[readable][first], guess[readable][first]
        which = np.minimum(np.searchsorted(rows, entries.row[unknown]), len(rows) - 1)
        told = (rows[which] == entries.row[unknown]) & (unknown >= since[which])
        result[unknown[told]] = value[which[told]]
    return result
