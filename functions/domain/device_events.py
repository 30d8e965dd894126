"""Device events: what a meter says about itself besides its readings.

Vendors name events differently; `device_events.json` maps each code to one of the meanings the product acts on. Events
and readings of a meter are followed in the order of time, an event of a slot before the slot's reading, so that it does
not matter how they are cut into batches.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.domain import episodes
from functions.domain.anomalies import Kind, Phase
from functions.domain.detection import Judgement
from functions.domain.episodes import Change
from functions.domain.limits import POWER_OFF_SCORE
from functions.domain.packs import NO_SLOT, RESTORED, Records
from functions.domain.windows import Entries

TAMPER_SCORE = 6.0


class Meaning(StrEnum):
    """What a device event means to us."""

    last_gasp = "last_gasp"
    power_restored = "power_restored"
    tamper = "tamper"
    service_disconnected = "service_disconnected"
    service_connected = "service_connected"


class DeviceEvent(NamedTuple):
    """One event of one meter; `at` is seconds since the epoch."""

    meter_id: str
    at: int
    meaning: Meaning


@cache
def code_table() -> dict[str, Meaning]:
    """Meaning of every known code."""
    table = json.loads(Path(__file__).with_name("device_events.json").read_text("utf-8"))
    return {code: Meaning(meaning) for code, meaning in table["codes"].items()}


class RowEvent(NamedTuple):
    """A device event of the meter in a row of the state array; fields in the order in which they are followed."""

    row: int
    slot: int
    at: int
    meaning: Meaning


def follow(
    state: Records,
    entries: Entries,
    found: Judgement,
    events: Sequence[RowEvent],
    head_before: NDArray[np.int64],
) -> tuple[NDArray[np.bool_], list[Change]]:
    """Open and close anomalies after the readings and device events of a batch; `state` is changed in place.

    `head_before` is each row's newest slot before the batch. Returns which events changed anything, and the changes.
    """
    order = sorted(range(len(events)), key=events.__getitem__)
    row = np.array([events[nth].row for nth in order], np.int64)
    when = row << 32 | np.array([events[nth].slot for nth in order], np.int64)
    turn = np.arange(len(order)) - np.searchsorted(row, row)
    passed = np.searchsorted(when, entries.row << 32 | entries.slot, "right") - np.searchsorted(row, entries.row)
    turns = int(turn.max(initial=-1)) + 1
    used = np.zeros(len(events), bool)
    changes: list[Change] = []
    # Turn k: the readings that come after k events of their meter, then its next event.
    for readings, own_events in zip(_by_turn(passed, turns + 1), _by_turn(turn, turns + 1), strict=True):
        changes += episodes.update(state, entries, found.kinds, found.score, found.rule, found.threshold, readings)
        for nth in own_events.tolist():
            event = events[order[nth]]
            used[order[nth]], told = apply(state, event.row, event.slot, event.meaning, int(head_before[event.row]))
            changes += [change._replace(at=event.at) for change in told]
    return used, changes


def _by_turn(turn: NDArray[np.int64], turns: int) -> list[NDArray[np.int64]]:
    order = np.argsort(turn, kind="stable")
    return np.split(order, np.searchsorted(turn[order], np.arange(1, turns)))


def apply(state: Records, row: int, slot: int, meaning: Meaning, newest: int) -> tuple[bool, list[Change]]:
    """Apply one event to a meter; returns whether it changed anything, and the anomalies opened or closed.

    `newest` is the newest slot read before it. An event that readings have overtaken (power was seen after the gasp)
    changes nothing: it came too late. What the utility switched itself is understood and leaves no trace.
    """
    match meaning:
        case Meaning.service_disconnected | Meaning.service_connected:
            return True, []
        case Meaning.last_gasp:
            known = max(newest - 1, *state["last_slot"][row, [Kind.power_off, RESTORED]].tolist())
            if known >= slot:
                return False, []
            if state["open_slot"][row, Kind.power_off] != NO_SLOT:
                state["last_slot"][row, Kind.power_off] = slot
                return True, []
            return True, [_open(state, row, Kind.power_off, slot, POWER_OFF_SCORE)]
        case Meaning.power_restored:
            if slot <= int(state["last_slot"][row, RESTORED]):
                return False, []
            state["last_slot"][row, RESTORED] = slot
            silent = int(state["open_slot"][row, Kind.no_reads])
            if NO_SLOT != silent <= slot:
                # It was silent because it was dark; its readings are due anew from now on.
                state["last_slot"][row, Kind.power_off] = slot
                return True, [episodes.close_at(state, row, Kind.no_reads, slot, 0.0, None)]
            dark = state["open_slot"][row, Kind.power_off] != NO_SLOT
            if not dark or slot < int(state["last_slot"][row, Kind.power_off]):
                return True, []
            state["last_slot"][row, Kind.power_off] = slot
            return True, [episodes.close_at(state, row, Kind.power_off, slot, 0.0, None)]
        case Meaning.tamper:
            if state["open_slot"][row, Kind.tamper] != NO_SLOT:
                later = slot > int(state["last_slot"][row, Kind.tamper])
                if later:
                    state["last_slot"][row, Kind.tamper] = slot
                return later, []
            if slot <= int(state["last_slot"][row, Kind.tamper]):
                return False, []
            return True, [_open(state, row, Kind.tamper, slot, TAMPER_SCORE)]


def _open(state: Records, row: int, kind: Kind, slot: int, score: float) -> Change:
    episodes.open_at(state, row, kind, slot, score)
    return Change(row, kind, Phase.opened, slot, None, score, 0.0, None)
