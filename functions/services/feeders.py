"""Feeders: rosters kept at hand, and readings of a feeder resolved to places in its packs."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from functions.domain.device_events import DeviceEvent
from functions.domain.errors import Conflict, TransientFault
from functions.domain.feeder_batch import FeederBatch, reading_record
from functions.domain.ids import is_id
from functions.domain.outcomes import Reason
from functions.domain.roster import PROVISIONAL_PER_HOUR, Roster
from functions.domain.roster_row import RosterRow
from functions.domain.roster_shard import RosterShard
from functions.ports import RosterStore

SECONDS_PER_HOUR = 3_600
CACHED_ROSTERS = 2_000
REFRESH_S = 300
"""A roster changed by another process is seen after this long at the latest."""
ATTEMPTS = 5


class ReadingColumns(NamedTuple):
    """Readings of known meters; arrays of one length `[n]`."""

    place: NDArray[np.int64]
    """Place on the feeder's roster."""
    timestamp: NDArray[np.int64]
    voltage_v: NDArray[np.float32]
    energy_kwh: NDArray[np.float32]
    interval_s: NDArray[np.int64]

    def take(self, chosen: NDArray[np.bool_]) -> ReadingColumns:
        """Only the chosen readings."""
        return ReadingColumns._make(column[chosen] for column in self)

    @classmethod
    def join(cls, parts: Sequence[ReadingColumns]) -> ReadingColumns:
        """The readings of all parts, one after the other."""
        return cls._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


@dataclass(frozen=True)
class FeederReadings:
    """What a batch brings for one feeder."""

    roster: Roster
    readings: ReadingColumns
    device_events: tuple[tuple[int, DeviceEvent], ...]
    """(place, event)."""
    batches: tuple[FeederBatch, ...] = ()
    """The events the readings came in."""
    origin: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    """Which of `batches` each reading came in, `[n]`."""

    def refuse(self, reading: int, reason: Reason) -> None:
        """Move a reading (by position) to the refusals of the event it came in."""
        place, timestamp, voltage_v, energy_kwh, _ = (column[reading].item() for column in self.readings)
        meter_id = self.roster.meter_id(place)
        record = reading_record(meter_id, timestamp, voltage_v, energy_kwh)
        self.batches[int(self.origin[reading])].refuse(reason, meter_id, record)


Change = Callable[[Roster], tuple[Roster, list[RosterShard]]]


class Feeders:
    """Rosters by feeder, read once and refreshed now and then."""

    def __init__(self, store: RosterStore) -> None:
        self._store = store
        self._cache: OrderedDict[str, tuple[Roster, int]] = OrderedDict()

    async def roster(self, feeder_id: str, now: int) -> Roster:
        """The roster of a feeder, empty when it has none."""
        cached = self._cache.get(feeder_id)
        if cached is not None and 0 <= now - cached[1] < REFRESH_S:
            self._cache.move_to_end(feeder_id)
            return cached[0]
        shards = await self._store.read(feeder_id)
        if cached is not None and cached[0].is_made_of(shards):
            return self._remember(cached[0], now)  # an index of thousands of meters is dear to build again
        return self._remember(Roster(feeder_id, shards), now)

    async def resolve(self, feeder_id: str, batches: Sequence[FeederBatch], now: int) -> FeederReadings:
        """Look up every meter of the batches of one feeder, enrolling unknown ones provisionally.

        What cannot be enrolled moves to its batch's refusals.
        """
        roster = await self.roster(feeder_id, now)
        meters = list(chain.from_iterable(batch.meter_id for batch in batches))
        event_meters = [event.meter_id for batch in batches for event in batch.device_events]
        places, event_places = roster.places(meters), roster.places(event_meters)
        if (places < 0).any() or (event_places < 0).any():
            unknown = sorted({meter for meter in [*meters, *event_meters] if meter not in roster and is_id(meter)})
            if unknown:
                roster = await self._enrol(feeder_id, unknown, now)
            for batch in batches:
                _refuse_unknown(batch, roster)
            places = roster.places([meter for batch in batches for meter in batch.meter_id])
        ripe = roster.ripe(now)
        reporting = set(places.tolist()).intersection(ripe) if ripe else set()
        if reporting:
            roster = await self._change(
                feeder_id, lambda current: current.confirmed([p for p in current.ripe(now) if p in reporting]), now
            )
        sizes = [len(batch.meter_id) for batch in batches]
        return FeederReadings(
            roster=roster,
            readings=ReadingColumns(
                place=places,
                timestamp=np.concatenate([batch.timestamp for batch in batches]),
                voltage_v=np.concatenate([batch.voltage_v for batch in batches]).astype(np.float32),
                energy_kwh=np.concatenate([batch.energy_kwh for batch in batches]).astype(np.float32),
                interval_s=np.repeat([batch.interval_s for batch in batches], sizes),
            ),
            device_events=tuple(
                (int(roster.places([event.meter_id])[0]), event) for batch in batches for event in batch.device_events
            ),
            batches=tuple(batches),
            origin=np.repeat(np.arange(len(batches)), sizes),
        )

    async def load(self, rows: Sequence[RosterRow], now: int) -> int:
        """Write the utility's roster rows; returns how many meters they describe. Raises `RejectedDocument`."""
        by_feeder: dict[str, list[RosterRow]] = {}
        for row in rows:
            by_feeder.setdefault(row.checked().feeder_id, []).append(row)
        for feeder_id, these in by_feeder.items():
            await self._change(feeder_id, partial(Roster.with_rows, rows=these), now)
        return len(rows)

    async def _enrol(self, feeder_id: str, unknown: list[str], now: int) -> Roster:
        def enrol(current: Roster) -> tuple[Roster, list[RosterShard]]:
            room = PROVISIONAL_PER_HOUR - current.enrolled_since(now - SECONDS_PER_HOUR)
            new = [meter for meter in unknown if meter not in current]
            return current.with_provisional(new[: max(room, 0)], now)

        return await self._change(feeder_id, enrol, now)

    async def _change(self, feeder_id: str, change: Change, now: int) -> Roster:
        """Read, change and write a roster; a conflict means somebody else changed it: read again."""
        for _ in range(ATTEMPTS):
            current = Roster(feeder_id, await self._store.read(feeder_id))
            changed, shards = change(current)
            try:
                for shard in shards:
                    await self._store.write(shard)
            except Conflict:
                continue
            if shards:
                changed = Roster(feeder_id, await self._store.read(feeder_id))
            return self._remember(changed, now)
        raise TransientFault(f"the roster of feeder {feeder_id} changes faster than it can be written; try again")

    def _remember(self, roster: Roster, now: int) -> Roster:
        self._cache[roster.feeder_id] = (roster, now)
        self._cache.move_to_end(roster.feeder_id)
        while len(self._cache) > CACHED_ROSTERS:
            self._cache.popitem(last=False)
        return roster


def _refuse_unknown(batch: FeederBatch, roster: Roster) -> None:
    unknown = np.flatnonzero(roster.places(batch.meter_id) < 0)
    for place in unknown.tolist():
        meter = batch.meter_id[place]
        record = reading_record(meter, batch.timestamp[place], batch.voltage_v[place], batch.energy_kwh[place])
        batch.refuse(Reason.roster_full if is_id(meter) else Reason.bad_id, meter, record)
    gone = set(unknown.tolist())
    batch.meter_id = [meter for place, meter in enumerate(batch.meter_id) if place not in gone]
    for column in ("timestamp", "voltage_v", "energy_kwh"):
        setattr(batch, column, np.delete(getattr(batch, column), unknown))
    for event in batch.device_events:
        if event.meter_id not in roster:
            record = {"meter_id": event.meter_id, "timestamp": event.at, "code": event.meaning.value}
            batch.refuse(Reason.roster_full if is_id(event.meter_id) else Reason.bad_id, event.meter_id, record)
    batch.device_events = [event for event in batch.device_events if event.meter_id in roster]
