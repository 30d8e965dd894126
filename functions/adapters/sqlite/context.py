"""What the utility knows already, in SQLite: work orders, weather and alarm profiles."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.alarm_profile import AlarmProfile
from functions.domain.weather import Observation, WeatherAlert
from functions.domain.work_orders import OrderChange, WorkOrder, newest

_PROFILE = "profile:alarms"


class SqliteContext:
    """A `ContextStore`."""

    def __init__(self, database: Database) -> None:
        self._context = Container(database, "grid_context")

    async def put_orders(self, orders: Iterable[WorkOrder]) -> list[OrderChange]:
        """Write orders that are not older than what is stored under their id."""
        changes = []
        with self._context.database.transaction() as connection:
            scopes = self._scopes()
            for order in newest(orders).values():
                found = [
                    self._context.read(scope, order.work_order_id, WorkOrder) for scope in scopes[order.work_order_id]
                ]
                before = tuple(each[0] for each in found if each is not None)
                if all(each.updated_at <= order.updated_at for each in before):
                    changes.append(OrderChange(order, before))
            for order, before in changes:
                self._remove([each for each in before if each.scope != order.scope], connection)
            self._context.put([_order(change.order) for change in changes], connection)
        return changes

    def _scopes(self) -> dict[str, list[str]]:
        """Where each order is, by id: read from the index alone."""
        rows = self._context.database.rows(
            "SELECT id, partition FROM documents WHERE container = 'grid_context' AND type = 'work_order'"
        )
        scopes: dict[str, list[str]] = defaultdict(list)
        for order_id, scope in rows:
            scopes[order_id].append(scope)
        return scopes

    def _remove(self, orders: Iterable[WorkOrder], connection: sqlite3.Connection) -> None:
        connection.executemany(
            "DELETE FROM documents WHERE container = 'grid_context' AND partition = ? AND id = ?",
            [(each.scope, each.work_order_id) for each in orders],
        )

    async def orders(self, scope: str | None, ending_after: int) -> list[WorkOrder]:
        """Orders of a feeder or substation, or of all, that end after a moment."""
        condition = "type = 'work_order' AND sort > ?"
        if scope is None:
            return self._context.select(WorkOrder, f"{condition} ORDER BY id", ending_after)
        return self._context.select(WorkOrder, f"{condition} AND partition = ? ORDER BY id", ending_after, scope)

    async def put_weather(self, observations: Iterable[Observation], alerts: Iterable[WeatherAlert]) -> None:
        """Write weather."""
        documents = [
            Document(each.area, f"observation:{each.timestamp}", "observation", each, each.timestamp)
            for each in observations
        ]
        documents += [Document(each.area, f"alert:{each.alert_id}", "alert", each, each.end) for each in alerts]
        with self._context.database.transaction() as connection:
            self._context.put(documents, connection)

    async def observations(self, area: str, after: int) -> list[Observation]:
        """Observations of an area after a moment."""
        condition = "partition = ? AND type = 'observation' AND sort > ? ORDER BY sort"
        return self._context.select(Observation, condition, area, after)

    async def alerts(self, area: str, ending_after: int) -> list[WeatherAlert]:
        """Alerts of an area that end after a moment."""
        condition = "partition = ? AND type = 'alert' AND sort > ?"
        found = self._context.select(WeatherAlert, condition, area, ending_after)
        return sorted(found, key=lambda each: (each.start, each.alert_id))

    async def profile(self, feeder_id: str) -> AlarmProfile:
        """What verdicts have taught of a feeder."""
        found = self._context.read(feeder_id, _PROFILE, AlarmProfile)
        return AlarmProfile(feeder_id) if found is None else replace(found[0], etag=found[1])

    async def put_profile(self, profile: AlarmProfile) -> None:
        """Write a profile if it is unchanged since its `etag`."""
        document = Document(profile.feeder_id, _PROFILE, "profile", replace(profile, etag=None))
        with self._context.database.transaction() as connection:
            self._context.replace(document, profile.etag, connection)


def _order(order: WorkOrder) -> Document:
    return Document(order.scope, order.work_order_id, "work_order", order, order.end, order.status)
