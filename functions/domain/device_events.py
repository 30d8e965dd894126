"""Device events: what a meter says about itself besides its readings.

Vendors name them differently; `device_events.json` maps each code to one of the meanings the product acts on.
"""

from __future__ import annotations

import json
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

from functions.domain import episodes
from functions.domain.anomalies import Kind, Phase
from functions.domain.episodes import Change
from functions.domain.limits import RULE_SCORE
from functions.domain.packs import NO_SLOT, Records

TAMPER_SCORE = 6.0


class Meaning(StrEnum):
    """What a device event means to us."""

    last_gasp = "last_gasp"
    power_restored = "power_restored"
    tamper = "tamper"


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


def apply(state: Records, row: int, at: int, meaning: Meaning, interval_s: int) -> tuple[bool, list[Change]]:
    """Apply one event to a meter; returns whether it changed anything, and the anomalies opened or closed.

    An event that readings have overtaken (power was seen after the gasp) changes nothing: it came too late.
    """
    interval = int(state["interval_s"][row]) or interval_s
    slot = at // interval
    match meaning:
        case Meaning.last_gasp:
            known = int(state["last_slot"][row, Kind.power_off])
            if state["open_slot"][row, Kind.power_off] != NO_SLOT or max(known, int(state["head"][row]) - 1) >= slot:
                return False, []
            return True, [_open(state, row, Kind.power_off, slot, RULE_SCORE[Kind.power_off])]
        case Meaning.power_restored:
            start = int(state["open_slot"][row, Kind.power_off])
            if start == NO_SLOT or slot < start:
                return False, []
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
