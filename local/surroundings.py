"""What a utility knew besides its readings, from files: a roster, work orders, weather, and what its meters said."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import msgspec

from functions.application import Application
from functions.domain.errors import InputError, RejectedDocument
from functions.domain.ids import is_id
from functions.domain.roster import Roster
from functions.domain.roster_row import RosterRow
from functions.domain.roster_shard import RosterShard
from functions.domain.weather import Observation
from functions.domain.work_orders import OrderNotice
from functions.services.assets import Assets
from local.context_files import FIRST_ROW, read_weather, read_work_orders
from local.device_event_file import LoggedEvent, read_device_events
from local.history import MeterEntry
from local.intervals import WIRE_INTERVAL_S
from local.machine import Batches
from local.roster_file import read_roster


@dataclass(frozen=True)
class ContextFiles:
    """Files that may come with a history; None where there is none."""

    roster: Path | None = None
    work_orders: Path | None = None
    weather: Path | None = None
    device_events: Path | None = None


@dataclass
class Surroundings:
    """What is still to be told, by time; the roster stands from the start."""

    meters: list[RosterRow] = field(default_factory=list)
    """The meters of the history, in its order, as the roster has them."""
    roster: list[RosterRow] = field(default_factory=list)
    """Every meter that a store can take: those of the roster file, too, that have no readings."""
    orders: deque[OrderNotice] = field(default_factory=deque)
    observations: deque[Observation] = field(default_factory=deque)
    events: deque[LoggedEvent] = field(default_factory=deque)
    unknown_events: int = 0
    """Device events of meters that neither the roster nor the history has."""

    @classmethod
    async def read(cls, files: ContextFiles, meters: Sequence[MeterEntry]) -> Surroundings:
        """Read every file whole before anything is told. Raises `InputError` naming file, row and column."""
        rows = {row.meter_id: row for row in read_roster(files.roster)} if files.roster else {}
        ours = [_row(meter, rows.get(meter.meter_id)) for meter in meters]
        roster = {(row.feeder_id, row.meter_id): row for row in (*rows.values(), *ours) if is_id(row.meter_id)}
        orders = await _orders(files.work_orders, roster.values()) if files.work_orders else []
        observations = read_weather(files.weather) if files.weather else []
        events = read_device_events(files.device_events) if files.device_events else []
        known = {meter_id for _, meter_id in roster}
        heard = [event for event in events if event.meter_id in known]
        return cls(
            meters=ours,
            roster=list(roster.values()),
            orders=deque(sorted(orders, key=lambda order: order.issued_at or 0)),
            observations=deque(sorted(observations, key=lambda observation: observation.timestamp)),
            events=deque(heard),
            unknown_events=len(events) - len(heard),
        )

    @property
    def next_at(self) -> int | None:
        """When the next device event comes or the next order is issued, epoch s; None when none is left."""
        moments = [self.events[0].at] if self.events else []
        if self.orders:
            moments.append(self.orders[0].issued_at or 0)
        return min(moments, default=None)

    async def tell(self, application: Application, now: int) -> None:
        """Tell of orders issued and weather observed by `now`, seconds since the epoch."""
        issued = []
        while self.orders and (self.orders[0].issued_at or 0) <= now:
            issued.append(self.orders.popleft())
        if issued:
            await application.work_orders.take(issued)
        observed = []
        while self.observations and self.observations[0].timestamp <= now:
            observed.append(self.observations.popleft())
        if observed:
            await application.stores.context.put_weather(observed, ())

    @cached_property
    def _by_meter(self) -> dict[str, RosterRow]:
        return {row.meter_id: row for row in self.roster}

    def said_until(self, now: int) -> Batches:
        """Device events until `now`, an event body a feeder, taken out."""
        said: dict[tuple[str, int], list[dict[str, object]]] = {}
        while self.events and self.events[0].at <= now:
            event = self.events.popleft()
            row = self._by_meter[event.meter_id]
            entry = {"meter_id": event.meter_id, "timestamp": event.at, "code": event.code}
            said.setdefault((row.feeder_id, row.interval_s or WIRE_INTERVAL_S), []).append(entry)
        batches = Batches()
        for (feeder_id, interval_s), entries in said.items():
            body = {"feeder_id": feeder_id, "interval_s": interval_s, "end_device_events": entries}
            batches.add_body(feeder_id, msgspec.json.encode(body))
        return batches


async def _orders(path: Path, rows: Iterable[RosterRow]) -> list[OrderNotice]:
    """The versions of every order of a file, each with its asset found on the roster."""
    notices = read_work_orders(path)
    assets = await Assets.on(_PaperRosters(rows), notices)
    found = []
    for number, notice in enumerate(notices, FIRST_ROW):
        try:
            kind, feeder_id = assets.find(notice)
        except RejectedDocument as fault:
            raise InputError(f"{path}, row {number}, {fault.field}: {fault.reason}") from None
        known_at = notice.issued_at or 0
        found.append(
            msgspec.structs.replace(
                notice,
                asset_kind=kind,
                feeder_id=feeder_id,
                issued_at=known_at,
                updated_at=known_at if notice.updated_at is None else notice.updated_at,
            )
        )
    return found


class _PaperRosters:
    """A `RosterStore` to look devices up in before anything is stored."""

    def __init__(self, rows: Iterable[RosterRow]) -> None:
        by_feeder: dict[str, list[RosterRow]] = {}
        for row in rows:
            by_feeder.setdefault(row.feeder_id, []).append(row)
        self._rosters = {feeder: Roster(feeder).with_rows(these)[0] for feeder, these in by_feeder.items()}

    async def read(self, feeder_id: str) -> list[RosterShard]:
        """All shards of a feeder."""
        return list(self._rosters[feeder_id].shards) if feeder_id in self._rosters else []

    async def write(self, shard: RosterShard) -> str:
        """Paper is read only."""
        raise NotImplementedError(shard.id)

    async def feeders(self) -> dict[str, int]:
        """Number of meters of every feeder."""
        return {feeder: len(roster) for feeder, roster in self._rosters.items()}


def _row(meter: MeterEntry, row: RosterRow | None) -> RosterRow:
    """A meter of the history as the roster has it; what the roster leaves open, the history says."""
    told = RosterRow(
        meter_id=meter.meter_id,
        feeder_id=meter.feeder_id,
        customer_id=meter.customer_id if is_id(meter.customer_id) else "",
        transformer_id=meter.transformer_id if is_id(meter.transformer_id) else "",
        nominal_voltage_v=meter.nominal_voltage_v,
        interval_s=meter.interval_s,
        customer_type=meter.customer_type,
    )
    if row is None:
        return told
    open_fields = [name for name in RosterRow.__struct_fields__ if getattr(row, name) in (None, "")]
    return msgspec.structs.replace(row, **{name: getattr(told, name) for name in open_fields})
