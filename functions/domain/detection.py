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

from functions.domain import baselines, blocks, limits, thresholds
from functions.domain.anomalies import Kind
from functions.domain.columns import Columns
from functions.domain.features import FEATURES, READING_FEATURES, WINDOW_FEATURES, reading_features
from functions.domain.packs import SAMPLE_ORIGIN, Prior, RecordArray, Records
from functions.domain.windows import Entries, Readings, admit


class Scores(NamedTuple):
    """What a model says of `n` windows; a higher score is more anomalous."""

    score: NDArray[np.float32]
    """`[n]`: −log10 of the probability that a healthy window scores as high."""
    contribution: NDArray[np.float32]
    """`[n, 28]`: what each feature added to it."""


Score = Callable[[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]], Scores]
"""(features, usual mean, usual standard deviation, each `[n, 28]`) → Scores; NaN features take no part."""


@dataclass(frozen=True)
class Judge:
    """What windows are judged by."""

    score: Score
    prior: Prior
    budget: float = thresholds.DEFAULT_BUDGET
    """False alerts per 1,000 meters a day."""
    alerts_per_window: float = 1.0
    """How many alerts each healthy window above the bar makes: windows that overlap alarm together."""
    fixed_threshold: float | None = None
    """Replaces the budget's score where an operator has set one."""

    def floor(self, interval_s: NDArray[np.integer]) -> NDArray[np.float32]:
        """The bar every meter shares, `[n]`."""
        if self.fixed_threshold is not None:
            return np.full(len(interval_s), self.fixed_threshold, np.float32)
        return thresholds.budget_score(self.budget, interval_s, self.alerts_per_window)

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
    rule: NDArray[np.float32]
    """The rule's score alone, 0 where none was broken."""
    threshold: NDArray[np.float32]
    kinds: NDArray[np.bool_]
    """`[n, 8]`: the kinds of anomaly each entry shows, column = `Kind`."""


def detect(records: RecordArray, readings: Readings, judge: Judge) -> tuple[NDArray[np.uint8], Entries, Judgement]:
    """Apply readings to `records` (changed in place) and judge every window they touch.

    Returns the outcome of each reading `[n]`, the applied entries, and what was found in them.
    """
    state = Columns(records)
    head_before = state["head"].copy()
    outcome, entries = admit(state, readings)
    row = entries.row
    nominal = limits.infer_nominal(entries, state["nominal_v"][row])
    state["nominal_v"][row] = nominal
    interval = state["interval_s"][row]
    breaches = limits.check(entries, nominal, interval)
    features = np.empty((len(row), len(FEATURES)), np.float32)
    features[:, :READING_FEATURES] = reading_features(
        entries.window_v, entries.window_e, nominal, interval, entries.repeats, entries.gap
    )
    found = Judgement(
        features=features,
        usual_mean=np.empty((len(row), len(FEATURES)), np.float32),
        usual_sd=np.empty((len(row), len(FEATURES)), np.float32),
        contribution=np.empty((len(row), len(FEATURES)), np.float32),
        nominal_v=nominal,
        score=breaches.score.copy(),
        rule=breaches.score,
        threshold=judge.floor(interval),
        kinds=breaches.kinds,
    )
    explained = _rule_speaks(entries, nominal, breaches)
    block = entries.end // blocks.slots_per_block(interval)
    open_block = head_before // blocks.slots_per_block(state["interval_s"])
    for chosen in _rounds(row, block):
        blocks.enter_blocks(state, row[chosen], block[chosen], open_block, judge.prior)
        blocks.gather(state, entries, nominal, breaches.kinds, block, chosen)
        blocks.compare(state, entries, features, block, chosen)
        _judge(state, row, found, explained, chosen, judge)
    state.put_back()
    return outcome, entries, found


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
    low_b, high_b = limits.ranges(nominal_v)[1].T
    pu = entries.window_v.T / nominal_v
    outside = (pu < low_b - limits.TOLERANCE_PU) | (pu > high_b + limits.TOLERANCE_PU)
    explained: NDArray[np.bool_] = outside.any(axis=0) | breaches.kinds.any(axis=1)
    return explained


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
    doubtful = scores.score > np.minimum(thresholds.TEACHES_BELOW, threshold)
    teaches = np.flatnonzero(quiet & (~doubtful | unknown))
    remembered = np.flatnonzero(quiet & ~unusual)
    # Sorted by slot within a row: of repeated rows the last assignment stands, which is the block's newest window.
    state["sample"][rows[teaches], 1] = found.features[chosen, : len(WINDOW_FEATURES)][teaches] - SAMPLE_ORIGIN
    state["sample_score"][rows[remembered], 1] = scores.score[remembered]
