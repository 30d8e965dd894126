"""Context in Cosmos DB: read again for a request unit, and never behind what another process has written."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from test_context_store import HOUR_S, order

from functions.adapters.azure_stores import AzureStores
from functions.adapters.cosmos.versioned import VersionedPartitions, batches
from functions.domain.errors import Conflict
from functions.domain.weather import AlertKind, Observation, WeatherAlert
from functions.ports import Link

QUERIES = "grid_context query"


@pytest.fixture
async def processes(cosmos: Link) -> AsyncIterator[tuple[AzureStores, AzureStores]]:
    """Two processes over one database."""
    name = f"context-{os.getpid()}"
    async with AsyncExitStack() as stack:
        one, other = (AzureStores.over(cosmos, Link("https://127.0.0.1"), name) for _ in range(2))
        await one.database.provision()
        for each in (other, one):
            stack.push_async_callback(each.close)
        stack.push_async_callback(one.database.drop)
        yield one, other


def spent(process: AzureStores) -> dict[str, float]:
    """Request units for context since they were last taken; a client looks at its account now and then, too."""
    return {name: units for name, units in process.database.usage.take().items() if name.startswith("grid_context")}


async def test_what_has_not_changed_is_read_again_for_one_request_unit(
    processes: tuple[AzureStores, AzureStores],
) -> None:
    writer, reader = processes
    many = [order(f"WO-{number:03}") for number in range(120)]
    await writer.stores.context.put_orders(many)
    assert await reader.stores.context.orders("F", 0) == many
    reader.database.usage.take()

    for after in (0, 1_000):
        assert await reader.stores.context.orders("F", after) == many
    assert await reader.stores.context.orders("F", 2_000) == []
    assert spent(reader) == {"grid_context read": 3.0}


async def test_what_another_process_changes_is_known_at_once(processes: tuple[AzureStores, AzureStores]) -> None:
    writer, reader = processes
    first, moved = order(updated_at=1), order(feeder="G", updated_at=2)
    for scope in ("F", "G"):
        assert await reader.stores.context.orders(scope, 0) == []
    await writer.stores.context.put_orders([first])
    assert await reader.stores.context.orders("F", 0) == [first]
    await writer.stores.context.put_orders([moved])

    assert [await reader.stores.context.orders(scope, 0) for scope in ("F", "G")] == [[], [moved]]


async def test_weather_is_known_at_once_too_and_both_kinds_share_what_was_read(
    processes: tuple[AzureStores, AzureStores],
) -> None:
    writer, reader = processes
    alert = WeatherAlert(alert_id="A", kind=AlertKind.wind, area="S", start=0, end=HOUR_S)
    hours = [Observation(timestamp=hour * HOUR_S, area="S", wind_mps=3.0) for hour in range(1, 151)]
    assert await reader.stores.context.observations("S", 0) == []
    await writer.stores.context.put_weather(hours, [alert])

    assert await reader.stores.context.observations("S", HOUR_S) == hours[1:]
    asked = reader.database.usage.requests[QUERIES]
    assert await reader.stores.context.alerts("S", 0) == [alert]
    assert await reader.stores.context.observations("S", HOUR_S) == hours[1:]
    assert reader.database.usage.requests[QUERIES] == asked


async def test_an_earlier_moment_than_was_asked_for_before_is_read_anew(
    processes: tuple[AzureStores, AzureStores],
) -> None:
    here = processes[0].stores.context
    orders = [order("early", 1_500), order("late", 2_500)]
    await here.put_orders(orders)

    assert await here.orders("F", 2_000) == orders[1:]
    assert await here.orders("F", 0) == orders
    assert await here.orders("F", 2_000) == orders[1:]


async def test_an_order_that_somebody_else_has_just_moved_away_is_no_fault(
    processes: tuple[AzureStores, AzureStores], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (each.stores.context for each in processes)
    await one.put_orders([order(updated_at=1)])
    write = VersionedPartitions.write

    async def removed_before(self: VersionedPartitions, scope: str, operations: Any) -> None:
        if operations[0][0] == "delete":
            await write(self, scope, operations)
        await write(self, scope, operations)

    monkeypatch.setattr(VersionedPartitions, "write", removed_before)
    await one.put_orders([order(feeder="G", updated_at=2)])

    assert await other.orders("F", 0) == []
    assert await other.orders("G", 0) == [order(feeder="G", updated_at=2)]


async def test_hours_that_two_processes_add_to_a_day_at_once_are_all_kept(
    processes: tuple[AzureStores, AzureStores],
) -> None:
    def hour(nth: int) -> Observation:
        return Observation(timestamp=nth * HOUR_S, temperature_c=20.0, wind_mps=None)

    one, other = (each.stores.context for each in processes)
    await asyncio.gather(
        *(where.put_weather([hour(nth)], []) for nth in range(1, 7) for where in (one, other)[nth % 2 :])
    )

    assert await one.observations("*", 0) == [hour(nth) for nth in range(1, 7)]


async def test_three_weeks_of_weather_cost_little_when_an_hour_is_added(
    processes: tuple[AzureStores, AzureStores],
) -> None:
    writer, reader = processes
    await writer.stores.context.put_weather(
        [Observation(timestamp=nth * HOUR_S, wind_mps=1.0) for nth in range(528)], []
    )
    assert len(await reader.stores.context.observations("*", 0)) == 527
    await writer.stores.context.put_weather([Observation(timestamp=528 * HOUR_S, wind_mps=1.0)], [])
    reader.database.usage.take()

    assert len(await reader.stores.context.observations("*", 0)) == 528
    assert sum(spent(reader).values()) < 40


class Lagging:
    """A container whose queries are answered by a replica that is behind for once."""

    def __init__(self) -> None:
        self.behind = True

    async def read(self, *_: str) -> dict[str, str]:
        return {"_etag": "new"}

    async def query(self, *_: object, **__: object) -> AsyncIterator[dict[str, object]]:
        yield {"id": "version:partition", "_etag": "old" if self.behind else "new"}
        if not self.behind:
            yield {"id": "WO", "end": 9}
        self.behind = False


async def test_a_replica_that_is_behind_is_not_believed_for_long() -> None:
    partitions = VersionedPartitions(Lagging())  # type: ignore[arg-type]

    assert await partitions.ending("F", 0) == []
    assert await partitions.ending("F", 0) == [{"id": "WO", "end": 9}]


@pytest.mark.parametrize(("size", "lengths"), [(10, [99, 99, 2]), (400_000, [2] * 100), (1_200_000, [1] * 200)])
def test_a_batch_takes_its_operations_and_its_bytes(size: int, lengths: list[int]) -> None:
    assert [len(batch) for batch in batches([{"text": "x" * size}] * 200)] == lengths


async def test_a_batch_refused_for_a_document_that_is_gone_is_a_conflict(
    processes: tuple[AzureStores, AzureStores],
) -> None:
    context = processes[0].stores.context
    with pytest.raises(Conflict):
        await context._scopes.write("F", [("delete", ("nothing",))])  # type: ignore[attr-defined]
