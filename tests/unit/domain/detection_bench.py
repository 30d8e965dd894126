"""A bench for the domain: meters on a 230 V service, readings by hand, and a scorer that is exact in any batch."""

from __future__ import annotations

import numpy as np
from priors import prior

from functions.domain.detection import Judge, Judgement, Scores, detect
from functions.domain.device_events import RowEvent, follow
from functions.domain.episodes import Change
from functions.domain.outcomes import Outcome
from functions.domain.packs import CustomerType, Records, fresh
from functions.domain.windows import Entries, Readings

NAN = float("nan")
PRIOR = prior()
HIGHEST_SCORE = 12


def score(features, usual_mean, usual_sd):
    """The largest deviation in standard deviations; elementwise and a maximum, so exact in any batch."""
    z = np.abs(features - usual_mean) / usual_sd
    z = np.minimum(np.where(np.isnan(z), np.float32(0), z), np.float32(HIGHEST_SCORE))
    return Scores(z.max(axis=1, initial=0), z)


JUDGE = Judge(score, PRIOR)


def meters(
    count: int = 1, nominal_v: float = 230.0, customer_type: CustomerType = CustomerType.residential, prior=PRIOR
) -> Records:
    return fresh(np.full(count, nominal_v, np.float32), np.full(count, customer_type, np.uint8), prior)


def readings(rows, interval_s: int = 900) -> Readings:
    """Readings from (row, slot, volts, kWh[, interval]) tuples."""
    rows = [(*row, interval_s)[:5] for row in rows]
    columns = list(zip(*rows, strict=True)) or [()] * 5
    kinds = (np.int64, np.int64, np.float32, np.float32, np.int64)
    return Readings(*(np.array(column, kind) for column, kind in zip(columns, kinds, strict=True)))


def feed(state, rows, interval_s=900, judge=JUDGE) -> tuple[list[str], Entries, Judgement]:
    outcome, entries, found = detect(state, readings(rows, interval_s), judge)
    return [Outcome(code).name for code in outcome], entries, found


def live(state, rows, events: list[RowEvent] = (), interval_s=900, judge=JUDGE) -> tuple[list[bool], list[Change]]:
    """Readings and device events through detection and episodes, as a batch."""
    head = state["head"].copy()
    _, entries, found = feed(state, rows, interval_s, judge)
    used, changes = follow(state, entries, found, list(events), head)
    return used.tolist(), changes


def steady(first_slot: int, count: int, row: int = 0, volts: float = 230.0, kwh: float = 0.15):
    """Readings of a healthy meter, never two alike."""
    return [(row, first_slot + n, volts + 0.1 * (n % 7) + 0.05 * (n % 2), kwh + 0.01 * (n % 5)) for n in range(count)]
