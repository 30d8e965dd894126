from __future__ import annotations

from dataclasses import replace

import pytest

from functions.domain.alarm_profile import AlarmProfile, Subject, learn
from functions.domain.errors import Conflict
from functions.domain.weather import AlertKind, Observation, WeatherAlert
from functions.domain.work_orders import AssetKind, OrderChange, WorkOrder, WorkOrderStatus
from functions.ports import Stores

HOUR_S = 3_600


def order(name: str = "WO-1", end: int = 2_000, feeder: str = "F", **fields: object) -> WorkOrder:
    return WorkOrder(
        work_order_id=name,
        feeder_id=feeder,
        asset_kind=AssetKind.transformer,
        asset_id="T1",
        start=1_000,
        end=end,
        **fields,
    )


def substation_order(name: str = "WO-S", end: int = 2_000) -> WorkOrder:
    return WorkOrder(work_order_id=name, asset_kind=AssetKind.substation, asset_id="S", start=1_000, end=end)


async def test_orders_of_a_feeder_are_those_that_end_later(stores: Stores) -> None:
    await stores.context.put_orders([order("early", 1_500), order("late", 2_500), order("other", 2_500, "G")])

    assert await stores.context.orders("F", 1_500) == [order("late", 2_500)]
    assert {each.work_order_id for each in await stores.context.orders("F", 1_499)} == {"early", "late"}
    assert await stores.context.orders("nowhere", 0) == []


async def test_orders_of_a_substation_are_by_themselves(stores: Stores) -> None:
    await stores.context.put_orders([order("WO-1"), substation_order("WO-2")])

    assert await stores.context.orders("S", 0) == [substation_order("WO-2")]
    assert [each.work_order_id for each in await stores.context.orders(None, 0)] == ["WO-1", "WO-2"]
    assert await stores.context.orders(None, 2_000) == []


async def test_a_later_order_replaces_an_earlier_one(stores: Stores) -> None:
    assert await stores.context.put_orders([order()]) == [OrderChange(order())]
    changed = order(end=3_000, status=WorkOrderStatus.cancelled, description="crew is ill", updated_at=5)

    assert await stores.context.put_orders([changed]) == [OrderChange(changed, (order(),))]
    assert await stores.context.orders("F", 0) == [changed]


async def test_an_older_version_that_comes_later_changes_nothing(stores: Stores) -> None:
    newer = order(end=3_000, updated_at=5)
    await stores.context.put_orders([newer])

    assert await stores.context.put_orders([order(updated_at=4), order("WO-2")]) == [OrderChange(order("WO-2"))]
    assert await stores.context.orders("F", 0) == [newer, order("WO-2")]


@pytest.mark.parametrize("repeats", [1, 2])
async def test_of_two_orders_with_one_id_at_once_the_last_counts(stores: Stores, repeats: int) -> None:
    for _ in range(repeats):
        await stores.context.put_orders([order(end=2_000), order(end=3_000)])

    assert [each.end for each in await stores.context.orders("F", 0)] == [3_000]


async def test_an_order_that_moves_leaves_its_old_feeder(stores: Stores) -> None:
    await stores.context.put_orders([order(), order("stays")])
    moved = order(feeder="G", updated_at=5)

    assert await stores.context.put_orders([moved]) == [OrderChange(moved, (order(),))]
    assert await stores.context.orders("F", 0) == [order("stays")]
    assert await stores.context.orders("G", 0) == [moved]
    assert await stores.context.put_orders([order(updated_at=4)]) == []
    assert await stores.context.orders("F", 0) == [order("stays")]


async def test_many_orders_are_written_at_once(stores: Stores) -> None:
    many = [order(f"WO-{number:03}") for number in range(250)]
    assert len(await stores.context.put_orders(many)) == 250
    assert await stores.context.orders("F", 0) == many


async def test_an_order_named_like_something_else_is_an_order(stores: Stores) -> None:
    await stores.context.put_weather([Observation(timestamp=9, area="F", wind_mps=1.0)], [])
    await stores.context.put_profile(AlarmProfile("F"))
    await stores.context.put_orders([order("profile"), order("observation")])

    assert [each.work_order_id for each in await stores.context.orders("F", 0)] == ["observation", "profile"]


async def test_observations_come_by_area_and_time(stores: Stores) -> None:
    hours = [Observation(timestamp=hour * HOUR_S, area="S", temperature_c=20.0 + hour) for hour in (3, 1, 2)]
    elsewhere = Observation(timestamp=HOUR_S, temperature_c=5.0, wind_mps=3.0, precipitation_mm=0.5, lightning=2)
    await stores.context.put_weather([*hours, elsewhere], [])

    assert [each.timestamp for each in await stores.context.observations("S", HOUR_S)] == [2 * HOUR_S, 3 * HOUR_S]
    assert await stores.context.observations("*", 0) == [elsewhere]


async def test_an_observation_of_the_same_time_replaces_the_earlier(stores: Stores) -> None:
    for temperature in (20.0, 21.0):
        await stores.context.put_weather([Observation(timestamp=1, temperature_c=temperature)] * 2, [])

    assert await stores.context.observations("*", 0) == [Observation(timestamp=1, temperature_c=21.0)]


async def test_alerts_are_those_that_end_later_by_start(stores: Stores) -> None:
    def alert(name: str, start: int, end: int) -> WeatherAlert:
        return WeatherAlert(alert_id=name, kind=AlertKind.wind, area="S", start=start, end=end)

    await stores.context.put_weather([], [alert("A", 5, 20), alert("B", 1, 30), alert("C", 0, 10)])
    await stores.context.put_weather([Observation(timestamp=15, area="S", wind_mps=1.0)], [alert("A", 6, 21)])

    assert await stores.context.alerts("S", 10) == [alert("B", 1, 30), alert("A", 6, 21)]
    assert await stores.context.alerts("*", 0) == []


async def test_a_feeder_begins_with_a_neutral_profile(stores: Stores) -> None:
    assert await stores.context.profile("F") == AlarmProfile("F")


async def test_a_profile_is_replaced_only_while_it_is_unchanged(stores: Stores) -> None:
    await stores.context.put_profile(learn(AlarmProfile("F"), Subject.voltage, 8, True))
    mine = await stores.context.profile("F")
    await stores.context.put_profile(learn(mine, Subject.pattern, 9, False))

    for stale in (mine, AlarmProfile("F")):
        with pytest.raises(Conflict):
            await stores.context.put_profile(learn(stale, Subject.voltage, 10, True))
    stored = await stores.context.profile("F")
    assert stored.etag not in (None, mine.etag)
    assert replace(stored, etag=None) == learn(
        learn(AlarmProfile("F"), Subject.voltage, 8, True), Subject.pattern, 9, False
    )
