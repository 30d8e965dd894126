"""Windows: which readings enter a meter's window, and the windows that end in them.

A slot is `timestamp // interval_s`. A meter's window is the four slots up to its newest, the head. A reading is
*new* when it moves the head, a *fill* when its slot lies inside the window and is empty, a *duplicate* when the slot is
taken, *late* when it is older than the window.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.domain.features import WINDOW
from functions.domain.outcomes import Outcome
from functions.domain.packs import NO_SLOT, Records

LAST = WINDOW - 1


@dataclass(frozen=True)
class Readings:
    """Readings of known meters; arrays of one length `[n]`."""

    row: NDArray[np.int64]
    """Position of the meter in the state array."""
    slot: NDArray[np.int64]
    voltage_v: NDArray[np.float32]
    energy_kwh: NDArray[np.float32]
    interval_s: NDArray[np.int64]


@dataclass(frozen=True)
class Entries:
    """Applied readings in (row, slot) order, each with the window to score for it; arrays of one length `[n]`."""

    row: NDArray[np.int64]
    slot: NDArray[np.int64]
    end: NDArray[np.int64]
    """Last slot of the window: the reading's own slot, or for a fill the head."""
    is_fill: NDArray[np.bool_]
    voltage_v: NDArray[np.float32]
    energy_kwh: NDArray[np.float32]
    window_v: NDArray[np.float32]
    """`[n, 4]`, oldest slot first."""
    window_e: NDArray[np.float32]
    repeats: NDArray[np.int64]
    """How many readings before this one, without a gap, were exactly the same."""
    gap: NDArray[np.int64]
    """How many slots before this one brought no reading; 0 for a fill and for a meter's first."""


def admit(state: Records, readings: Readings) -> tuple[NDArray[np.uint8], Entries]:
    """Write readings into the meters' windows.

    Returns the `Outcome` of each reading `[n]`, in the order given, and the applied ones as entries. Readings are taken
    in the order (row, slot, values), so the order within a batch does not matter. `state` is changed in place.
    """
    _set_first_intervals(state, readings)
    order = _in_order(readings)
    foreign = state["interval_s"][readings.row] != readings.interval_s
    if foreign.any():
        order = order[~foreign[order]]  # slots of another interval are not comparable with the meter's own
    row, slot = readings.row[order], readings.slot[order]
    voltage, energy = readings.voltage_v[order], readings.energy_kwh[order]

    outcome = np.full(len(row), Outcome.applied, np.uint8)
    behind = state["head"][row] - slot
    inside = (behind >= 0) & (behind < WINDOW)
    position = np.where(inside, LAST - behind, LAST)
    taken = inside & ~(np.isnan(state["voltage"][row, position]) & np.isnan(state["energy"][row, position]))
    again = np.zeros(len(row), bool)
    again[1:] = (row[1:] == row[:-1]) & (slot[1:] == slot[:-1])
    outcome[taken | again] = Outcome.duplicate
    outcome[behind >= WINDOW] = Outcome.late

    applied = outcome == Outcome.applied
    fills = np.flatnonzero(applied & inside)
    news = np.flatnonzero(applied & ~inside)
    filled = _fill_entries(state, row[fills], slot[fills], position[fills], voltage[fills], energy[fills])
    moved = _new_entries(state, row[news], slot[news], voltage[news], energy[news])

    by_reading = np.full(len(readings.row), Outcome.quarantined, np.uint8)
    by_reading[order] = outcome
    return by_reading, _merge(filled, moved)


def _in_order(readings: Readings) -> NDArray[np.int64]:
    # Values matter only between readings of one slot, and these are rare; most batches arrive sorted by meter.
    key = (readings.row << 32) + readings.slot
    order = np.argsort(key, kind="stable")
    same = np.diff(key[order]) == 0
    tied = np.flatnonzero(np.r_[same, False] | np.r_[False, same])
    these = order[tied]
    order[tied] = these[np.lexsort((readings.energy_kwh[these], readings.voltage_v[these], key[these]))]
    return order


def _set_first_intervals(state: Records, readings: Readings) -> None:
    unset = np.flatnonzero(state["interval_s"][readings.row] == 0)
    if not len(unset):
        return
    row, interval = readings.row[unset], readings.interval_s[unset]
    order = np.lexsort((interval, readings.slot[unset] * interval, row))[::-1]  # backwards: the earliest decides
    state["interval_s"][row[order]] = interval[order]


def _fill_entries(
    state: Records,
    row: NDArray[np.int64],
    slot: NDArray[np.int64],
    position: NDArray[np.int64],
    voltage: NDArray[np.float32],
    energy: NDArray[np.float32],
) -> Entries:
    """Entries of readings inside the window, one slot after the other, so that none sees a later one of its batch."""
    window_v, window_e = _no_windows(len(row)), _no_windows(len(row))
    for step in range(WINDOW):
        these = np.flatnonzero(position == step)
        state["voltage"][row[these], step] = voltage[these]
        state["energy"][row[these], step] = energy[these]
        window_v[these], window_e[these] = state["voltage"][row[these]], state["energy"][row[these]]
    return Entries(
        row=row,
        slot=slot,
        end=state["head"][row],
        is_fill=np.ones(len(row), bool),
        voltage_v=voltage,
        energy_kwh=energy,
        window_v=window_v,
        window_e=window_e,
        repeats=np.zeros(len(row), np.int64),
        gap=np.zeros(len(row), np.int64),
    )


def _new_entries(
    state: Records,
    row: NDArray[np.int64],
    slot: NDArray[np.int64],
    voltage: NDArray[np.float32],
    energy: NDArray[np.float32],
) -> Entries:
    """Entries of readings that move the head; moves head and window to the last of each meter."""
    count = len(row)
    is_first = np.r_[True, row[1:] != row[:-1]][:count]
    starts = np.flatnonzero(is_first)
    meters = row[starts]
    window_v, window_e = _no_windows(count), _no_windows(count)
    window_v[:, LAST], window_e[:, LAST] = voltage, energy
    moved = slot - state["head"][row]
    for place in range(LAST):
        near = np.flatnonzero(moved <= LAST - place)
        old = row[near], place + moved[near]
        window_v[near, place], window_e[near, place] = state["voltage"][old], state["energy"][old]
    for step in range(1, WINDOW):
        near = step + np.flatnonzero((row[step:] == row[:-step]) & (slot[step:] - slot[:-step] <= LAST))
        new = near, LAST - slot[near] + slot[near - step]
        window_v[new], window_e[new] = voltage[near - step], energy[near - step]

    before = np.r_[NO_SLOT, slot[:-1]][:count]
    before[starts] = state["head"][meters]
    gap = np.where(before == NO_SLOT, 0, slot - before - 1)
    start = starts[np.cumsum(is_first) - 1]
    repeats = _repeats(state["repeats"][row].astype(np.int64), start, window_v, window_e)
    last = np.r_[starts[1:], count][: len(starts)] - 1
    state["head"][meters] = slot[last]
    for place in range(WINDOW):
        state["voltage"][meters, place], state["energy"][meters, place] = window_v[last, place], window_e[last, place]
    state["repeats"][meters] = np.minimum(repeats[last], np.iinfo(np.uint16).max)
    return Entries(
        row=row,
        slot=slot,
        end=slot,
        is_fill=np.zeros(count, bool),
        voltage_v=voltage,
        energy_kwh=energy,
        window_v=window_v,
        window_e=window_e,
        repeats=repeats,
        gap=gap,
    )


def _no_windows(count: int) -> NDArray[np.float32]:
    # `[n, 4]`, kept slot by slot: what is computed from windows then runs over many meters, not over four slots.
    return np.full((WINDOW, count), np.nan, np.float32).T


def _repeats(
    before: NDArray[np.int64],
    start: NDArray[np.int64],
    window_v: NDArray[np.float32],
    window_e: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Length of the run of equal readings that ends in each entry; `before` is the meter's run before the batch."""
    same = (window_v[:, LAST] == window_v[:, LAST - 1]) & (window_e[:, LAST] == window_e[:, LAST - 1])
    index = np.arange(len(same))
    change = np.maximum.accumulate(np.where(same, -1, index)) if len(same) else index
    return np.where(change >= start, index - change, before + index - start + 1)


def _merge(fills: Entries, news: Entries) -> Entries:
    if not len(fills.row):
        return news
    row = np.concatenate((fills.row, news.row))
    slot = np.concatenate((fills.slot, news.slot))
    order = np.lexsort((slot, row))
    both = {
        name: np.concatenate((getattr(fills, name), getattr(news, name)))[order]
        for name in Entries.__dataclass_fields__
        if name not in ("row", "slot")
    }
    return Entries(row=row[order], slot=slot[order], **both)
