"""Stores of the grid: meters, anomalies, incidents, and what the utility has told of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Protocol

from functions.domain.alarm_profile import AlarmProfile
from functions.domain.announcements import Announcement
from functions.domain.anomalies import Anomaly
from functions.domain.board import Board
from functions.domain.context import Suppression
from functions.domain.incident_search import Cursor, IncidentSearch
from functions.domain.incidents import Incident, MemberChunk
from functions.domain.notifications import Intent
from functions.domain.packs import Pack
from functions.domain.restoration_learning import Learnt
from functions.domain.roster_shard import RosterShard
from functions.domain.weather import Observation, WeatherAlert
from functions.domain.work_orders import OrderChange, WorkOrder


class PackStore(Protocol):
    """Packs of meter state, one document each, guarded by ETags."""

    async def read(self, ids: Sequence[str]) -> dict[str, Pack]:
        """Packs that exist, by id."""
        ...

    async def write(self, packs: Sequence[Pack]) -> list[str | None]:
        """Write each pack if it is unchanged since its `etag` (None: if it does not exist yet).

        Returns the new ETag of each, or None where somebody else wrote first; the others are written.
        """
        ...

    async def due(self, before: int, limit: int) -> list[Pack]:
        """Packs with a meter overdue before `before`, the longest overdue first."""
        ...

    async def pending(self, before: int, limit: int) -> list[Pack]:
        """Packs whose outbox was committed before `before` and may not have been delivered."""
        ...


class RosterStore(Protocol):
    """Rosters, one document a shard, guarded by ETags."""

    async def read(self, feeder_id: str) -> list[RosterShard]:
        """All shards of a feeder; empty when it has none."""
        ...

    async def write(self, shard: RosterShard) -> str:
        """Write a shard if it is unchanged since its `etag`; returns the new one or raises `Conflict`."""
        ...

    async def feeders(self) -> dict[str, int]:
        """Number of meters of every feeder."""
        ...

    async def feeders_of(self, customer_id: str) -> list[str]:
        """Feeders on whose rosters a customer has a meter, by id."""
        ...


class AnomalyStore(Protocol):
    """Anomaly records: insert-only, watched by a change feed."""

    async def insert(self, anomalies: Iterable[Anomaly]) -> int:
        """Insert records whose id is not there yet; returns how many were new."""
        ...

    async def between(
        self, start: int, end: int, kinds: Collection[str], feeder_id: str | None = None
    ) -> list[Anomaly]:
        """Both records of every anomaly of these kinds that began before `end` and had not ended before `start`."""
        ...


class IncidentStore(Protocol):
    """A feeder's board, its incident revisions, suppressions and intents; revisions and intents feed `fan_out`."""

    async def board(self, feeder_id: str) -> Board:
        """The feeder's board; an empty one with no `etag` when it has none."""
        ...

    async def put_chunks(self, chunks: Iterable[MemberChunk]) -> None:
        """Write member chunks, replacing those of an attempt that was not committed."""
        ...

    async def commit(
        self,
        board: Board,
        incidents: Sequence[Incident],
        suppressions: Sequence[Suppression],
        intents: Sequence[Intent],
    ) -> None:
        """Replace the board if unchanged and insert the records, all or nothing; raises `Conflict`."""
        ...

    async def chunks(self, feeder_id: str, ids: Sequence[str]) -> list[MemberChunk]:
        """Member chunks by id."""
        ...

    async def due_boards(self, before: int, limit: int) -> list[str]:
        """Partitions whose board is to be looked at again at or before `before`: `Board.release_at`."""
        ...

    async def latest(self, *, state: str | None, feeder_id: str | None, limit: int) -> list[Incident]:
        """Newest revision of incidents, latest start first."""
        ...

    async def head(self, feeder_id: str, incident_id: str) -> Incident | None:
        """Newest revision of one incident; None when there is none."""

    async def page(self, search: IncidentSearch, after: Cursor | None, limit: int) -> list[Incident]:
        """Newest revision of incidents behind a cursor, latest start first; by state, feeder and start only."""
        ...

    async def find(self, incident_id: str) -> Incident | None:
        """Newest revision of one incident on whatever feeder; None when there is none."""
        ...

    async def history(self, feeder_id: str, incident_id: str) -> list[Incident]:
        """Every revision of an incident, oldest first."""
        ...

    async def log(self, start: int, end: int) -> list[Incident]:
        """Newest revision of every incident that began in a period, earliest first; `end` is exclusive."""
        ...

    async def suppressions(self, feeder_id: str | None, limit: int, since: int = 0) -> list[Suppression]:
        """Lines of the suppression ledger written from a moment on, newest first."""
        ...


class AnnouncementStore(Protocol):
    """What customers are told of planned work, by order; its intents feed `fan_out`."""

    async def read(self, order_id: str) -> Announcement | None:
        """The announcement of an order; None when it was never heard of."""
        ...

    async def commit(self, announcement: Announcement, intents: Sequence[Intent]) -> None:
        """Replace an announcement unchanged since its `etag` and insert intents, all or nothing; raises `Conflict`."""
        ...

    async def due(self, before: int, limit: int) -> list[str]:
        """Orders whose announcement is to be looked at again at or before `before`, the longest due first."""
        ...


class ContextStore(Protocol):
    """Work orders by feeder or substation, weather by area, and what operators' verdicts taught of each feeder."""

    async def put_orders(self, orders: Iterable[WorkOrder]) -> list[OrderChange]:
        """Write orders, each in place of the version there is, wherever that is, unless that was changed later.

        Returns those written. After a fault some may be written; the same call may be made again.
        """
        ...

    async def orders(self, scope: str | None, ending_after: int) -> list[WorkOrder]:
        """Orders of a feeder or substation, or of all, that end after a moment, by id."""
        ...

    async def put_weather(self, observations: Iterable[Observation], alerts: Iterable[WeatherAlert]) -> None:
        """Write weather; one of the same area and time, or an alert of the same id, replaces the earlier."""
        ...

    async def observations(self, area: str, after: int) -> list[Observation]:
        """Observations of an area after a moment, earliest first."""
        ...

    async def alerts(self, area: str, ending_after: int) -> list[WeatherAlert]:
        """Alerts of an area that end after a moment, by start."""
        ...

    async def profile(self, feeder_id: str) -> AlarmProfile:
        """What verdicts have taught of a feeder; a neutral profile with no `etag` when there were none."""
        ...

    async def put_profile(self, profile: AlarmProfile) -> None:
        """Write a profile if it is unchanged since its `etag`; raises `Conflict`."""
        ...


class ExpectationStore(Protocol):
    """What the utility's outages have taught of restoration times: one document for all."""

    async def read(self) -> Learnt:
        """What is known; nothing, with no `etag`, at first."""
        ...

    async def write(self, learnt: Learnt) -> str:
        """Write it if it is unchanged since its `etag`; returns the new one or raises `Conflict`."""
        ...
