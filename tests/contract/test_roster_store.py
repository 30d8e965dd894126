from __future__ import annotations

import msgspec
import pytest

from functions.domain.errors import Conflict
from functions.domain.roster import Roster
from functions.domain.roster_row import RosterRow
from functions.domain.roster_shard import RosterShard
from functions.ports import Stores


def shard(feeder: str = "F", number: int = 0, meters: tuple[str, ...] = ("M1",), **fields: object) -> RosterShard:
    count = len(meters)
    return RosterShard(
        id=f"{feeder}:{number}",
        feeder_id=feeder,
        shard=number,
        meter_id=meters,
        customer_id=("C",) * count,
        transformer_id=("T",) * count,
        nominal_v=(240.0,) * count,
        interval_s=(None,) * count,
        customer_type=("residential", None)[:count],
        provisional_since=(None,) * count,
        **fields,
    )


async def test_a_feeder_without_a_roster_has_no_shards(stores: Stores) -> None:
    assert await stores.rosters.read("F") == []
    assert await stores.rosters.feeders() == {}


async def test_a_shard_is_read_as_it_was_written(stores: Stores) -> None:
    etag = await stores.rosters.write(shard(meters=("M1", "M2")))

    assert await stores.rosters.read("F") == [shard(meters=("M1", "M2"), etag=etag)]


async def test_a_shard_that_exists_is_not_created_again(stores: Stores) -> None:
    await stores.rosters.write(shard())

    with pytest.raises(Conflict, match="F:0"):
        await stores.rosters.write(shard(meters=("M2",)))
    assert (await stores.rosters.read("F"))[0].meter_id == ("M1",)


async def test_a_shard_is_replaced_only_while_it_is_unchanged(stores: Stores) -> None:
    first = await stores.rosters.write(shard())
    second = await stores.rosters.write(shard(meters=("M1", "M2"), etag=first))

    with pytest.raises(Conflict):
        await stores.rosters.write(shard(meters=("M3",), etag=first))
    (stored,) = await stores.rosters.read("F")
    assert (stored.meter_id, stored.etag) == (("M1", "M2"), second)


async def test_shards_of_a_feeder_come_in_order_and_alone(stores: Stores) -> None:
    for number in (10, 2, 0):
        await stores.rosters.write(shard(number=number))
    await stores.rosters.write(shard("G"))

    assert [each.shard for each in await stores.rosters.read("F")] == [0, 2, 10]


async def test_meters_are_counted_by_feeder(stores: Stores) -> None:
    await stores.rosters.write(shard("F", 0, ("M1", "M2")))
    await stores.rosters.write(shard("F", 1, ("M3",)))
    await stores.rosters.write(shard("G", 0, ("M1",)))

    assert await stores.rosters.feeders() == {"F": 3, "G": 1}


async def test_a_meter_out_of_service_is_not_counted(stores: Stores) -> None:
    await stores.rosters.write(msgspec.structs.replace(shard("F", 0, ("M1", "M2")), retired=(True, False)))

    assert await stores.rosters.feeders() == {"F": 1}


async def test_a_roster_of_more_than_one_shard_survives_the_store(stores: Stores) -> None:
    rows = [
        RosterRow(meter_id=f"M{number}", feeder_id="F", interval_s=900, customer_type="commercial")
        for number in range(4_001)
    ]
    _, shards = Roster("F").with_rows(rows)
    for each in shards:
        await stores.rosters.write(each)

    roster = Roster("F", await stores.rosters.read("F"))
    assert len(roster) == 4_001
    assert roster.row(4_000) == rows[4_000]
    assert msgspec.structs.replace(roster.shards[1], etag=None) == shards[1]


async def test_the_feeders_of_a_customer_are_those_where_they_have_a_meter(stores: Stores) -> None:
    theirs = {"customer_id": ("C1", "C2")}
    for feeder, number in (("F1", 0), ("F2", 0), ("F2", 1)):
        await stores.rosters.write(msgspec.structs.replace(shard(feeder, number, ("M1", "M2")), **theirs))
    await stores.rosters.write(shard("F3"))

    assert await stores.rosters.feeders_of("C2") == ["F1", "F2"]
    assert await stores.rosters.feeders_of("C") == ["F3"]
    assert await stores.rosters.feeders_of("C9") == []
