from __future__ import annotations

from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus
from functions.ports import Stores


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


async def test_orders_of_a_feeder_are_those_that_end_later(stores: Stores) -> None:
    await stores.context.put_orders([order("early", 1_500), order("late", 2_500), order("other", 2_500, "G")])

    assert await stores.context.orders("F", 1_500) == [order("late", 2_500)]
    assert {each.work_order_id for each in await stores.context.orders("F", 1_499)} == {"early", "late"}
    assert await stores.context.orders("nowhere", 0) == []


async def test_a_later_order_replaces_an_earlier_one(stores: Stores) -> None:
    await stores.context.put_orders([order()])
    changed = order(end=3_000, status=WorkOrderStatus.cancelled, description="crew is ill")
    await stores.context.put_orders([changed])

    assert await stores.context.orders("F", 0) == [changed]


async def test_of_two_orders_with_one_id_at_once_the_last_counts(stores: Stores) -> None:
    await stores.context.put_orders([order(end=2_000), order(end=3_000)])

    assert [each.end for each in await stores.context.orders("F", 0)] == [3_000]
