from __future__ import annotations

import msgspec
import numpy as np
import pytest
from priors import prior

from functions.domain.anomalies import Anomaly, Phase
from functions.domain.packs import LAYOUT, METERS_PER_PACK, Pack, fresh
from functions.ports import Stores

ANOMALY = Anomaly(
    id="M1:sag:42:opened",
    anomaly_id="M1:sag:42",
    phase=Phase.opened,
    meter_id="M1",
    customer_id="C1",
    transformer_id="T1",
    feeder_id="F",
    kind="sag",
    start=37_800,
    end=None,
    score=4.25,
    threshold=3.5,
    why="lowest voltage 201.2 V; usual range 238 to 242 V",
    raised_at=38_700,
)


def pack(number: int = 0, *, data: bytes = b"", **fields: object) -> Pack:
    return Pack(id=f"F:0:{number}", feeder_id="F", layout=LAYOUT, data=data or bytes([number]), **fields)


async def test_a_pack_is_read_as_it_was_written(stores: Stores) -> None:
    unknown = np.full(METERS_PER_PACK, np.nan, np.float32), np.zeros(METERS_PER_PACK, np.uint8)
    state = fresh(*unknown, prior()).tobytes()
    written = pack(data=state, due_at=900, outbox=(ANOMALY,), outbox_pending=800)

    (etag,) = await stores.packs.write([written])

    assert await stores.packs.read(["F:0:0"]) == {"F:0:0": msgspec.structs.replace(written, etag=etag)}


async def test_an_unknown_pack_is_left_out(stores: Stores) -> None:
    await stores.packs.write([pack(0)])

    assert set(await stores.packs.read(["F:0:0", "F:0:1"])) == {"F:0:0"}
    assert await stores.packs.read([]) == {}
    assert await stores.packs.write([]) == []


async def test_any_number_of_packs_is_read_at_once(stores: Stores) -> None:
    packs = [pack(number, data=b"x") for number in range(1_201)]
    await stores.packs.write(packs)

    assert set(await stores.packs.read([each.id for each in packs])) == {each.id for each in packs}


async def test_a_pack_that_exists_is_not_created_again(stores: Stores) -> None:
    await stores.packs.write([pack(data=b"first")])

    assert await stores.packs.write([pack(data=b"second")]) == [None]
    assert (await stores.packs.read(["F:0:0"]))["F:0:0"].data == b"first"


async def test_a_pack_is_replaced_only_while_it_is_unchanged(stores: Stores) -> None:
    (first,) = await stores.packs.write([pack(data=b"1")])
    (second,) = await stores.packs.write([pack(data=b"2", etag=first)])

    assert second not in (None, first)
    assert await stores.packs.write([pack(data=b"late", etag=first)]) == [None]
    stored = (await stores.packs.read(["F:0:0"]))["F:0:0"]
    assert (stored.data, stored.etag) == (b"2", second)


async def test_of_several_packs_only_the_changed_one_is_refused(stores: Stores) -> None:
    etags = await stores.packs.write([pack(0), pack(1), pack(2)])
    await stores.packs.write([pack(1, data=b"somebody else", etag=etags[1])])

    again = [pack(number, data=b"mine", etag=etag) for number, etag in enumerate(etags)]
    result = await stores.packs.write([*again, pack(3, data=b"mine")])

    assert [etag is None for etag in result] == [False, True, False, False]
    stored = await stores.packs.read([f"F:0:{number}" for number in range(4)])
    assert [stored[f"F:0:{number}"].data for number in range(4)] == [b"mine", b"somebody else", b"mine", b"mine"]
    assert stored["F:0:2"].etag == result[2]


async def test_a_replaced_pack_carries_a_new_outbox(stores: Stores) -> None:
    (etag,) = await stores.packs.write([pack(outbox=(ANOMALY,), outbox_pending=100)])
    await stores.packs.write([pack(etag=etag)])

    stored = (await stores.packs.read(["F:0:0"]))["F:0:0"]
    assert (stored.outbox, stored.outbox_pending) == ((), None)
    assert await stores.packs.pending(10_000, 10) == []


async def test_due_packs_come_the_longest_overdue_first(stores: Stores) -> None:
    await stores.packs.write(
        [pack(0, due_at=300), pack(1, due_at=100), pack(2), pack(3, due_at=200), pack(4, due_at=0)]
    )

    assert [each.id for each in await stores.packs.due(300, 10)] == ["F:0:4", "F:0:1", "F:0:3"]
    assert [each.id for each in await stores.packs.due(1_000, 2)] == ["F:0:4", "F:0:1"]
    assert await stores.packs.due(0, 10) == []


async def test_a_pack_found_due_can_be_written_with_the_etag_it_came_with(stores: Stores) -> None:
    await stores.packs.write([pack(due_at=100)])
    (due,) = await stores.packs.due(101, 10)

    assert await stores.packs.write([msgspec.structs.replace(due, due_at=None)]) != [None]
    assert await stores.packs.due(10_000, 10) == []


async def test_pending_packs_are_those_with_an_old_outbox(stores: Stores) -> None:
    await stores.packs.write(
        [
            pack(0, outbox=(ANOMALY,), outbox_pending=200),
            pack(1, outbox=(ANOMALY,), outbox_pending=100),
            pack(2),
            pack(3, outbox=(ANOMALY,), outbox_pending=300),
        ]
    )

    found = await stores.packs.pending(300, 10)
    assert [(each.id, each.outbox) for each in found] == [("F:0:1", (ANOMALY,)), ("F:0:0", (ANOMALY,))]
    assert len(await stores.packs.pending(1_000, 1)) == 1


@pytest.mark.parametrize("feeder", ["F", "Süd 7", "a" * 64, "quote'd"])
async def test_ids_are_taken_as_they_are(stores: Stores, feeder: str) -> None:
    name = f"{feeder}:0:0"
    await stores.packs.write([Pack(id=name, feeder_id=feeder, layout=LAYOUT, data=b"x")])

    assert (await stores.packs.read([name]))[name].feeder_id == feeder
