"""Weather in Cosmos DB: an area is a partition, and what its station measured on one day is one document.

Three weeks of hours are read whenever an hour has been added: as thirty documents they cost a tenth of what they would
cost one by one.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from functions.adapters.cosmos.container import CosmosContainer, Document, plain
from functions.adapters.cosmos.schema import DAY_S, time_to_live
from functions.adapters.cosmos.versioned import VersionedPartitions, batches
from functions.domain.errors import Conflict, TransientFault
from functions.domain.weather import Observation, WeatherAlert

ATTEMPTS = 8


class CosmosWeather:
    """The weather of a `ContextStore`."""

    def __init__(self, container: CosmosContainer, scopes: VersionedPartitions) -> None:
        self._container = container
        self._scopes = scopes

    async def put(self, observations: Iterable[Observation], alerts: Iterable[WeatherAlert]) -> None:
        """Write weather."""
        seen: dict[str, list[Observation]] = defaultdict(list)
        warned: dict[str, dict[str, Document]] = defaultdict(dict)
        for told in observations:
            seen[told.area].append(told)
        for alert in alerts:
            warned[alert.area][alert.alert_id] = _alert(alert)
        areas = seen.keys() | warned.keys()
        await asyncio.gather(*(self._put(area, seen[area], list(warned[area].values())) for area in sorted(areas)))

    async def _put(self, area: str, observations: Sequence[Observation], alerts: Sequence[Document]) -> None:
        by_day: dict[str, dict[int, Document]] = defaultdict(dict)
        for each in observations:
            by_day[_day(each.timestamp)][each.timestamp] = _measured(each)
        for _ in range(ATTEMPTS):
            try:
                return await self._merge(area, by_day, alerts)
            except Conflict:
                continue
        raise TransientFault(f"the weather of area {area} changes faster than it can be written; try again")

    async def _merge(self, area: str, by_day: Mapping[str, dict[int, Document]], alerts: Sequence[Document]) -> None:
        """Add to the days that are stored; those that are not are made."""
        scope = _sky(area)
        stored = await asyncio.gather(*(self._container.read(scope, day) for day in by_day))
        documents, etags = list(alerts), dict[str, str]()
        for (day, new), found in zip(by_day.items(), stored, strict=True):
            before = [] if found is None else found["observations"]
            hours = {each["timestamp"]: each for each in before} | new
            documents.append(_whole_day(scope, day, [hours[at] for at in sorted(hours)]))
            if found is not None:
                etags[day] = found["_etag"]
        for batch in batches(documents):
            await self._scopes.write(scope, [_operation(each, etags.get(each["id"])) for each in batch])

    async def observations(self, area: str, after: int) -> list[Observation]:
        """Observations of an area after a moment."""
        found = await self._scopes.ending(_sky(area), after)
        hours = [hour for day in found if day["type"] == "observations" for hour in day["observations"]]
        observations = [msgspec.convert({**hour, "area": area}, Observation) for hour in hours]
        return sorted((each for each in observations if each.timestamp > after), key=lambda each: each.timestamp)

    async def alerts(self, area: str, ending_after: int) -> list[WeatherAlert]:
        """Alerts of an area that end after a moment."""
        found = await self._scopes.ending(_sky(area), ending_after)
        alerts = [msgspec.convert(each, WeatherAlert) for each in found if each["type"] == "alert"]
        return sorted(alerts, key=lambda each: (each.start, each.alert_id))


def _sky(area: str) -> str:
    """The partition of an area's weather, apart from the orders of the substation that it is named for."""
    return f"weather:{area}"


def _day(timestamp: int) -> str:
    return f"observations:{timestamp // DAY_S}"


def _measured(told: Observation) -> Document:
    """One hour in the document of its day, without its area and what was not measured."""
    return {name: value for name, value in msgspec.structs.asdict(told).items() if name != "area" and value is not None}


def _whole_day(scope: str, day: str, hours: list[Document]) -> Document:
    end = hours[-1]["timestamp"]
    return {
        "id": day, "type": "observations", "scope": scope, "end": end, "ttl": time_to_live(end), "observations": hours,
    }  # fmt: skip


def _alert(alert: WeatherAlert) -> Document:
    identity, ttl = f"alert:{alert.alert_id}", time_to_live(alert.end)
    return plain(alert, id=identity, type="alert", scope=_sky(alert.area), end=alert.end, ttl=ttl)


def _operation(document: Document, etag: str | None) -> tuple[Any, ...]:
    if etag is not None:
        return "replace", (document["id"], document), {"if_match_etag": etag}
    return ("upsert" if document["type"] == "alert" else "create"), (document,)
