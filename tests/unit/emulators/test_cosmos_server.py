"""The loopback Cosmos DB, as the unmodified SDK meets it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import AioHttpTransport
from azure.cosmos import PartitionKey
from azure.cosmos.aio import ContainerProxy, CosmosClient, DatabaseProxy
from azure.cosmos.exceptions import (
    CosmosAccessConditionFailedError,
    CosmosBatchOperationError,
    CosmosHttpResponseError,
    CosmosResourceExistsError,
    CosmosResourceNotFoundError,
)
from emulators.cosmos import KEY, CosmosServer
from emulators.cosmos.faults import Rule

TESTS = Path(__file__).resolve().parents[2]
UNCHANGED = MatchConditions.IfNotModified
LEAN_POLICY = {
    "indexingMode": "consistent",
    "includedPaths": [{"path": "/kind/?"}, {"path": "/tags/[]/?"}],
    "excludedPaths": [{"path": "/*"}],
}


@pytest.fixture(scope="module")
def process() -> Iterator[CosmosServer]:
    with CosmosServer() as running:
        yield running


@pytest.fixture
def server(process: CosmosServer) -> CosmosServer:
    process.reset()
    return process


def connect(server: CosmosServer, **options: Any) -> CosmosClient:
    transport = AioHttpTransport(use_env_settings=False)
    return CosmosClient(server.url, server.key, transport=transport, enable_endpoint_discovery=False, **options)


@pytest.fixture
async def database(server: CosmosServer) -> AsyncIterator[DatabaseProxy]:
    async with connect(server) as client:
        yield await client.create_database("db")


@pytest.fixture
async def items(database: DatabaseProxy) -> ContainerProxy:
    """Everything indexed, by feeder."""
    return await database.create_container("items", PartitionKey("/feeder_id"), default_ttl=-1)


@pytest.fixture
async def lean(database: DatabaseProxy) -> ContainerProxy:
    """Two paths indexed, by feeder."""
    return await database.create_container("lean", PartitionKey("/feeder_id"), indexing_policy=LEAN_POLICY)


def item(item_id: str, feeder_id: str = "F1", **more: Any) -> dict[str, Any]:
    return {"id": item_id, "feeder_id": feeder_id, **more}


async def ids(rows: AsyncIterator[dict[str, Any]]) -> list[str]:
    return [row["id"] async for row in rows]


async def query(container: ContainerProxy, sql: str, feeder_id: str | None = "F1", **parameters: Any) -> list[Any]:
    named = [{"name": f"@{name}", "value": value} for name, value in parameters.items()]
    options = {} if feeder_id is None else {"partition_key": feeder_id}
    return [row async for row in container.query_items(sql, parameters=named, **options)]


def charge(container: ContainerProxy) -> float:
    return float(container.client_connection.last_response_headers["x-ms-request-charge"])


# Databases and containers


async def test_settings_of_a_container_are_kept(database: DatabaseProxy) -> None:
    await database.create_container_if_not_exists(
        "packs", PartitionKey("/id"), indexing_policy=LEAN_POLICY, default_ttl=60
    )
    again = await database.create_container_if_not_exists("packs", PartitionKey("/id"))
    properties = await again.read()
    assert properties["partitionKey"]["paths"] == ["/id"]
    assert properties["indexingPolicy"] == LEAN_POLICY
    assert properties["defaultTtl"] == 60
    assert [container["id"] async for container in database.list_containers()] == ["packs"]
    with pytest.raises(CosmosResourceExistsError):
        await database.create_container("packs", PartitionKey("/id"))


async def test_what_was_deleted_is_gone(server: CosmosServer, database: DatabaseProxy, items: ContainerProxy) -> None:
    await database.delete_container("items")
    with pytest.raises(CosmosResourceNotFoundError):
        await items.read()
    async with connect(server) as client:
        assert [each["id"] async for each in client.list_databases()] == ["db"]
        await client.delete_database("db")
        assert [each["id"] async for each in client.list_databases()] == []


async def test_client_finds_a_container_that_was_created_anew(database: DatabaseProxy, items: ContainerProxy) -> None:
    await items.create_item(item("a"))
    await database.delete_container("items")
    await database.create_container("items", PartitionKey("/feeder_id"))
    await items.create_item(item("b"))
    assert await ids(items.read_all_items()) == ["b"]


async def test_policy_without_the_root_path_is_refused(database: DatabaseProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="root path"):
        await database.create_container("c", PartitionKey("/id"), indexing_policy={"includedPaths": [{"path": "/a/?"}]})


@pytest.mark.parametrize("headers", [{}, {"authorization": "type%3Dmaster%26ver%3D1.0%26sig%3Dd3Jvbmc%3D"}])
def test_a_wrong_signature_is_refused(server: CosmosServer, headers: dict[str, str]) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(urllib.request.Request(server.url, headers=headers))
    with refused.value as answer:
        assert answer.status == 401


# Items


async def test_an_item_lives_from_create_to_delete(items: ContainerProxy) -> None:
    created = await items.create_item(item("ä id: 1", x=1))
    assert (await items.read_item(created["id"], "F1"))["x"] == 1
    replaced = await items.replace_item(created["id"], {**created, "x": 2})
    assert replaced["_etag"] != created["_etag"]
    assert (await items.upsert_item({**replaced, "x": 3}))["x"] == 3
    await items.delete_item(created["id"], "F1")
    with pytest.raises(CosmosResourceNotFoundError):
        await items.read_item(created["id"], "F1")


async def test_an_id_is_unique_within_its_partition_only(items: ContainerProxy) -> None:
    await items.create_item(item("a", "F1"))
    await items.create_item(item("a", "F2"))
    with pytest.raises(CosmosResourceExistsError):
        await items.create_item(item("a", "F1"))


@pytest.mark.parametrize("verb", ["replace", "delete", "patch"])
async def test_a_verb_on_what_is_not_there_is_not_found(items: ContainerProxy, verb: str) -> None:
    with pytest.raises(CosmosResourceNotFoundError):
        await change(items, verb, "absent")


@pytest.mark.parametrize("verb", ["replace", "upsert", "delete", "patch"])
async def test_a_stale_etag_fails_and_the_fresh_one_passes(items: ContainerProxy, verb: str) -> None:
    stale = (await items.create_item(item("a", x=0)))["_etag"]
    fresh = (await items.upsert_item(item("a", x=1)))["_etag"]
    with pytest.raises(CosmosAccessConditionFailedError):
        await change(items, verb, "a", etag=stale, match_condition=UNCHANGED)
    assert (await items.read_item("a", "F1"))["x"] == 1
    await change(items, verb, "a", etag=fresh, match_condition=UNCHANGED)


async def change(container: ContainerProxy, verb: str, item_id: str, **conditions: Any) -> None:
    if verb == "replace":
        await container.replace_item(item_id, item(item_id), **conditions)
    elif verb == "upsert":
        await container.upsert_item(item(item_id), **conditions)
    elif verb == "delete":
        await container.delete_item(item_id, "F1", **conditions)
    else:
        await container.patch_item(item_id, "F1", [{"op": "set", "path": "/x", "value": 9}], **conditions)


async def test_a_minimal_answer_has_the_etag_alone(items: ContainerProxy) -> None:
    answer = await items.create_item(item("a"), no_response=True)
    assert dict(answer) == {}
    assert answer.get_response_headers()["etag"] == (await items.read_item("a", "F1"))["_etag"]


async def test_patch_operations(items: ContainerProxy) -> None:
    await items.create_item(item("a", n=1, list=[1, 3], old="x", gone=True, deep={"y": 1}))
    operations = [
        {"op": "incr", "path": "/n", "value": 2},
        {"op": "add", "path": "/list/1", "value": 2},
        {"op": "move", "from": "/old", "path": "/new"},
        {"op": "remove", "path": "/gone"},
        {"op": "replace", "path": "/deep/y", "value": 2},
    ]
    await items.patch_item("a", "F1", operations, filter_predicate="from c where c.n = 1")
    patched = await items.read_item("a", "F1")
    own = {name: value for name, value in patched.items() if not name.startswith("_")}
    assert own == item("a", n=3, list=[1, 2, 3], new="x", deep={"y": 2})
    with pytest.raises(CosmosAccessConditionFailedError):
        await items.patch_item("a", "F1", operations, filter_predicate="from c where c.n = 1")
    with pytest.raises(CosmosHttpResponseError, match="does not exist"):
        await items.patch_item("a", "F1", [{"op": "replace", "path": "/none", "value": 1}])
    with pytest.raises(CosmosHttpResponseError, match="partition key"):
        await items.patch_item("a", "F1", [{"op": "set", "path": "/feeder_id", "value": "F2"}])


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_document_above_two_megabytes_is_refused(items: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        await items.create_item(item("a", text="x" * 2 * 1024 * 1024))
    assert refused.value.status_code == 413
    await items.create_item(item("b", text="x" * (2 * 1024 * 1024 - 100)))


async def test_items_expire_by_their_own_ttl_or_the_default(server: CosmosServer, database: DatabaseProxy) -> None:
    container = await database.create_container("brief", PartitionKey("/feeder_id"), default_ttl=100)
    for entry in (item("default"), item("longer", ttl=200), item("forever", ttl=-1)):
        await container.create_item(entry)
    assert len(await query(container, "SELECT * FROM c")) == 3
    server.shift_clock(101)
    assert await query(container, "SELECT VALUE c.id FROM c") == ["longer", "forever"]
    server.shift_clock(201)
    assert await ids(container.query_items_change_feed(start_time="Beginning")) == ["forever"]
    with pytest.raises(CosmosResourceNotFoundError):
        await container.read_item("longer", "F1")
    await container.create_item(item("longer"))


async def test_a_ttl_means_nothing_where_the_container_has_none(server: CosmosServer, lean: ContainerProxy) -> None:
    await lean.create_item(item("a", ttl=1))
    server.shift_clock(1000)
    await lean.read_item("a", "F1")


async def test_read_items_across_partitions(items: ContainerProxy) -> None:
    for number in range(6):
        await items.create_item(item(f"i{number}", f"F{number % 2}"))
    wanted = [("i5", "F1"), ("i0", "F0"), ("i9", "F0")]
    assert [each["id"] for each in await items.read_items(wanted)] == ["i5", "i0"]
    same = [("i2", "F0"), ("i4", "F0")]
    assert [each["id"] for each in await items.read_items(same)] == ["i2", "i4"]


# Transactional batches


async def test_a_batch_does_everything(items: ContainerProxy) -> None:
    old = await items.create_item(item("old", x=1))
    results = await items.execute_item_batch(
        [
            ("create", (item("new"),)),
            ("upsert", (item("either"),)),
            ("replace", ("old", item("old", x=2)), {"if_match_etag": old["_etag"]}),
            ("patch", ("old", [{"op": "incr", "path": "/x", "value": 1}])),
            ("read", ("old",)),
            ("delete", ("new",)),
        ],
        partition_key="F1",
    )
    assert [result["statusCode"] for result in results] == [201, 201, 200, 200, 200, 204]
    assert results[4]["resourceBody"]["x"] == 3
    assert await query(items, "SELECT VALUE c.id FROM c") == ["old", "either"]


async def test_a_batch_that_fails_leaves_nothing(items: ContainerProxy) -> None:
    await items.create_item(item("there", x=1))
    operations = [
        ("create", (item("a"),)),
        ("replace", ("there", item("there", x=2))),
        ("create", (item("there"),)),
        ("create", (item("b"),)),
    ]
    with pytest.raises(CosmosBatchOperationError) as failed:
        await items.execute_item_batch(operations, partition_key="F1")
    assert [result["statusCode"] for result in failed.value.operation_responses] == [424, 424, 409, 424]
    assert [(each["id"], each["x"]) for each in await query(items, "SELECT * FROM c")] == [("there", 1)]
    assert await ids(items.query_items_change_feed(start_time="Beginning")) == ["there"]


@pytest.mark.filterwarnings("ignore:Sending a large body:ResourceWarning")
async def test_a_batch_has_limits(items: ContainerProxy) -> None:
    hundred = [("upsert", (item(f"i{number}"),)) for number in range(100)]
    await items.execute_item_batch(hundred, partition_key="F1")
    with pytest.raises(CosmosHttpResponseError, match="at most 100") as refused:
        await items.execute_item_batch([*hundred, hundred[0]], partition_key="F1")
    assert refused.value.status_code == 400
    large = [("upsert", (item(f"i{number}", text="x" * 1024 * 1024),)) for number in range(2)]
    with pytest.raises(CosmosHttpResponseError) as refused:
        await items.execute_item_batch(large, partition_key="F1")
    assert refused.value.status_code == 413


# Queries


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("c.n = 2", "b"),
        ("c.n != 2", "ad"),
        ("c.n <> 2 AND c.n >= 1", "ad"),
        ("NOT c.n = 2", "ad"),
        ("c.n < 2 OR c.n > 2", "ad"),
        ("NOT (c.n < 2 OR c.kind = 'y')", "b"),
        ("c.n IN (1, @two)", "ab"),
        ("NOT c.n IN (1, 2)", "d"),
        ("c.n = '2'", ""),
        ("c.n = null", "c"),
        ("IS_NULL(c.n)", "c"),
        ("NOT IS_DEFINED(c.n)", "e"),
        ("IS_DEFINED(c.n) = false", "e"),
        ("c.n = 1 OR c.kind = 'x'", "abe"),
        ("c.on", "a"),
        ("c.on = true", "a"),
        ("c.on = 1", ""),
        ("STARTSWITH(c.kind, 'x')", "abe"),
        ("ARRAY_CONTAINS(c.tags, 't2')", "c"),
        ('c["deep"]["v"] = 1.5', "d"),
        ('c.kind = "x" AND (c.n = 1 OR c.n = @two)', "ab"),
        ("c.id IN ('a', 'e', 'z')", "ae"),
        ("(c.id = 'a' AND c.feeder_id = 'F1') OR (c.id = 'b' AND c.feeder_id = 'F9')", "a"),
    ],
)
async def test_filters(items: ContainerProxy, condition: str, expected: str) -> None:
    for entry in (
        item("a", n=1, kind="x", on=True),
        item("b", n=2, kind="x", on="yes"),
        item("c", n=None, kind="y", tags=["t1", "t2"]),
        item("d", n=3, kind="y", deep={"v": 1.5}, tags=[]),
        item("e", kind="x"),
    ):
        await items.create_item(entry)
    for feeder_id in ("F1", None):
        found = await query(items, f"SELECT VALUE c.id FROM c WHERE {condition}", feeder_id, two=2)
        assert "".join(sorted(found)) == expected


async def test_shapes_of_rows(items: ContainerProxy) -> None:
    await items.create_item(item("a", n=1, deep={"v": 2}))
    await items.create_item(item("b"))
    await items.create_item(item("c", "F2", n=3))
    assert await query(items, "SELECT c.id, c.deep.v AS w FROM c") == [{"id": "a", "w": 2}, {"id": "b"}]
    assert await query(items, "SELECT VALUE c.n FROM c", None) == [1, 3]
    assert await query(items, "SELECT VALUE COUNT(1) FROM c", None) == [3]
    assert await query(items, "SELECT VALUE COUNT(1) FROM c WHERE c.n > 1", None) == [1]
    assert [row["_ts"] > 0 for row in await query(items, "SELECT * FROM root WHERE root.n = 3", "F2")] == [True]


async def test_order_and_bounds(items: ContainerProxy) -> None:
    for name, n in zip("abcde", (3, 1, 2, "x", None), strict=True):
        await items.create_item(item(name, n=n))
    await items.create_item(item("f"))
    by_n = "SELECT VALUE c.id FROM c ORDER BY c.n"
    assert await query(items, by_n) == ["e", "b", "c", "a", "d"]
    assert await query(items, f"{by_n} DESC") == ["d", "a", "c", "b", "e"]
    assert await query(items, f"{by_n} ASC OFFSET 1 LIMIT 2") == ["b", "c"]
    assert await query(items, "SELECT TOP 2 VALUE c.id FROM c ORDER BY c.n") == ["e", "b"]
    assert await query(items, "SELECT TOP @n VALUE c.id FROM c", n=1) == ["a"]


async def test_order_by_a_path_named_in_the_policy_returns_what_lacks_it(lean: ContainerProxy) -> None:
    await lean.create_item(item("a", kind="x"))
    await lean.create_item(item("b"))
    assert await query(lean, "SELECT VALUE c.id FROM c ORDER BY c.kind") == ["b", "a"]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT DISTINCT c.a FROM c", "DISTINCT"),
        ("SELECT * FROM c JOIN t IN c.tags", "JOIN"),
        ("SELECT VALUE SUM(c.n) FROM c", "SUM"),
        ("SELECT * FROM c WHERE CONTAINS(c.a, 'x')", "CONTAINS"),
        ("SELECT * FROM c WHERE c.a LIKE 'x%'", "LIKE"),
        ("SELECT * FROM c WHERE c.a ; 1", ";"),
        ("SELECT * FROM c WHERE d.a = 1", "'d'"),
        ("SELECT * FROM c ORDER BY c.a, c.b", ", c.b"),
        ("SELECT * FROM c WHERE c.a = @missing", "@missing"),
        ("SELECT * FROM c WHERE", "WHERE"),
    ],
)
async def test_sql_not_covered_is_refused_with_its_text(items: ContainerProxy, sql: str, text: str) -> None:
    with pytest.raises(CosmosHttpResponseError) as refused:
        await query(items, sql)
    assert refused.value.status_code == 400
    assert text in refused.value.message


async def test_pages_lose_nothing_when_items_change_between_them(items: ContainerProxy) -> None:
    for number in range(10):
        await items.create_item(item(f"i{number}", due=number))
    pages = items.query_items(
        "SELECT * FROM c WHERE c.due < 100 ORDER BY c.due", partition_key="F1", max_item_count=4
    ).by_page()
    seen = []
    async for page in pages:
        rows = [row async for row in page]
        assert len(rows) <= 4
        for row in rows:
            await items.upsert_item(item(row["id"], due=1000))
            seen.append(row["id"])
    assert seen == [f"i{number}" for number in range(10)]


async def test_a_bound_counts_across_pages(items: ContainerProxy) -> None:
    for number in range(10):
        await items.create_item(item(f"i{number}", n=number))
    rows = items.query_items("SELECT * FROM c ORDER BY c.n OFFSET 2 LIMIT 5", partition_key="F1", max_item_count=2)
    assert await ids(rows) == ["i2", "i3", "i4", "i5", "i6"]


# The index


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM c WHERE c.state = 1",
        "SELECT * FROM c WHERE c.feeder_id = 'F1' AND c.state = 1",
        "SELECT * FROM c WHERE c.kind = 'x' OR IS_DEFINED(c.state)",
        "SELECT * FROM c WHERE c.kind.deeper = 1",
        "SELECT * FROM c WHERE ARRAY_CONTAINS(c.state, 1)",
        "SELECT * FROM c ORDER BY c.state",
        "SELECT * FROM c ORDER BY c.feeder_id",
    ],
)
async def test_a_query_beside_the_index_is_refused(lean: ContainerProxy, sql: str) -> None:
    with pytest.raises(CosmosHttpResponseError, match="indexing policy") as refused:
        await query(lean, sql)
    assert refused.value.status_code == 400


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT VALUE c.id FROM c",
        "SELECT VALUE c.id FROM c WHERE c.kind = 'x'",
        "SELECT VALUE c.id FROM c WHERE ARRAY_CONTAINS(c.tags, 't')",
        "SELECT VALUE c.id FROM c WHERE c.feeder_id = 'F1' AND c.id IN ('a', 'b')",
        "SELECT VALUE c.id FROM c WHERE c._ts > 0 ORDER BY c.kind",
    ],
)
async def test_a_query_within_the_index_is_answered(lean: ContainerProxy, sql: str) -> None:
    await lean.create_item(item("a", kind="x", tags=["t"], state=1))
    assert await query(lean, sql) == ["a"]


# The change feed


async def test_the_feed_shows_the_last_version_at_its_new_place(items: ContainerProxy) -> None:
    for name in "abc":
        await items.create_item(item(name))
    await items.replace_item("a", item("a", x=2))
    await items.delete_item("b", "F1")
    feed = [each async for each in items.query_items_change_feed(start_time="Beginning")]
    assert [each["id"] for each in feed] == ["c", "a"]
    assert feed[0]["_lsn"] < feed[1]["_lsn"]


async def test_the_feed_goes_on_from_its_continuation(items: ContainerProxy) -> None:
    for name in "abcde":
        await items.create_item(item(name))
    pages = items.query_items_change_feed(start_time="Beginning", max_item_count=2).by_page()
    first = [each["id"] async for each in await anext(pages)]
    assert first == ["a", "b"]
    continuation = pages.continuation_token
    await items.upsert_item(item("d", x=2))
    assert await ids(items.query_items_change_feed(continuation=continuation)) == ["c", "e", "d"]


async def test_the_feed_can_start_now_or_at_a_time(server: CosmosServer, items: ContainerProxy) -> None:
    await items.create_item(item("a"))
    assert await ids(items.query_items_change_feed(start_time="Now")) == []
    continuation = items.client_connection.last_response_headers["etag"]
    server.shift_clock(1000)
    await items.create_item(item("b"))
    assert await ids(items.query_items_change_feed(continuation=continuation)) == ["b"]
    later = datetime.now(UTC) + timedelta(seconds=500)
    assert await ids(items.query_items_change_feed(start_time=later)) == ["b"]


async def test_the_feed_never_parts_a_batch(items: ContainerProxy) -> None:
    await items.execute_item_batch([("create", (item(name),)) for name in "abc"], partition_key="F1")
    await items.create_item(item("d"))
    pages = items.query_items_change_feed(start_time="Beginning", max_item_count=2).by_page()
    assert [[each["id"] async for each in page] async for page in pages][:2] == [["a", "b", "c"], ["d"]]


async def test_the_feed_stays_whole_after_thousands_of_writes(items: ContainerProxy) -> None:
    await items.create_item(item("first"))
    for number in range(30):
        upserts = [("upsert", (item(f"i{each}", x=number),)) for each in range(100)]
        await items.execute_item_batch(upserts, partition_key="F1")
    feed = [each async for each in items.query_items_change_feed(start_time="Beginning")]
    assert [each["id"] for each in feed] == ["first", *(f"i{each}" for each in range(100))]
    assert {each["x"] for each in feed[1:]} == {29}


async def test_the_feed_keeps_what_a_failed_batch_would_have_replaced(items: ContainerProxy) -> None:
    """The last write before the feed is tidied up (at 1,000 outdated versions) is one that is undone."""
    upserts = [("upsert", (item(f"i{each}"),)) for each in range(100)]
    for _ in range(10):
        await items.execute_item_batch(upserts, partition_key="F1")
    await items.execute_item_batch(upserts[:99], partition_key="F1")
    with pytest.raises(CosmosBatchOperationError):
        await items.execute_item_batch([upserts[99], ("create", (item("i0"),))], partition_key="F1")
    feed = await ids(items.query_items_change_feed(start_time="Beginning"))
    assert sorted(feed) == sorted(f"i{each}" for each in range(100))


async def test_the_feed_of_one_partition_key_is_refused(items: ContainerProxy) -> None:
    with pytest.raises(CosmosHttpResponseError, match="not covered"):
        await ids(items.query_items_change_feed(start_time="Beginning", partition_key="F1"))


# Request units


def sized(size: int, **more: Any) -> dict[str, Any]:
    """An item whose JSON has exactly `size` bytes."""
    bare = item("a", text="", **more)
    return {**bare, "text": "x" * (size - len(str(bare).replace(" ", "")))}


@pytest.mark.parametrize(
    ("size", "read", "create"),
    [(500, 1.00, 4.95), (1024, 1.00, 4.95), (2048, 1.04, 6.29), (65536, 4.76, 22.67), (98304, 7.355, 35.43)],
)
async def test_units_follow_the_table(lean: ContainerProxy, size: int, read: float, create: float) -> None:
    document = sized(size)
    await lean.create_item(document)
    assert charge(lean) == pytest.approx(create, abs=0.01)
    await lean.read_item("a", "F1")
    assert charge(lean) == pytest.approx(read, abs=0.01)
    await query(lean, "SELECT * FROM c")
    assert charge(lean) == pytest.approx(2.3 + read, abs=0.01)
    await lean.replace_item("a", document)
    assert charge(lean) == pytest.approx(2 * create, abs=0.01)
    await lean.delete_item("a", "F1")
    assert charge(lean) == pytest.approx(create, abs=0.01)


async def test_a_changed_term_costs_only_where_it_is_indexed(lean: ContainerProxy) -> None:
    await lean.create_item(item("a", kind="x", state=1, tags=["t1", "t2"]))
    await lean.replace_item("a", item("a", kind="x", state=2, tags=["t1", "t2"]))
    assert charge(lean) == pytest.approx(9.9)
    await lean.replace_item("a", item("a", kind="y", state=2, tags=["t1"]))
    assert charge(lean) == pytest.approx(9.9 + 0.2 * 3)


async def test_usage_is_kept_by_container_and_operation(server: CosmosServer, lean: ContainerProxy) -> None:
    await lean.execute_item_batch([("create", (item(name),)) for name in "abc"], partition_key="F1")
    for name in "ab":
        await lean.read_item(name, "F1")
    await ids(lean.query_items_change_feed(start_time="Beginning"))
    usage = server.usage()
    assert usage["requests"]["lean"] | {"pkranges": 0, "read_container": 0} == {
        "batch": 1,
        "read": 2,
        "feed": 2,
        "pkranges": 0,
        "read_container": 0,
    }
    assert usage["ru"]["lean"]["batch"] == pytest.approx(3 * 4.95)
    assert usage["ru"]["lean"]["read"] == pytest.approx(2.0)
    assert usage["ru"]["lean"]["feed"] == pytest.approx(3.0 + 1.0)


# Faults


async def test_a_throttled_request_is_repeated_until_the_sdk_gives_up(
    server: CosmosServer, items: ContainerProxy
) -> None:
    server.set_faults(Rule("throttle", operation="create", times=3, retry_after_ms=1))
    await items.create_item(item("a"))
    assert server.struck() == [3]
    server.set_faults(Rule("throttle", times=None, retry_after_ms=1))
    with pytest.raises(CosmosHttpResponseError) as refused:
        await items.create_item(item("b"))
    assert refused.value.status_code == 429
    assert server.struck() == [10]
    server.clear_faults()
    assert await ids(items.read_all_items()) == ["a"]


@pytest.mark.parametrize(("effect", "status"), [("unavailable", 503), ("error", 500), ("precondition", 412)])
async def test_a_refusal_by_order_has_no_effect(
    server: CosmosServer, items: ContainerProxy, effect: Any, status: int
) -> None:
    server.set_faults(Rule(effect, method="POST"))
    with pytest.raises(CosmosHttpResponseError) as refused:
        await items.create_item(item("a"))
    assert refused.value.status_code == status
    await items.create_item(item("a"))


async def test_a_cut_connection_has_no_effect_and_the_sdk_repeats(server: CosmosServer, items: ContainerProxy) -> None:
    await items.create_item(item("a", x=0))
    server.set_faults(Rule("cut", operation="patch"))
    await change(items, "patch", "a")
    assert server.struck() == [1]
    assert server.usage()["requests"]["items"]["patch"] == 2


async def test_a_dropped_reply_leaves_the_write_in_place(server: CosmosServer, items: ContainerProxy) -> None:
    server.set_faults(Rule("drop_reply", operation="create"))
    with pytest.raises(CosmosResourceExistsError):  # the SDK repeats, and meets its own write
        await items.create_item(item("a", x=1))
    assert (await items.read_item("a", "F1"))["x"] == 1
    server.set_faults(Rule("drop_reply", operation="patch"))
    await items.patch_item("a", "F1", [{"op": "incr", "path": "/x", "value": 1}])
    assert (await items.read_item("a", "F1"))["x"] == 3  # the SDK repeats, and counts twice


async def test_without_retries_the_client_sees_the_dropped_reply(server: CosmosServer, items: ContainerProxy) -> None:
    async with connect(server, retry_total=0, retry_connect=0, retry_read=0) as client:
        container = client.get_database_client("db").get_container_client("items")
        server.set_faults(Rule("drop_reply", operation="upsert"))
        with pytest.raises(ServiceRequestError):
            await container.upsert_item(item("a"))
    await items.read_item("a", "F1")


async def test_latency_delays_and_then_answers(server: CosmosServer, items: ContainerProxy) -> None:
    await items.create_item(item("a"))
    server.set_faults(Rule("latency", operation="read", delay_s=0.2))
    start = time.perf_counter()
    await asyncio.gather(items.read_item("a", "F1"), items.upsert_item(item("b")))
    assert time.perf_counter() - start >= 0.2
    start = time.perf_counter()
    await items.read_item("a", "F1")
    assert time.perf_counter() - start < 0.2


async def test_a_rule_strikes_whom_it_names(server: CosmosServer, items: ContainerProxy, lean: ContainerProxy) -> None:
    server.set_faults(Rule("error", container="lean", operation="create", after=1, times=2))
    await items.create_item(item("a"))
    outcomes = []
    for number in range(5):
        try:
            await lean.create_item(item(f"i{number}"))
            outcomes.append("written")
        except CosmosHttpResponseError:
            outcomes.append("struck")
    assert outcomes == ["written", "struck", "struck", "written", "written"]


async def test_a_rule_may_end_and_may_strike_by_chance(server: CosmosServer, items: ContainerProxy) -> None:
    server.set_faults(Rule("error", times=None, seconds=0.05))
    await asyncio.sleep(0.1)
    await items.create_item(item("a"))
    server.set_faults(Rule("error", times=None, probability=0.5, seed=1))
    first = [await outcome_of_read(items) for _ in range(20)]
    server.set_faults(Rule("error", times=None, probability=0.5, seed=1))
    assert [await outcome_of_read(items) for _ in range(20)] == first
    assert set(first) == {True, False}


async def outcome_of_read(container: ContainerProxy) -> bool:
    try:
        await container.read_item("a", "F1")
    except CosmosHttpResponseError:
        return False
    return True


def test_a_rule_that_means_nothing_is_refused_by_name(server: CosmosServer) -> None:
    order = urllib.request.Request(f"{server.url}/_emulator/faults", b'[{"effect": "throttle", "time": 3}]')
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(order)
    with refused.value as answer:
        assert answer.status == 400
        assert "`time`" in answer.read().decode()


# The process


def test_help_tells_what_the_server_is() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "emulators.cosmos", "--help"],
        env={"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--port" in told.stdout
    assert KEY in told.stdout.replace("\n", "").replace(" ", "")


def test_a_server_of_its_own_stops_with_its_context() -> None:
    with CosmosServer() as own, urllib.request.urlopen(f"{own.url}/_emulator/usage") as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.URLError, match="refused"):
        urllib.request.urlopen(f"{own.url}/_emulator/usage")
