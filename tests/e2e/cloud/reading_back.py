"""Reading back what a world has come to: the end of its story, and its batches."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
from e2e.cloud.consumer_process import BatchLine
from e2e.cloud.end_state import BY_THE_CLOCK, EndState, meter_states, outage, told
from e2e.cloud.world import World

from functions import names
from functions.adapters.cosmos.container import CosmosContainer
from functions.adapters.cosmos.packs import _pack
from functions.domain.anomalies import Anomaly

MOST = 100_000


async def end_of(world: World) -> EndState:
    """Everything in the stores, and every message in the file."""
    stores = world.azure.stores
    feeders = await stores.rosters.feeders()
    shards = [shard for feeder in feeders for shard in await stores.rosters.read(feeder)]
    anomalies = [msgspec.convert(each, Anomaly) for each in await _all(world, names.ANOMALIES)]
    incidents = await stores.incidents.latest(state=None, feeder_id=None, limit=MOST)
    members = await asyncio.gather(*(stores.incidents.chunks(each.feeder_id, each.chunks) for each in incidents))
    deliveries = [
        each for each in await _all(world, names.DELIVERIES) if each.get("kind", BY_THE_CLOCK) != BY_THE_CLOCK
    ]
    return EndState(
        meters=meter_states(shards, [_pack(each) for each in await _all(world, names.PACKS)]),
        anomalies=sorted((each.id, each.start, each.end) for each in anomalies),
        incidents=sorted(outage(each, chunks) for each, chunks in zip(incidents, members, strict=True)),
        told=sorted(told(each) for each in lines(world.output / "notifications.jsonl") if each["kind"] != BY_THE_CLOCK),
        deliveries=sorted((each["customer_id"], each["kind"], each["state"]) for each in deliveries),
        letters=sorted(each.id for each in await stores.letters.letters(MOST)),
    )


def batches(world: World) -> list[BatchLine]:
    """Every batch that was handled to its end."""
    return msgspec.convert(lines(world.output / "batches.jsonl"), list[BatchLine])


def log_of(world: World, owner: str) -> str:
    """What a consumer logged in all its lives."""
    return (world.output / f"{owner}.log").read_text(encoding="utf-8")


def lines(path: Path) -> list[Any]:
    """The documents of a file of JSON lines."""
    return [msgspec.json.decode(line) for line in path.read_bytes().splitlines()] if path.exists() else []


async def _all(world: World, container: str) -> list[Any]:
    return [each async for each in CosmosContainer(world.azure.database, container).query("SELECT * FROM c")]
