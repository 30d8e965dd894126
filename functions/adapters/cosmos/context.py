"""What the utility knows already, in Cosmos DB: work orders, weather and alarm profiles, a partition a scope."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, Document, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.schema import time_to_live
from functions.adapters.cosmos.versioned import VersionedPartitions, batches
from functions.adapters.cosmos.weather import CosmosWeather
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
        self._scopes = VersionedPartitions(self._context)
        self._weather = CosmosWeather(self._context, self._scopes)

    async def put_orders(self, orders: Iterable[WorkOrder]) -> list[OrderChange]:
        """Write orders that are not older than what is stored under their id."""
        wanted = list(newest(orders).values())
        changes: list[OrderChange] = []
        for first in range(0, len(wanted), IDS_A_QUERY):
            some = {each.work_order_id: each for each in wanted[first : first + IDS_A_QUERY]}
            stored = await self._stored(some)
            by_scope: dict[str, list[WorkOrder]] = defaultdict(list)
            for each in some.values():
                by_scope[each.scope].append(each)
            written = await asyncio.gather(
                *(self._put_scope(scope, these, stored) for scope, these in by_scope.items())
            )
            by_id = {change.order.work_order_id: change for these in written for change in these}
            changes += [by_id[name] for name in some if name in by_id]
        return changes

    async def _stored(self, ids: Collection[str]) -> dict[str, list[Document]]:
        """What is stored under each id, in whatever scope: ids are always indexed."""
        values = {f"id{number}": each for number, each in enumerate(ids)}
        text = f"SELECT * FROM c WHERE c.id IN ({', '.join(f'@{name}' for name in values)})"  # noqa: S608  # our names
        stored: dict[str, list[Document]] = defaultdict(list)
        async for each in self._context.query(text, values):
            stored[each["id"]].append(each)
        return stored

    async def _put_scope(
        self, scope: str, orders: Sequence[WorkOrder], stored: Mapping[str, list[Document]]
    ) -> list[OrderChange]:
        """Write orders of one scope, one batch after the other, for each replaces the scope's version."""
        by_id = {each.work_order_id: each for each in orders}
        changes: list[OrderChange] = []
        for batch in batches([_order(each) for each in orders]):
            changes += await self._put_orders(scope, [by_id[each["id"]] for each in batch], stored)
        return changes

    async def _put_orders(
        self, scope: str, orders: Sequence[WorkOrder], stored: Mapping[str, list[Document]]
    ) -> list[OrderChange]:
        """Write orders of one scope, all or none."""
        for _ in range(ATTEMPTS):
            try:
                return await self._replace_orders(scope, orders, stored)
            except Conflict:
                stored = await self._stored([each.work_order_id for each in orders])
        raise TransientFault(f"the work orders of {scope} change faster than they can be written; try again")

    async def _replace_orders(
        self, scope: str, orders: Sequence[WorkOrder], stored: Mapping[str, list[Document]]
    ) -> list[OrderChange]:
        changes, operations = [], list[tuple[Any, ...]]()
        for order in orders:
            versions = stored.get(order.work_order_id, [])
            before = tuple(msgspec.convert(each, WorkOrder) for each in versions)
            if any(each.updated_at > order.updated_at for each in before):
                continue
            here = next((each for each in versions if each["scope"] == scope), None)
            document = _order(order)
            operations.append(
                ("create", (document,))
                if here is None
                else ("replace", (document["id"], document), {"if_match_etag": here["_etag"]})
            )
            changes.append(OrderChange(order, before))
        if operations:
            await self._scopes.write(scope, operations)
        # Last: a crash in between leaves two versions, and the same order sent again removes the one out of place.
        for change in changes:
            for each in change.before:
                if each.scope != scope:
                    with suppress(Conflict):  # somebody else has removed it
                        await self._scopes.write(each.scope, [("delete", (each.work_order_id,))])
        return changes

    async def orders(self, scope: str | None, ending_after: int) -> list[WorkOrder]:
        """Orders of a feeder or substation, or of all, that end after a moment."""
        found = await (self._all_ending(ending_after) if scope is None else self._scopes.ending(scope, ending_after))
        orders = [msgspec.convert(each, WorkOrder) for each in found if each["type"] == "work_order"]
        return sorted(orders, key=lambda each: each.work_order_id)

    async def put_weather(self, observations: Iterable[Observation], alerts: Iterable[WeatherAlert]) -> None:
        """Write weather."""
        await self._weather.put(observations, alerts)

    async def observations(self, area: str, after: int) -> list[Observation]:
        """Observations of an area after a moment."""
        return await self._weather.observations(area, after)

    async def alerts(self, area: str, ending_after: int) -> list[WeatherAlert]:
        """Alerts of an area that end after a moment."""
        return await self._weather.alerts(area, ending_after)

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

    async def _all_ending(self, after: int) -> list[Document]:
        """What ends after a moment in any scope, but for weather."""
        text = "SELECT * FROM c WHERE c['end'] > @after AND NOT STARTSWITH(c.scope, 'weather:')"
        return [each async for each in self._context.query(text, {"after": after})]


def _order(order: WorkOrder) -> Document:
    identity, ttl = order.work_order_id, time_to_live(order.end)
    return plain(order, id=identity, type="work_order", scope=order.scope, end=order.end, ttl=ttl)
