"""Context service: what is known of one feeder at one moment, and what operators' verdicts teach of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from functions.domain.alarm_profile import Subject, hour_of_week, learn
from functions.domain.context import DEFAULT_BUFFER_S, DEFAULT_WEIGHT_MAX, GridContext
from functions.domain.documents import Document, read_each
from functions.domain.errors import Conflict, TransientFault
from functions.domain.weather import EVERYWHERE, USUAL_DAYS, Observation, WeatherAlert, WeatherSeries
from functions.domain.work_orders import WorkOrder
from functions.ports import ContextStore

REACH_S = 30 * 86_400
"""Orders and alerts that ended longer ago than this explain nothing that can still arrive."""
WEATHER_REACH_S = (USUAL_DAYS + 8) * 86_400
"""What an anomaly of a week ago is compared with."""
WEATHER_CACHED_S = 60
"""Weather changes by the hour, and every feeder below a substation asks for the same; orders are never cached."""
ATTEMPTS = 8


Weather = Observation | WeatherAlert


class WeatherTaken(NamedTuple):
    """How many of each were stored."""

    observations: int
    alerts: int


def weather_of(documents: Sequence[Document], now: int) -> list[Weather]:
    """Observations, and alerts, which have an `alert_id`, as somebody told them.

    Raises `RejectedDocument` with the position of the first at fault.
    """

    def read(document: Document) -> Weather:
        return WeatherAlert.of(document) if "alert_id" in document else Observation.of(document, now)

    return read_each(documents, read)


def name_of(told: Weather) -> str:
    """What a record names it by.

    >>> name_of(Observation(timestamp=3_600, area="S"))
    'S 3600'
    """
    return told.alert_id if isinstance(told, WeatherAlert) else f"{told.area} {told.timestamp}"


class ContextService:
    """Reads the context store for `assess`."""

    def __init__(
        self, store: ContextStore, *, buffer_s: int = DEFAULT_BUFFER_S, weight_max: float = DEFAULT_WEIGHT_MAX
    ) -> None:
        self._store = store
        self._buffer_s = buffer_s
        self._weight_max = weight_max
        self._weather: dict[str, tuple[WeatherSeries, int]] = {}

    async def of(self, feeder_id: str, substation_id: str, now: int) -> GridContext:
        """What is known of a feeder by `now`; of its substation too, where that is known (else empty)."""
        orders, weather, profile = await asyncio.gather(
            self._orders(feeder_id, substation_id, now),
            self._series(substation_id, now),
            self._store.profile(feeder_id),
        )
        return GridContext(
            orders=orders,
            weather=weather,
            profile=profile,
            substation_id=substation_id,
            buffer_s=self._buffer_s,
            weight_max=self._weight_max,
        )

    async def take_weather(self, told: Sequence[Weather]) -> WeatherTaken:
        """Store observations and alerts."""
        observations = [each for each in told if isinstance(each, Observation)]
        alerts = [each for each in told if isinstance(each, WeatherAlert)]
        await self._store.put_weather(observations, alerts)
        self._weather.clear()
        return WeatherTaken(len(observations), len(alerts))

    async def learn(self, feeder_id: str, about: Iterable[Subject], moment: int, confirmed: bool) -> None:
        """Teach a feeder's profile whether an alarm of a moment was real; raises `TransientFault`."""
        subjects = sorted(about)
        if not subjects:
            return
        for _ in range(ATTEMPTS):
            profile = await self._store.profile(feeder_id)
            for subject in subjects:
                profile = learn(profile, subject, hour_of_week(moment), confirmed)
            try:
                await self._store.put_profile(profile)
            except Conflict:
                continue
            return
        raise TransientFault(
            f"the alarm profile of feeder {feeder_id} changes faster than it can be written; try again"
        )

    async def _orders(self, feeder_id: str, substation_id: str, now: int) -> tuple[WorkOrder, ...]:
        scopes = {feeder_id, substation_id} - {""}
        found = await asyncio.gather(*(self._store.orders(scope, now - REACH_S) for scope in sorted(scopes)))
        return tuple(order for some in found for order in some if order.issued_at <= now)

    async def _series(self, substation_id: str, now: int) -> WeatherSeries:
        """Weather of the substation; where it has no station, of the whole utility."""
        area = substation_id or EVERYWHERE
        cached = self._weather.get(area)
        if cached is None or not 0 <= now - cached[1] < WEATHER_CACHED_S:
            cached = self._weather[area] = (await self._read(area, now), now)
        return cached[0]

    async def _read(self, area: str, now: int) -> WeatherSeries:
        areas = dict.fromkeys((area, EVERYWHERE))
        stations = await asyncio.gather(*(self._store.observations(each, now - WEATHER_REACH_S) for each in areas))
        alerts = await asyncio.gather(*(self._store.alerts(each, now - REACH_S) for each in areas))
        return WeatherSeries(
            next((observations for observations in stations if observations), ()),
            [alert for some in alerts for alert in some],
        )
