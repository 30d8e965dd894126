"""Blocks: how a meter's hours are summed, closed and learnt, and what its windows are compared with.

A block is an hour, or the length of a window where that is longer. Two are open at once; a block closes and teaches
when the meter has reached the block after next, so that a late reading inside the window never arrives after its block.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from functions.domain import baselines, thresholds
from functions.domain.anomalies import Kind
from functions.domain.columns import Columns
from functions.domain.features import READING_FEATURES, SECONDS_PER_HOUR, WINDOW, WINDOW_FEATURES, hour_features
from functions.domain.halves import widened
from functions.domain.packs import SAMPLE_ORIGIN, Prior, Records
from functions.domain.recent_days import BLOCKS_PER_DAY, HOURS, day_features, learn_profile
from functions.domain.windows import Entries

HIGHEST_HALF = np.float32(np.finfo(np.float16).max)
"""What a float16 of a pack can hold at most: 65,504 kWh."""


def slots_per_block(interval_s: NDArray[np.integer]) -> NDArray[np.int64]:
    """Slots of a block, `[n]`, by interval."""
    slots: NDArray[np.int64] = np.maximum(SECONDS_PER_HOUR // np.maximum(interval_s, 1).astype(np.int64), WINDOW)
    return slots


def enter_blocks(
    state: Columns, row: NDArray[np.int64], block: NDArray[np.int64], open_block: NDArray[np.int64], prior: Prior
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
        state.let_learn()
        _teach(state, moving, 0, open_block[moving] - 1, prior)
        if both:
            _teach(state, moving, 1, open_block[moving], prior)
            _clear(state, moving, 0)
        else:
            for field in ("sample", "sample_score", "sum_v", "sum_e", "count"):
                state[field][moving, 0] = state[field][moving, 1]
        _clear(state, moving, 1)
        state["days"][moving] = day_features(
            state["hour_v"][moving], state["hour_e"][moving], state["profile"][moving], state["closed_block"][moving]
        )
    open_block[rows] = target


def _clear(state: Records, rows: NDArray[np.int64], which: int) -> None:
    for field, empty in (("sample", np.nan), ("sample_score", np.nan), ("sum_v", 0), ("sum_e", 0), ("count", 0)):
        state[field][rows, which] = empty


def _teach(state: Records, rows: NDArray[np.int64], which: int, block: NDArray[np.int64], prior: Prior) -> None:
    """Close block `block` of each row: its aggregates enter the ring, its sample teaches baseline and threshold."""
    _blank_gaps(state, rows, block)
    count = state["count"][rows, which]
    mean_v = state["sum_v"][rows, which] / np.maximum(count[:, 0], 1)
    state["hour_v"][rows, block % HOURS] = np.where(count[:, 0] > 0, mean_v, np.nan)
    whole = np.maximum(slots_per_block(state["interval_s"][rows]) / np.maximum(count[:, 1], 1), 1)
    kwh = np.where(count[:, 1] > 0, np.minimum(state["sum_e"][rows, which] * whole, HIGHEST_HALF), np.nan)
    state["hour_e"][rows, block % HOURS] = kwh
    state["closed_block"][rows] = block

    sample = widened(state["sample"][rows, which]) + SAMPLE_ORIGIN
    score = state["sample_score"][rows, which]
    taught, scored = ~np.isnan(sample).all(axis=1), ~np.isnan(score)
    baselines.learn_hour(state, rows[taught], sample[taught], prior)
    thresholds.remember(state, rows[scored], score[scored].astype(np.float32))
    place = block % BLOCKS_PER_DAY
    taught |= state["day_n"][rows] < baselines.WARM_UP_DAYS
    drawn = np.flatnonzero(taught & ~np.isnan(kwh))
    at = rows[drawn], place[drawn]
    state["profile"][at] = learn_profile(state["profile"][at], kwh[drawn], state["day_n"][rows[drawn]])
    day = block // BLOCKS_PER_DAY
    new_day = taught & (day > state["taught_day"][rows]) & ~np.isnan(widened(state["days"].take(rows, 0))).all(axis=1)
    state["taught_day"][rows[new_day]] = day[new_day]
    baselines.learn_day(state, rows[new_day], prior)


def _blank_gaps(state: Records, rows: NDArray[np.int64], block: NDArray[np.int64]) -> None:
    """Empty the places of the ring whose blocks were skipped before `block`."""
    closed = state["closed_block"][rows]
    skipped = np.where(closed < 0, 0, np.minimum(block - closed - 1, HOURS))
    gaps = np.flatnonzero(skipped > 0)
    if not len(gaps):
        return
    age = np.arange(1, HOURS + 1)
    blank = age <= skipped[gaps, None]
    place = (block[gaps, None] - age) % HOURS
    at_row = np.broadcast_to(rows[gaps, None], place.shape)
    state["hour_v"][at_row[blank], place[blank]] = np.nan
    state["hour_e"][at_row[blank], place[blank]] = np.nan


def gather(
    state: Columns,
    entries: Entries,
    nominal_v: NDArray[np.float32],
    kinds: NDArray[np.bool_],
    block: NDArray[np.int64],
    chosen: NDArray[np.int64] | slice,
) -> None:
    """Add the readings of a round to the sums of their open block.

    What broke a limit is left out: an hour's sag, or the darkness of an outage, would make the days after it look odd.
    """
    row = entries.row[chosen]
    own_block = entries.slot[chosen] // slots_per_block(state["interval_s"][row])
    place = row * 2 + (own_block == block[chosen])
    deviation = entries.voltage_v[chosen] / nominal_v[chosen] - np.float32(1)
    dark = kinds[chosen, Kind.power_off]
    outside = dark | kinds[chosen, Kind.sag] | kinds[chosen, Kind.swell]
    columns = ("sum_v", deviation, outside), ("sum_e", entries.energy_kwh[chosen], dark)
    for quantity, (field, values, left_out) in enumerate(columns):
        counted = np.flatnonzero(~(np.isnan(values) | left_out))
        sums, counts = state[field].reshape(-1), state["count"].reshape(-1, 2)
        for these in _turns(place[counted], counted):
            sums[place[these]] += values[these]
            counts[place[these], quantity] += 1


def _turns(place: NDArray[np.int64], chosen: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """The chosen, sorted by place, such that no turn has a place twice: most batches are one turn."""
    turn = np.arange(len(place)) - np.searchsorted(place, place)
    for nth in range(int(turn.max(initial=-1)) + 1):
        yield chosen[turn == nth]


def compare(
    state: Records,
    entries: Entries,
    features: NDArray[np.float32],
    block: NDArray[np.int64],
    chosen: NDArray[np.int64] | slice,
) -> None:
    """Write the features that compare the windows of a round with what the meter has kept."""
    rows = entries.row[chosen]
    place = block[chosen] % BLOCKS_PER_DAY
    same_hour = place[:, None] + np.arange(0, HOURS, BLOCKS_PER_DAY)
    same_voltage = np.ascontiguousarray(widened(state["hour_v"][rows[:, None], same_hour]).T)
    there = ~np.isnan(same_voltage)
    total = np.where(there, same_voltage, np.float32(0)).sum(axis=0)
    days = there.sum(axis=0)
    usual_voltage = np.where(days > 0, total / np.maximum(days, 1).astype(np.float32), np.float32(np.nan))
    interval = state["interval_s"][rows]
    slots = slots_per_block(interval)
    block_h = (slots * interval / SECONDS_PER_HOUR).astype(np.float32)
    usual_energy = widened(state["profile"][rows, place])
    features[chosen, READING_FEATURES : len(WINDOW_FEATURES)] = hour_features(
        features[chosen, 0], entries.window_e[chosen], slots, usual_energy, usual_voltage, block_h
    )
    days = widened(state["days"].take(rows, 0))
    days[state["day_n"][rows] < baselines.KNOWN_DAYS] = np.nan
    features[chosen, len(WINDOW_FEATURES) :] = days
