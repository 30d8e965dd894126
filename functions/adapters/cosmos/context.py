"""What the utility knows already, in Cosmos DB: work orders, weather and alarm profiles, a partition a scope."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, Document, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.schema import CONTEXT_TTL_S
from functions.domain.alarm_profile import AlarmProfile
from functions.domain.errors import Conflict, TransientFault
from functions.domain.weather import Observation, WeatherAlert
from functions.domain.work_orders import OrderChange, WorkOrder, newest

_PROFILE = "profile:alarms"
IDS_A_QUERY = 100
ATTEMPTS = 5


class CosmosContext:
    """A `ContextStore`."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._context = CosmosContainer(database, names.CONTEXT)

    async def put_orders(self, orders: Iterable[WorkOrder]) -> list[OrderChange]:
        """Write orders that are not older than what is stored under their id."""
        wanted = list(newest(orders).values())
        changes: list[OrderChange] = []
        for first in range(0, len(wanted), IDS_A_QUERY):
            some = wanted[first : first + IDS_A_QUERY]
            stored = await self._stored([each.work_order_id for each in some])
            written = await asyncio.gather(*(self._put_order(each, stored[each.work_order_id]) for each in some))
            changes += [change for change in written if change is not None]
        return changes

    async def _stored(self, ids: Sequence[str]) -> dict[str, list[Document]]:
        """What is stored under each id, in whatever scope: ids are always indexed."""
        values = {f"id{number}": each for number, each in enumerate(ids)}
        text = f"SELECT * FROM c WHERE c.id IN ({', '.join(f'@{name}' for name in values)})"  # noqa: S608  # our names
        stored: dict[str, list[Document]] = defaultdict(list)
        async for each in self._context.query(text, values):
            stored[each["id"]].append(each)
        return stored

    async def _put_order(self, order: WorkOrder, stored: Sequence[Document]) -> OrderChange | None:
        for _ in range(ATTEMPTS):
            try:
                return await self._replace_order(order, stored)
            except Conflict:
                stored = (await self._stored([order.work_order_id]))[order.work_order_id]
        raise TransientFault(f"work order {order.work_order_id} changes faster than it can be written; try again")

    async def _replace_order(self, order: WorkOrder, stored: Sequence[Document]) -> OrderChange | None:
        before = tuple(msgspec.convert(each, WorkOrder) for each in stored)
        if any(each.updated_at > order.updated_at for each in before):
            return None
        here = next((each for each in stored if each["scope"] == order.scope), None)
        if here is None:
            await self._context.create(_order(order))
        else:
            await self._context.replace(_order(order), here["_etag"])
        # Last: a crash in between leaves two versions, and the same order sent again removes the one out of place.
        for each in before:
            if each.scope != order.scope:
                await self._context.remove(each.scope, each.work_order_id)
        return OrderChange(order, before)

    async def orders(self, scope: str | None, ending_after: int) -> list[WorkOrder]:
        """Orders of a feeder or substation, or of all, that end after a moment."""
        found = await self._ending(ending_after, scope, without="observation:")
        orders = [msgspec.convert(each, WorkOrder) for each in found if each["type"] == "work_order"]
        return sorted(orders, key=lambda each: each.work_order_id)

    async def put_weather(self, observations: Iterable[Observation], alerts: Iterable[WeatherAlert]) -> None:
        """Write weather."""
        documents = [
            _document(each, "observation", f"observation:{each.timestamp}", _sky(each.area), each.timestamp)
            for each in {(each.area, each.timestamp): each for each in observations}.values()
        ]
        documents += [
            _document(each, "alert", f"alert:{each.alert_id}", _sky(each.area), each.end)
            for each in {(each.area, each.alert_id): each for each in alerts}.values()
        ]
        await asyncio.gather(*(self._context.put(each) for each in documents))

    async def observations(self, area: str, after: int) -> list[Observation]:
        """Observations of an area after a moment."""
        found = await self._ending(after, _sky(area), without="alert:")
        return sorted((msgspec.convert(each, Observation) for each in found), key=lambda each: each.timestamp)

    async def alerts(self, area: str, ending_after: int) -> list[WeatherAlert]:
        """Alerts of an area that end after a moment."""
        found = await self._ending(ending_after, _sky(area), without="observation:")
        alerts = [msgspec.convert(each, WeatherAlert) for each in found]
        return sorted(alerts, key=lambda each: (each.start, each.alert_id))

    async def profile(self, feeder_id: str) -> AlarmProfile:
        """What verdicts have taught of a feeder."""
        found = await self._context.read(feeder_id, _PROFILE)
        if found is None:
            return AlarmProfile(feeder_id)
        return replace(msgspec.convert(found, AlarmProfile), etag=found["_etag"])

    async def put_profile(self, profile: AlarmProfile) -> None:
        """Write a profile if it is unchanged since its `etag`."""
        document = {**asdict(replace(profile, etag=None)), "id": _PROFILE, "type": "profile"}
        document["scope"] = profile.feeder_id
        if profile.etag is None:
            await self._context.create(document)
        else:
            await self._context.replace(document, profile.etag)

    async def _ending(self, after: int, scope: str | None, *, without: str) -> list[Document]:
        """What ends after a moment, but for ids of a prefix."""
        text = "SELECT * FROM c WHERE c['end'] > @after AND NOT STARTSWITH(c.id, @without)"
        return [each async for each in self._context.query(text, {"after": after, "without": without}, partition=scope)]


def _sky(area: str) -> str:
    """The partition of an area's weather, apart from the orders of the substation that it is named for."""
    return f"weather:{area}"


def _order(order: WorkOrder) -> Document:
    return _document(order, "work_order", order.work_order_id, order.scope, order.end)


def _document(value: msgspec.Struct, kind: str, identity: str, scope: str, end: int) -> Document:
    # Cosmos DB counts a time to live from the write, by its own clock.
    ttl = max(end - int(time.time()), 0) + CONTEXT_TTL_S
    return plain(value, id=identity, type=kind, scope=scope, end=end, ttl=ttl)
