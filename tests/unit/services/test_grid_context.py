"""The context service: what is known of a feeder by a moment, fresh enough, and what verdicts teach it."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from functions.application import Application
from functions.domain.alarm_profile import Subject
from functions.domain.errors import Conflict, RejectedDocument, TransientFault
from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus
from functions.services.grid_context import REACH_S, ContextService, weather_of

START = 1_718_582_400
HOUR_S, DAY_S = 3_600, 86_400
WORK = WorkOrder(
    work_order_id="WO", feeder_id="F", asset_kind=AssetKind.feeder, asset_id="F", start=START, end=START + HOUR_S
)


@pytest.fixture
def service(application: Application) -> ContextService:
    return application.context


async def names(service: ContextService, substation_id: str = "S", now: int = START) -> list[str]:
    return [order.work_order_id for order in (await service.of("F", substation_id, now)).orders]


async def test_orders_of_the_feeder_and_of_its_substation_are_known(
    service: ContextService, application: Application
) -> None:
    above = WorkOrder(work_order_id="ABOVE", asset_kind=AssetKind.substation, asset_id="S", start=START, end=START + 1)
    other = msgspec.structs.replace(WORK, work_order_id="OTHER", feeder_id="G", asset_id="G")
    await application.stores.context.put_orders([WORK, above, other])

    assert await names(service) == ["WO", "ABOVE"]
    assert await names(service, "") == ["WO"]
    assert (await service.of("F", "S", START)).substation_id == "S"


async def test_an_order_is_known_from_when_it_was_issued(service: ContextService, application: Application) -> None:
    await application.stores.context.put_orders([msgspec.structs.replace(WORK, issued_at=START + 60)])

    assert await names(service, now=START + 59) == []
    assert await names(service, now=START + 60) == ["WO"]


async def test_what_ended_long_ago_is_left_out(service: ContextService, application: Application) -> None:
    await application.stores.context.put_orders([WORK])

    assert await names(service, now=WORK.end + REACH_S - 1) == ["WO"]
    assert await names(service, now=WORK.end + REACH_S) == []


async def test_a_cancelled_order_is_known_at_once(service: ContextService, application: Application) -> None:
    await application.stores.context.put_orders([WORK])
    assert await names(service) == ["WO"]
    await application.stores.context.put_orders([msgspec.structs.replace(WORK, status=WorkOrderStatus.cancelled)])

    assert [order.status for order in (await service.of("F", "S", START)).orders] == ["cancelled"]


async def test_weather_is_that_of_the_substation_and_else_of_everywhere(service: ContextService) -> None:
    await service.take_weather(weather_of([{"timestamp": START, "wind_mps": 20}], START))
    assert (await service.of("F", "S", START)).weather.influence(START).weight == pytest.approx(1.5)

    await service.take_weather(weather_of([{"timestamp": START, "wind_mps": 2, "area": "S"}], START))
    assert (await service.of("F", "S", START)).weather.influence(START).weight == 1.0
    assert (await service.of("F", "", START)).weather.influence(START).weight == pytest.approx(1.5)


async def test_alerts_count_from_the_substation_and_from_everywhere(service: ContextService) -> None:
    alerts = [
        {"alert_id": area.strip("*"), "kind": "wind", "area": area.strip("A"), "start": START, "end": START + 60}
        for area in ("A*", "AS", "AT")
    ]
    await service.take_weather(weather_of(alerts, START))

    assert {alert.alert_id for alert in (await service.of("F", "S", START)).weather.alerts} == {"A", "AS"}


async def test_weather_another_process_took_is_known_within_a_minute(
    service: ContextService, application: Application
) -> None:
    await service.of("F", "S", START)
    await ContextService(application.stores.context).take_weather(
        weather_of([{"timestamp": START, "wind_mps": 20}], START)
    )

    assert (await service.of("F", "S", START + 59)).weather.influence(START).weight == 1.0
    assert (await service.of("F", "S", START + 60)).weather.influence(START).weight > 1.0


def test_one_observation_at_fault_keeps_the_others_out() -> None:
    good = {"timestamp": START, "wind_mps": 20}
    with pytest.raises(RejectedDocument, match=r"number 2, timestamp: .*future"):
        weather_of([good, {**good, "timestamp": START + DAY_S}], START)


async def test_verdicts_teach_the_profile_of_their_hour(service: ContextService, application: Application) -> None:
    for _ in range(5):
        await service.learn("F", [Subject.pattern], START + 8 * HOUR_S, confirmed=False)

    profile = (await service.of("F", "S", START)).profile
    assert profile.pattern.raised[8] == pytest.approx(4.8, abs=0.1)
    assert sum(profile.pattern.confirmed) == sum(profile.voltage.raised) == 0.0
    assert (await service.of("G", "S", START)).profile.etag is None


async def test_verdicts_given_at_once_all_count(service: ContextService) -> None:
    await asyncio.gather(*(service.learn("F", [Subject.pattern], START, confirmed=True) for _ in range(5)))

    assert (await service.of("F", "S", START)).profile.pattern.confirmed[0] == pytest.approx(4.8, abs=0.1)


async def test_a_profile_that_is_never_free_is_given_back(
    service: ContextService, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(*_: object) -> None:
        raise Conflict("somebody else")

    monkeypatch.setattr(application.stores.context, "put_profile", taken)
    with pytest.raises(TransientFault, match="profile of feeder F"):
        await service.learn("F", [Subject.pattern], START, confirmed=True)
