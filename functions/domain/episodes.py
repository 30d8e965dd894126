"""Episodes: when an anomaly opens and when it closes.

An anomaly stays open while its rule keeps being broken, and closes at the first reading that lies its *hold* past the
last breach. The hold keeps a flickering fault one anomaly; power that is back is back at once. A reading that did not
measure what a rule is about ends nothing.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.domain.anomalies import Kind, Phase, Signal
from functions.domain.features import WINDOW
from functions.domain.packs import NO_SLOT, RESTORED, Records
from functions.domain.windows import Entries

HOLD_SLOTS = {
    Kind.power_off: 1,
    Kind.no_reads: 0,
    Kind.sag: WINDOW,
    Kind.swell: WINDOW,
    Kind.stuck: 1,
    Kind.tamper: 96,
}


UNUSUAL_HOLD_S = 12 * 3600
"""What a model saw is over when it has seen nothing for half a day: recent days change slowly, and one change of habit
or one restless day is to be one alert, however short the interval."""


def hold_slots(kind: Kind, interval_s: int) -> int:
    """Slots without a breach that end an anomaly."""
    return max(UNUSUAL_HOLD_S // max(interval_s, 1), WINDOW) if kind is Kind.unusual else HOLD_SLOTS[kind]


class Change(NamedTuple):
    """An anomaly of one meter opened or closed."""

    row: int
    kind: Kind
    phase: Phase
    start_slot: int
    end_slot: int | None
    """First slot after it; None while open."""
    score: float
    threshold: float
    entry: int | None
    """The entry that showed it; None when a device event or a timer did."""
    at: int | None = None
    """Moment of the device event, seconds since the epoch; None when a reading or a timer showed it."""

    @property
    def signal(self) -> str:
        """How darkness was noticed, as `Signal`; its end repeats nothing of that."""
        if self.phase is Phase.opened and self.kind is Kind.power_off:
            return Signal.zero_voltage if self.at is None else Signal.last_gasp
        return Signal.silence if self.kind is Kind.no_reads else ""


def update(
    state: Records,
    entries: Entries,
    kinds: NDArray[np.bool_],
    score: NDArray[np.float32],
    rule: NDArray[np.float32],
    threshold: NDArray[np.float32],
    chosen: NDArray[np.int64],
) -> list[Change]:
    """Open and close anomalies after the chosen entries (in row and slot order); `state` is changed in place.

    `kinds` is `[n, 8]`, what each entry shows. What the model saw carries its `score`, what a rule saw that of the
    `rule`: how deep a sag is does not depend on how seldom it is. Only meters with something open or something to open
    are visited.
    """
    changes: list[Change] = []
    row = entries.row[chosen]
    is_open = state["open_slot"] != NO_SLOT
    for kind in Kind:
        breach, visited = kinds[chosen, kind], is_open[row, kind]
        if breach.any():
            visited = visited | np.isin(row, row[breach])
        worth = score if kind is Kind.unusual else rule
        for entry in chosen[visited].tolist():
            broken = bool(kinds[entry, kind])
            change = _step(state, kind, entries, entry, broken, float(worth[entry]), float(threshold[entry]))
            if change is not None:
                changes.append(change)
    return changes


def _step(
    state: Records,
    kind: Kind,
    entries: Entries,
    entry: int,
    breach: bool,
    score: float,
    threshold: float,
) -> Change | None:
    row, slot = int(entries.row[entry]), int(entries.slot[entry])
    start, last = int(state["open_slot"][row, kind]), int(state["last_slot"][row, kind])
    if breach:
        if start == NO_SLOT:
            if slot <= last or (kind is Kind.power_off and _has_power_again(state, entries, entry)):
                return None  # the outage has been told of, or was over before it could be
            open_at(state, row, kind, slot, score)
            return Change(row, kind, Phase.opened, slot, None, score, threshold, entry)
        state["last_slot"][row, kind] = max(last, slot)
        state["worst"][row, kind] = max(float(state["worst"][row, kind]), score)
        return None
    if (
        start == NO_SLOT
        or slot - last < hold_slots(kind, int(state["interval_s"][row]))
        or not _measured(kind, entries, entry)
    ):
        return None
    # Darkness and silence last until the reading that ends them; everything else ended with its last breach.
    end = slot if kind in (Kind.no_reads, Kind.power_off) else last + 1
    return close_at(state, row, kind, end, threshold, entry)


def _has_power_again(state: Records, entries: Entries, entry: int) -> bool:
    restored = state["last_slot"][entries.row[entry], RESTORED]
    return bool(entries.is_fill[entry] or entries.slot[entry] == restored)


def _measured(kind: Kind, entries: Entries, entry: int) -> bool:
    """Whether an entry can tell that an anomaly of this kind is over."""
    match kind:
        case Kind.power_off:
            return bool(entries.voltage_v[entry] > 0 or entries.energy_kwh[entry] > 0)
        case Kind.sag | Kind.swell:
            return not np.isnan(entries.voltage_v[entry])
        case _:
            return True


def open_at(state: Records, row: int, kind: Kind, slot: int, score: float) -> None:
    """Mark an anomaly of a meter as open since `slot`."""
    state["open_slot"][row, kind] = slot
    state["last_slot"][row, kind] = slot
    state["worst"][row, kind] = score


def close_at(state: Records, row: int, kind: Kind, end_slot: int, threshold: float, entry: int | None) -> Change:
    """Close the open anomaly of a meter; its record carries the worst score it reached."""
    start, worst = int(state["open_slot"][row, kind]), float(state["worst"][row, kind])
    state["open_slot"][row, kind] = NO_SLOT
    return Change(row, kind, Phase.closed, start, max(end_slot, start + 1), worst, threshold, entry)


def overdue(state: Records, swept: NDArray[np.bool_], now: int, grace_s: int, score: float) -> list[Change]:
    """Open `no_reads` for every swept meter whose next reading is overdue by more than the grace.

    `swept` `[n]`: meters the roster confirms. A meter known to be without power is not reported silent as well.
    """
    late = swept & (due_times(state, grace_s) < now)
    changes = []
    for row in np.flatnonzero(late).tolist():
        slot = int(state["head"][row]) + 1
        open_at(state, row, Kind.no_reads, slot, score)
        changes.append(Change(row, Kind.no_reads, Phase.opened, slot, None, score, 0.0, None))
    return changes


NEVER = np.iinfo(np.int64).max


def due_times(state: Records, grace_s: int) -> NDArray[np.int64]:
    """When each meter is overdue, `[n]` seconds since the epoch; `NEVER` for one that is silent or dark already.

    A reading of slot s is complete at its end; the next one completes an interval later, and may take the grace. After
    a restoration the clock starts at the restoration.
    """
    waiting = (
        (state["head"] != NO_SLOT)
        & (state["open_slot"][:, Kind.no_reads] == NO_SLOT)
        & (state["open_slot"][:, Kind.power_off] == NO_SLOT)
    )
    seen = np.maximum(state["head"], state["last_slot"][:, Kind.power_off])
    due = (seen + 2) * state["interval_s"].astype(np.int64) + grace_s
    return np.where(waiting, due, NEVER)
