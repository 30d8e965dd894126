"""Detection: readings in, anomalies out, over the joined state of a whole batch.

Windows and rules depend on readings alone and are computed for the batch at once. What a score is compared with
depends on what the meter has learnt, and it learns block by block; so entries are scored in *rounds*, one block of
each meter a round. A batch of current readings has one round, a file of history has one a block.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.domain import baselines, limits, thresholds
from functions.domain.anomalies import Kind
from functions.domain.features import FEATURES, SECONDS_PER_HOUR, WINDOW, window_features
from functions.domain.packs import HOURS, Prior, Records
from functions.domain.windows import Entries, Readings, admit

HIGHEST_HALF = np.float32(np.finfo(np.float16).max)
"""What a float16 of a pack can hold at most: 65,504 kWh."""


class Scores(NamedTuple):
    """What a model says of `n` windows; a higher score is more anomalous."""

    score: NDArray[np.float32]
    """`[n]`: −log10 of the probability that a healthy window scores as high."""
    contribution: NDArray[np.float32]
    """`[n, 6]`: what each feature added to it."""


Score = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]], Scores]
"""(features `[n, 6]`, usual mean `[n, 6]`, usual standard deviation `[n, 6]`) → Scores; NaN features take no part."""


@dataclass(frozen=True)
class Judge:
    """What windows are judged by."""

    score: Score
    prior: Prior
    budget: float = thresholds.DEFAULT_BUDGET
    """False alerts per 1,000 meters a day."""
    fixed_threshold: float | None = None
    """Replaces the budget's score where an operator has set one."""

    def floor(self, interval_s: NDArray[np.integer]) -> NDArray[np.float32]:
        """The bar every meter shares, `[n]`."""
        if self.fixed_threshold is not None:
            return np.full(len(interval_s), self.fixed_threshold, np.float32)
        return thresholds.budget_score(self.budget, interval_s)

    @property
    def fallback(self) -> float:
        """What stands for a meter's own percentile before it has one."""
        return thresholds.HIGHEST_SCORE if self.fixed_threshold is None else self.fixed_threshold


@dataclass(frozen=True)
class Judgement:
    """What was found in each entry; arrays of one length `[n]`."""

    features: NDArray[np.float32]
    usual_mean: NDArray[np.float32]
    usual_sd: NDArray[np.float32]
    contribution: NDArray[np.float32]
    nominal_v: NDArray[np.float32]
    score: NDArray[np.float32]
    """The model's score, or the rule's where it is more urgent."""
    threshold: NDArray[np.float32]
    kinds: NDArray[np.bool_]
    """`[n, 8]`: the kinds of anomaly each entry shows, column = `Kind`."""


def detect(state: Records, readings: Readings, judge: Judge) -> tuple[NDArray[np.uint8], Entries, Judgement]:
    """Apply readings to `state` (changed in place) and judge every window they touch.

    Returns the outcome of each reading `[n]`, the applied entries, and what was found in them.
    """
    head_before = state["head"].copy()
    outcome, entries = admit(state, readings)
    row = entries.row
    nominal = limits.infer_nominal(entries, state["nominal_v"][row])
    state["nominal_v"][row] = nominal
    interval = state["interval_s"][row]
    breaches = limits.check(entries, nominal, interval)
    found = Judgement(
        features=window_features(entries.window_v, entries.window_e, nominal, interval),
        usual_mean=np.empty((len(row), len(FEATURES)), np.float32),
        usual_sd=np.empty((len(row), len(FEATURES)), np.float32),
        contribution=np.empty((len(row), len(FEATURES)), np.float32),
        nominal_v=nominal,
        score=breaches.score,
        threshold=judge.floor(interval),
        kinds=breaches.kinds,
    )
    explained = _rule_speaks(entries, nominal, breaches)
    block = entries.end // _slots_per_block(interval)
    open_block = head_before // _slots_per_block(state["interval_s"])
    for chosen in _rounds(row, block):
        _enter_blocks(state, row[chosen], block[chosen], open_block, judge.prior)
        _gather(state, entries, nominal, block, chosen)
        _judge(state, row, found, explained, chosen, judge)
    return outcome, entries, found


def _slots_per_block(interval_s: NDArray[np.integer]) -> NDArray[np.int64]:
    slots: NDArray[np.int64] = np.maximum(SECONDS_PER_HOUR // np.maximum(interval_s, 1).astype(np.int64), WINDOW)
    return slots


def _rounds(row: NDArray[np.int64], block: NDArray[np.int64]) -> Sequence[NDArray[np.int64] | slice]:
    """Entries (sorted by row and slot) cut into rounds: the k-th round holds each meter's k-th block."""
    if not len(row):
        return []
    new_row = np.r_[True, row[1:] != row[:-1]]
    new_block = new_row | np.r_[True, block[1:] != block[:-1]]
    nth = np.cumsum(new_block)
    number = nth - np.maximum.accumulate(np.where(new_row, nth, 0))
    if number.max() == 0:
        return [slice(None)]
    by_round = np.argsort(number, kind="stable")
    return np.split(by_round, np.flatnonzero(np.diff(number[by_round])) + 1)


def _rule_speaks(entries: Entries, nominal_v: NDArray[np.float32], breaches: limits.Breaches) -> NDArray[np.bool_]:
    """Entries whose window holds a reading that a rule has reported: the model need not report it again."""
    _, range_b = limits.ranges(nominal_v)
    pu = entries.window_v / nominal_v[:, None]
    outside = (pu < range_b[:, :1] - limits.TOLERANCE_PU) | (pu > range_b[:, 1:] + limits.TOLERANCE_PU)
    return np.logical_or(outside.any(axis=1), breaches.kinds.any(axis=1))


def _enter_blocks(
    state: Records, row: NDArray[np.int64], block: NDArray[np.int64], open_block: NDArray[np.int64], prior: Prior
) -> None:
    """Move meters to the block they report in; the blocks that are now two behind teach. Updates `open_block`."""
    first = np.r_[True, row[1:] != row[:-1]]
    rows, target = row[first], block[first]
    ahead = target - open_block[rows]
    fresh = open_block[rows] < 0
    next_one, further = (ahead == 1) & ~fresh, (ahead > 1) & ~fresh
    for moving, both in ((rows[next_one], False), (rows[further], True)):
        if not len(moving):
            continue
        _teach(state, moving, 0, open_block[moving] - 1, prior)
        if both:
            _teach(state, moving, 1, open_block[moving], prior)
            _clear(state, moving, 0)
        else:
            for field in ("sample", "sample_score", "sum_v", "sum_e", "count"):
                state[field][moving, 0] = state[field][moving, 1]
        _clear(state, moving, 1)
    open_block[rows] = target


def _clear(state: Records, rows: NDArray[np.int64], which: int) -> None:
    for field, empty in (("sample", np.nan), ("sample_score", np.nan), ("sum_v", 0), ("sum_e", 0), ("count", 0)):
        state[field][rows, which] = empty


def _teach(state: Records, rows: NDArray[np.int64], which: int, block: NDArray[np.int64], prior: Prior) -> None:
    """Close block `block` of each row: its aggregates enter the ring, its sample teaches baseline and threshold."""
    closed = state["closed_block"][rows]
    skipped = np.where(closed < 0, 0, np.minimum(block - closed - 1, HOURS))
    gaps = np.flatnonzero(skipped > 0)
    if len(gaps):
        age = np.arange(1, HOURS + 1)
        blank = age <= skipped[gaps, None]
        place = (block[gaps, None] - age) % HOURS
        at_row = np.broadcast_to(rows[gaps, None], place.shape)
        state["hour_v"][at_row[blank], place[blank]] = np.nan
        state["hour_e"][at_row[blank], place[blank]] = np.nan
    count = state["count"][rows, which]
    mean_v = state["sum_v"][rows, which] / np.maximum(count[:, 0], 1)
    state["hour_v"][rows, block % HOURS] = np.where(count[:, 0] > 0, mean_v, np.nan)
    kwh = np.minimum(state["sum_e"][rows, which], HIGHEST_HALF)
    state["hour_e"][rows, block % HOURS] = np.where(count[:, 1] > 0, kwh, np.nan)
    state["closed_block"][rows] = block

    sample, score = state["sample"][rows, which], state["sample_score"][rows, which]
    taught, scored = ~np.isnan(sample).all(axis=1), ~np.isnan(score)
    baselines.learn(state, rows[taught], sample[taught], prior)
    thresholds.remember(state, rows[scored], score[scored])


def _gather(
    state: Records,
    entries: Entries,
    nominal_v: NDArray[np.float32],
    block: NDArray[np.int64],
    chosen: NDArray[np.int64] | slice,
) -> None:
    """Add the readings of a round to the sums of their open block."""
    row = entries.row[chosen]
    first = np.r_[True, row[1:] != row[:-1]]
    rows, rank = row[first], np.cumsum(first) - 1
    own_block = entries.slot[chosen] // _slots_per_block(state["interval_s"][row])
    place = rank * 2 + (own_block == block[chosen])
    deviation = entries.voltage_v[chosen] / nominal_v[chosen] - np.float32(1)
    for quantity, (field, values) in enumerate((("sum_v", deviation), ("sum_e", entries.energy_kwh[chosen]))):
        measured = ~np.isnan(values)
        sums = state[field][rows]
        counts = np.ascontiguousarray(state["count"][rows][:, :, quantity])
        np.add.at(sums.reshape(-1), place[measured], values[measured])
        np.add.at(counts.reshape(-1), place[measured], 1)
        state[field][rows] = sums
        state["count"][rows, :, quantity] = counts


def _judge(
    state: Records,
    row: NDArray[np.int64],
    found: Judgement,
    explained: NDArray[np.bool_],
    chosen: NDArray[np.int64] | slice,
    judge: Judge,
) -> None:
    """Score the entries of a round, write what was found, and keep each block's last normal window."""
    rows = row[chosen]
    mean, sd = baselines.usual(state, rows, judge.prior)
    scores = judge.score(found.features[chosen], mean, sd)
    own = thresholds.own_percentile(state, rows)
    own[np.isneginf(own)] = judge.fallback
    threshold = np.maximum(found.threshold[chosen], own)
    quiet = ~explained[chosen]
    unusual = (scores.score > threshold) & quiet
    found.usual_mean[chosen], found.usual_sd[chosen] = mean, sd
    found.contribution[chosen], found.threshold[chosen] = scores.contribution, threshold
    found.score[chosen] = np.fmax(found.score[chosen], scores.score)
    found.kinds[chosen, Kind.unusual] = unusual

    unknown = state["base_n"][rows] < baselines.WARM_UP
    teaches = np.flatnonzero(quiet & (~unusual | unknown))
    # Sorted by slot within a row: of repeated rows the last assignment stands, which is the block's newest window.
    state["sample"][rows[teaches], 1] = found.features[chosen][teaches]
    state["sample_score"][rows[teaches], 1] = np.where(unusual[teaches], np.float32(np.nan), scores.score[teaches])
