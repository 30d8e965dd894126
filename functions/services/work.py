"""Work: the packs a batch touches, joined into one array, and what was found in them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.domain import episodes
from functions.domain.anomalies import Anomaly, Kind, anomaly_id
from functions.domain.detection import Judge, Judgement, detect
from functions.domain.device_events import DeviceEvent, RowEvent, follow
from functions.domain.episodes import Change
from functions.domain.limits import SILENCE_SCORE
from functions.domain.outcomes import Outcome
from functions.domain.packs import (
    LAYOUT,
    METERS_PER_PACK,
    NO_SLOT,
    MeterState,
    Pack,
    Prior,
    RecordArray,
    describe,
    fresh,
    join,
)
from functions.domain.roster import METERS_PER_SHARD, PackColumns
from functions.domain.why import explain
from functions.domain.windows import Entries, Readings
from functions.ports import ScoreBatch
from functions.services.feeders import ReadingColumns
from functions.services.pack_keys import PackKey, pack_number, position_in_pack

DARK = (Kind.power_off, Kind.no_reads)
"""What ends when a meter is taken out of service: nobody is without power, and nobody waits for it."""


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
        grown = [_grown(pack, column, prior) for pack, column in zip(packs, columns, strict=True)]
        self.state: RecordArray = join(grown)
        self.offset = np.cumsum([0, *(pack.meters for pack in grown)])
        self.outboxes: list[list[Anomaly]] = [[] for _ in keys]
        self._entries: Entries | None = None
        self._found: Judgement | None = None
        self._expected = np.zeros(len(self.state), bool)
        """What slots of each row are counted in; differs from the state's for what was open before a change."""
        self._follow_roster(columns, prior)

    def _follow_roster(self, columns: Sequence[PackColumns], prior: Prior) -> None:
        """The roster is the authority on a meter's service and interval; a meter that was changed starts afresh."""
        # A pack may hold meters that this process's roster has not seen yet: of those nothing is told.
        told_of = np.array([len(each.nominal_v) for each in columns])
        row = np.arange(told_of.sum()) + np.repeat(self.offset[:-1] - np.cumsum(told_of) + told_of, told_of)
        nominal = np.concatenate([column.nominal_v for column in columns])
        interval = np.concatenate([column.interval_s for column in columns])
        self._expected[row] = np.concatenate([column.expected for column in columns])
        retired = row[np.concatenate([column.retired for column in columns])]
        kind = np.concatenate([column.customer_type for column in columns])
        told, timed, typed = np.flatnonzero(~np.isnan(nominal)), np.flatnonzero(interval > 0), np.flatnonzero(kind)
        self.state["nominal_v"][row[told]] = nominal[told]
        self.state["customer_type"][row[typed]] = kind[typed]
        stored = self.state["interval_s"][row[timed]]
        changed = row[timed[(stored > 0) & (stored != interval[timed])]]
        self._ended = self._end_all(retired, DARK) + self._end_all(changed, Kind)
        self.state[changed] = fresh(self.state["nominal_v"][changed], self.state["customer_type"][changed], prior)
        self.state["interval_s"][row[timed]] = interval[timed]

    def apply(
        self,
        pack: NDArray[np.int64],
        readings: ReadingColumns,
        event_pack: NDArray[np.int64],
        events: Sequence[tuple[int, DeviceEvent]],
        judge: Judge,
        now: int,
    ) -> Found:
        """Apply readings and device events (place, event) to the packs they belong to."""
        self._tell(self._ended, now)
        head_before = self.state["head"].copy()
        outcome, entries, found = detect(
            self.state,
            Readings(
                row=self.offset[pack] + position_in_pack(readings.place),
                slot=readings.timestamp // readings.interval_s,
                voltage_v=readings.voltage_v,
                energy_kwh=readings.energy_kwh,
                interval_s=readings.interval_s,
            ),
            judge,
        )
        self._entries, self._found = entries, found
        place = np.array([place for place, _ in events], np.int64)
        rows = self.offset[event_pack] + position_in_pack(place)
        # Slots are counted in a meter's interval: an event of one that has neither a reading nor a roster's interval
        # cannot be placed, and is as good as late.
        told = np.full(len(events), Outcome.late, np.uint8)
        known = np.flatnonzero(self.state["interval_s"][rows] > 0)
        used, changes = follow(
            self.state,
            entries,
            found,
            [self._row_event(int(rows[nth]), events[nth][1]) for nth in known.tolist()],
            head_before,
        )
        told[known] = np.where(used, Outcome.applied, Outcome.duplicate)
        self._tell(changes, now)
        return Found(outcome, told)

    def _row_event(self, row: int, event: DeviceEvent) -> RowEvent:
        return RowEvent(row, event.at // int(self.state["interval_s"][row]), event.at, event.meaning)

    def overdue(self, grace_s: int, now: int) -> None:
        """Report meters that are overdue, of those that are expected to report."""
        self._tell(self._ended, now)
        self._tell(episodes.overdue(self.state, self._expected, now, grace_s, SILENCE_SCORE), now)

    def _end_all(self, rows: NDArray[np.int64], kinds: Iterable[Kind]) -> list[Change]:
        """Close what is open of meters that start afresh, or that were taken out of service."""
        return [
            episodes.close_at(self.state, row, kind, int(self.state["last_slot"][row, kind]) + 1, 0.0, None)
            for row in rows.tolist()
            for kind in kinds
            if self.state["open_slot"][row, kind] != NO_SLOT
        ]

    def _tell(self, changes: Sequence[Change], now: int) -> None:
        for change in changes:
            pack = int(np.searchsorted(self.offset, change.row, "right")) - 1
            key = self.keys[pack]
            place = key.place(change.row - int(self.offset[pack]))
            meter = key.roster.row(place)
            step = int(self.state["interval_s"][change.row])
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
                    provisional=key.roster.is_provisional(place) or key.roster.is_retired(place),
                    signal=change.signal,
                    at=change.at,
                )
            )

    def packs(self, now: int, grace_s: int) -> list[Pack]:
        """The packs as they are to be written."""
        due = np.where(self._expected, episodes.due_times(self.state, grace_s), episodes.NEVER)
        first_due = np.full(len(self.keys), episodes.NEVER)
        filled = np.flatnonzero(np.diff(self.offset))
        first_due[filled] = np.minimum.reduceat(due, self.offset[filled])
        packs = []
        for place, (key, before) in enumerate(zip(self.keys, self._before, strict=True)):
            packs.append(
                Pack(
                    id=key.id,
                    feeder_id=key.roster.feeder_id,
                    layout=LAYOUT,
                    data=self.state[self.offset[place] : self.offset[place + 1]].tobytes(),
                    due_at=None if first_due[place] == episodes.NEVER else int(first_due[place]),
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


def _grown(pack: Pack, column: PackColumns, prior: Prior) -> Pack:
    """The pack with a fresh record for every meter the roster has since enrolled in it."""
    new = slice(pack.meters, None)
    if pack.meters >= len(column.nominal_v):
        return pack
    records = fresh(column.nominal_v[new], column.customer_type[new], prior)
    return msgspec.structs.replace(pack, data=pack.data + records.tobytes())
