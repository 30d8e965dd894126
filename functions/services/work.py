"""Work: the packs a batch touches, joined into one array, and what was found in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.domain import device_events, episodes
from functions.domain.anomalies import Anomaly, Kind, anomaly_id
from functions.domain.detection import Judge, Judgement, detect
from functions.domain.device_events import DeviceEvent
from functions.domain.episodes import Change
from functions.domain.limits import SILENCE_SCORE
from functions.domain.outcomes import Outcome
from functions.domain.packs import (
    LAYOUT,
    METERS_PER_PACK,
    MeterState,
    Pack,
    Prior,
    Records,
    describe,
    fresh,
    join,
)
from functions.domain.roster import METERS_PER_SHARD, PACKS_PER_SHARD, Roster
from functions.domain.why import explain
from functions.domain.windows import Entries, Readings
from functions.ports import ScoreBatch


@dataclass(frozen=True)
class PackKey:
    """A pack by its number on a feeder's roster."""

    roster: Roster
    number: int

    @property
    def id(self) -> str:
        """Id of the pack document."""
        return self.roster.pack_id(self.number)

    @classmethod
    def parse(cls, pack_id: str, roster: Roster) -> PackKey:
        """The key of a stored pack."""
        _, shard, index = pack_id.rsplit(":", 2)
        return cls(roster, int(shard) * PACKS_PER_SHARD + int(index))

    def place(self, position: int) -> int:
        """Place on the roster of the meter at a position of this pack."""
        shard, index = divmod(self.number, PACKS_PER_SHARD)
        return shard * METERS_PER_SHARD + index * METERS_PER_PACK + position


def pack_number(place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the pack that holds each place, `[n]`."""
    return place // METERS_PER_SHARD * PACKS_PER_SHARD + place % METERS_PER_SHARD // METERS_PER_PACK


def position_in_pack(place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each place in its pack, `[n]`."""
    return place % METERS_PER_SHARD % METERS_PER_PACK


@dataclass(frozen=True)
class Found:
    """Outcome of each reading and of each device event, as `Outcome` codes."""

    readings: NDArray[np.uint8]
    events: NDArray[np.uint8]


class Work:
    """Packs joined into one state array. Row = offset of the pack + position in it."""

    def __init__(self, keys: Sequence[PackKey], packs: Sequence[Pack], prior: Prior) -> None:
        self.keys = keys
        self._before = packs
        columns = [key.roster.pack_columns(key.number) for key in keys]
        grown = [
            msgspec.structs.replace(pack, data=pack.data + fresh(column.nominal_v[pack.meters :], prior).tobytes())
            if pack.meters < len(column.nominal_v)
            else pack
            for pack, column in zip(packs, columns, strict=True)
        ]
        self.state: Records = join(grown)
        self.offset = np.cumsum([0, *(pack.meters for pack in grown)])
        self.outboxes: list[list[Anomaly]] = [[] for _ in keys]
        self._confirmed = np.concatenate([column.confirmed for column in columns] or [np.empty(0, bool)])
        self._entries: Entries | None = None
        self._found: Judgement | None = None
        nominal = np.concatenate([column.nominal_v for column in columns] or [np.empty(0, np.float32)])
        interval = np.concatenate([column.interval_s for column in columns] or [np.empty(0, np.int64)])
        self._follow_roster(nominal, interval, prior)

    def _follow_roster(self, nominal: NDArray[np.float32], interval: NDArray[np.int64], prior: Prior) -> None:
        """The roster is the authority on a meter's service and interval; a meter that was changed starts afresh."""
        told = np.flatnonzero(~np.isnan(nominal))
        self.state["nominal_v"][told] = nominal[told]
        stored = self.state["interval_s"]
        changed = np.flatnonzero((interval > 0) & (stored > 0) & (stored != interval))
        if len(changed):
            self.state[changed] = fresh(self.state["nominal_v"][changed], prior)

    def apply_events(
        self, pack: NDArray[np.int64], events: Sequence[tuple[int, DeviceEvent, int]], now: int
    ) -> NDArray[np.uint8]:
        """Apply device events (place, event, interval) to the packs they belong to; returns the outcome of each."""
        outcomes = np.empty(len(events), np.uint8)
        order = sorted(range(len(events)), key=lambda nth: (pack[nth], events[nth][0], events[nth][1].at, nth))
        for nth in order:
            place, event, interval = events[nth]
            row = int(self.offset[pack[nth]]) + place % METERS_PER_SHARD % METERS_PER_PACK
            used, changes = device_events.apply(self.state, row, event.at, event.meaning, interval)
            outcomes[nth] = Outcome.applied if used else Outcome.duplicate
            step = int(self.state["interval_s"][row]) or interval
            self._tell(changes, now, step)
        return outcomes

    def apply_readings(
        self,
        pack: NDArray[np.int64],
        place: NDArray[np.int64],
        timestamp: NDArray[np.int64],
        voltage_v: NDArray[np.float32],
        energy_kwh: NDArray[np.float32],
        interval_s: NDArray[np.int64],
        judge: Judge,
        now: int,
    ) -> NDArray[np.uint8]:
        """Apply readings (arrays of one length) to the packs they belong to; returns the outcome of each."""
        readings = Readings(
            row=self.offset[pack] + position_in_pack(place),
            slot=timestamp // interval_s,
            voltage_v=voltage_v,
            energy_kwh=energy_kwh,
            interval_s=interval_s,
        )
        outcome, entries, found = detect(self.state, readings, judge)
        self._entries, self._found = entries, found
        self._tell(episodes.update(self.state, entries, found.kinds, found.score, found.threshold), now)
        return outcome

    def overdue(self, grace_s: int, now: int) -> int:
        """Report confirmed meters that are overdue; returns how many."""
        changes = episodes.overdue(self.state, self._confirmed, now, grace_s, SILENCE_SCORE)
        self._tell(changes, now)
        return len(changes)

    def _tell(self, changes: Sequence[Change], now: int, interval_s: int | None = None) -> None:
        for change in changes:
            pack = int(np.searchsorted(self.offset, change.row, "right")) - 1
            key = self.keys[pack]
            meter = key.roster.row(key.place(change.row - int(self.offset[pack])))
            step = interval_s or int(self.state["interval_s"][change.row])
            name = anomaly_id(meter.meter_id, change.kind, change.start_slot)
            self.outboxes[pack].append(
                Anomaly(
                    id=f"{name}:{change.phase}",
                    anomaly_id=name,
                    phase=change.phase,
                    meter_id=meter.meter_id,
                    customer_id=meter.customer_id or meter.meter_id,
                    transformer_id=meter.transformer_id,
                    feeder_id=meter.feeder_id,
                    kind=change.kind.name,
                    start=change.start_slot * step,
                    end=None if change.end_slot is None else change.end_slot * step,
                    score=round(change.score, 3),
                    threshold=round(change.threshold, 3),
                    why=explain(change, self._entries, self._found, step),
                    raised_at=now,
                )
            )

    def packs(self, now: int, grace_s: int) -> list[Pack]:
        """The packs as they are to be written."""
        due = np.where(self._confirmed, episodes.due_times(self.state, grace_s), episodes.NEVER)
        packs = []
        for place, (key, before) in enumerate(zip(self.keys, self._before, strict=True)):
            rows = slice(int(self.offset[place]), int(self.offset[place + 1]))
            first = int(due[rows].min()) if rows.stop > rows.start else episodes.NEVER
            packs.append(
                Pack(
                    id=key.id,
                    feeder_id=key.roster.feeder_id,
                    layout=LAYOUT,
                    data=self.state[rows].tobytes(),
                    due_at=None if first == episodes.NEVER else first,
                    outbox=tuple(self.outboxes[place]),
                    outbox_pending=now if self.outboxes[place] else None,
                    etag=before.etag,
                )
            )
        return packs

    def differs(self, place: int, pack: Pack) -> bool:
        """Whether a pack has anything new to write."""
        before = self._before[place]
        pending = before.outbox_pending is not None
        return pending or bool(pack.outbox) or pack.data != before.data or pack.due_at != before.due_at

    def windows(self, committed: NDArray[np.bool_]) -> int:
        """How many windows were scored in committed packs."""
        return int(self._committed_entries(committed).sum())

    def _committed_entries(self, committed: NDArray[np.bool_]) -> NDArray[np.bool_]:
        if self._entries is None:
            return np.empty(0, bool)
        return committed[np.searchsorted(self.offset, self._entries.row, "right") - 1]

    def scores(self, committed: NDArray[np.bool_]) -> ScoreBatch:
        """Every score of committed packs."""
        chosen = np.flatnonzero(self._committed_entries(committed))
        if self._entries is None or self._found is None:
            return ScoreBatch([], chosen, np.empty(0, np.float32), np.empty(0, np.float32), np.empty(0, bool), [])
        row, kinds = self._entries.row[chosen], self._found.kinds[chosen]
        anomalous: NDArray[np.bool_] = np.logical_or.reduce(kinds, axis=1)
        names = [kind.name for kind in Kind]
        return ScoreBatch(
            meter_id=[self.meter_id(int(each)) for each in row],
            timestamp=self._entries.slot[chosen] * self.state["interval_s"][row],
            score=self._found.score[chosen],
            threshold=self._found.threshold[chosen],
            is_anomaly=anomalous,
            kind=[names[first] if odd else None for first, odd in zip(kinds.argmax(axis=1), anomalous, strict=True)],
        )

    def meter_id(self, row: int) -> str:
        """Id of the meter at a row."""
        pack = int(np.searchsorted(self.offset, row, "right")) - 1
        key = self.keys[pack]
        return key.roster.meter_id(key.place(row - int(self.offset[pack])))

    def describe(self, place: int) -> MeterState:
        """State of the meter at a place of the roster, for people."""
        number = int(pack_number(np.array([place]))[0])
        pack = next(nth for nth, key in enumerate(self.keys) if key.number == number)
        return describe(self.state[int(self.offset[pack]) + place % METERS_PER_SHARD % METERS_PER_PACK])
