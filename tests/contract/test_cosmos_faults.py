"""Cosmos DB when it is busy, away, or answers into the void: what the adapters make of it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
from emulators.cosmos.faults import Rule
from emulators.cosmos.process import CosmosServer
from test_anomaly_store import opened as anomaly
from test_delivery_store import claim
from test_incident_store import incident

from functions.adapters.azure_stores import AzureStores
from functions.adapters.clocks import SetClock
from functions.adapters.cosmos.feed import CosmosFeed
from functions.adapters.cosmos.leases import LEASE_S, RENEW_S, CosmosLease
from functions.domain.board import Board, fingerprint
from functions.domain.context import Suppression
from functions.domain.errors import Conflict, SettingError, StoreError, TransientFault
from functions.domain.incidents import Incident
from functions.domain.packs import LAYOUT, Pack
from functions.domain.publication import MOST_OPERATIONS
from functions.domain.troubles import trouble_of
from functions.ports import Link

pytestmark = pytest.mark.skipif(
    "METERSENTRY_TEST_COSMOS" in os.environ, reason="faults are injected into the loopback server"
)


def suppression(meter: str) -> Suppression:
    return Suppression(
        anomaly_id=f"{meter}:no_reads:1", meter_id=meter, feeder_id="F", reason="planned work WO-1", source_id="WO-1",
        start=900, until=9_000, suppressed_at=1_000,
    )  # fmt: skip


PACK = Pack(id="F:0:0", feeder_id="F", layout=LAYOUT, data=b"state")


@pytest.fixture(scope="module")
def server() -> Iterator[CosmosServer]:
    with CosmosServer() as running:
        yield running


@pytest.fixture
async def azure(server: CosmosServer) -> AsyncIterator[AzureStores]:
    server.reset()
    connection = f"AccountEndpoint={server.url}/;AccountKey={server.key};"
    opened = AzureStores.over(Link(connection=connection), Link("https://127.0.0.1"))
    await opened.database.provision()
    yield opened
    server.clear_faults()
    await opened.close()


async def test_a_throttled_account_is_waited_for(azure: AzureStores, server: CosmosServer) -> None:
    server.set_faults(Rule("throttle", times=5, retry_after_ms=5))
    assert await azure.stores.packs.write([PACK]) != [None]
    assert server.struck() == [5]


@pytest.mark.parametrize("effect", ["throttle", "unavailable", "error", "cut"])
async def test_an_account_that_stays_away_is_a_transient_fault(
    azure: AzureStores, server: CosmosServer, effect: str
) -> None:
    server.set_faults(Rule(effect, times=None, retry_after_ms=5))
    with pytest.raises(TransientFault, match="tried again"):
        await azure.stores.packs.write([PACK])
    with pytest.raises(TransientFault):
        await azure.stores.packs.read([PACK.id])
    with pytest.raises(TransientFault):
        await azure.stores.packs.due(10, 10)
    server.clear_faults()
    assert await azure.stores.packs.read([PACK.id]) == {}


@pytest.mark.parametrize("effect", ["unavailable", "error", "cut"])
async def test_a_short_fault_is_not_noticed(azure: AzureStores, server: CosmosServer, effect: str) -> None:
    server.set_faults(Rule(effect, times=2))
    (etag,) = await azure.stores.packs.write([PACK])
    server.set_faults(Rule(effect, times=2))
    assert await azure.stores.packs.write([msgspec.structs.replace(PACK, etag=etag)]) != [None]
    server.set_faults(Rule(effect, times=2))
    assert set(await azure.stores.packs.read([PACK.id])) == {PACK.id}


async def test_a_pack_whose_reply_was_lost_counts_as_changed_and_is_there(
    azure: AzureStores, server: CosmosServer
) -> None:
    (etag,) = await azure.stores.packs.write([PACK])
    server.set_faults(Rule("drop_reply", operation="replace"))
    changed = msgspec.structs.replace(PACK, data=b"changed", etag=etag)
    assert await azure.stores.packs.write([changed]) == [None]
    assert (await azure.stores.packs.read([PACK.id]))[PACK.id].data == b"changed"


async def test_a_claim_whose_reply_was_lost_is_still_ours(azure: AzureStores, server: CosmosServer) -> None:
    server.set_faults(Rule("drop_reply", operation="create"))
    assert await azure.stores.deliveries.claim(claim()) is True
    assert server.struck() == [1]
    assert await azure.stores.deliveries.claim(claim()) is False


async def test_anomalies_whose_reply_was_lost_are_inserted_once(azure: AzureStores, server: CosmosServer) -> None:
    records = [anomaly(f"M{number}", 900) for number in range(3)]
    server.set_faults(Rule("drop_reply", operation="batch"))
    await azure.stores.anomalies.insert(records)
    feed = CosmosFeed(azure.database, "anomalies", "test", "me", SetClock(0))
    assert sorted(each["id"] for each in await feed.read(100)) == [each.id for each in records]


async def test_a_step_whose_reply_was_lost_is_a_conflict_and_is_there(azure: AzureStores, server: CosmosServer) -> None:
    server.set_faults(Rule("drop_reply", operation="batch"))
    with pytest.raises(Conflict):
        await azure.stores.incidents.commit(Board(feeder_id="F"), [incident()], [], [])
    assert [each.id for each in await azure.stores.incidents.latest(state=None, feeder_id=None, limit=10)] == [
        incident().id
    ]


async def test_the_largest_step_fits_one_batch_and_a_larger_one_changes_nothing(azure: AzureStores) -> None:
    def incidents(count: int) -> list[Incident]:
        return [msgspec.structs.replace(incident(), id=f"i{n}:r1", incident_id=f"i{n}") for n in range(count)]

    fits = (MOST_OPERATIONS - 2) // 2
    lines = [suppression(f"M{number}") for number in range(500)]
    await azure.stores.incidents.commit(Board(feeder_id="F"), incidents(fits), lines, [])
    assert len(await azure.stores.incidents.latest(state=None, feeder_id=None, limit=1_000)) == fits
    assert len(await azure.stores.incidents.suppressions(None, 1_000)) == 500

    with pytest.raises(StoreError):
        await azure.stores.incidents.commit(Board(feeder_id="G"), incidents(fits + 1), lines, [])


async def test_a_board_of_a_storm_fits_a_document(azure: AzureStores) -> None:
    held = Board(feeder_id="F")
    for number in range(20_000):
        one = anomaly(f"MTR-{number:06}", 1_700_000_000 + number % 7 * 900)
        held.suppressed[one.anomaly_id] = (suppression(one.meter_id), trouble_of(one, one.start))
        held.handled.setdefault(19_675, []).append(fingerprint(one.id))
    await azure.stores.incidents.commit(held, [], [], [])
    assert len((await azure.stores.incidents.board(held.feeder_id)).suppressed) == len(held.suppressed)


async def test_a_container_that_is_missing_says_who_makes_it(server: CosmosServer) -> None:
    server.reset()
    connection = f"AccountEndpoint={server.url}/;AccountKey={server.key};"
    opened = AzureStores.over(Link(connection=connection), Link("https://127.0.0.1"), "nothing-here")
    with pytest.raises(StoreError, match="infra/"):
        await opened.stores.packs.read([PACK.id])
    await opened.close()


@pytest.mark.parametrize("connection", ["AccountKey=a", "AccountEndpoint=http://127.0.0.1:1/", "nonsense"])
async def test_half_a_connection_string_is_named(connection: str) -> None:
    opened = AzureStores.over(Link(connection=connection), Link("https://127.0.0.1"))
    with pytest.raises(SettingError, match="COSMOS has no Account"):
        await opened.stores.packs.read(["F:0:0"])
    await opened.close()


async def test_one_reader_at_a_time_and_the_next_goes_on_where_it_stopped(azure: AzureStores) -> None:
    clock = SetClock(1_000)
    mine, other = (CosmosFeed(azure.database, "anomalies", "test", owner, clock) for owner in ("me", "you"))
    await azure.stores.anomalies.insert([anomaly("A", 900), anomaly("B", 900)])
    first = await mine.read(1)
    assert await other.read(10) == []
    assert await mine.read(1) == first  # the same again until it is handled
    await mine.advance()
    second = await mine.read(1)
    assert first != second

    clock.set(1_000 + LEASE_S + RENEW_S)  # it died before it handled the second
    assert await other.read(10) == second
    await other.advance()
    await mine.advance()
    assert await other.read(10) == []


async def test_a_lease_is_kept_while_it_is_renewed_and_lost_when_it_is_not(azure: AzureStores) -> None:
    clock = SetClock(0)
    mine, other = (CosmosLease(azure.database, "timers", owner, clock) for owner in ("me", "you"))
    assert await mine.hold()
    for moment in range(0, 10 * LEASE_S, RENEW_S):
        clock.set(moment)
        assert await mine.hold()
        assert not await other.hold()
    clock.set(clock.now() + LEASE_S + RENEW_S)
    assert await other.hold()
    assert not await mine.move("too late")
    assert not await mine.hold()
    assert other.place is None
