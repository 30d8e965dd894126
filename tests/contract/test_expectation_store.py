"""What outages have taught, in every store: one document, changed only by whoever has read it last."""

from __future__ import annotations

import msgspec
import pytest

from functions.domain.errors import Conflict
from functions.domain.restoration_calibration import Calibration, Lesson
from functions.domain.restoration_learning import Crowd, Followed, Gone, Learnt, Said
from functions.ports import Stores


def learnt(at: int = 900) -> Learnt:
    known = Learnt(
        at=at,
        settled_until=at - 600,
        calibration=Calibration().after([Lesson(1, 2, over=False)]),
        crowd=Crowd(3, 2, 1),
        crowds={"S1": Crowd(2, 1, 1)},
        following={"inc:A": Followed("F", "S1", 300, True, (Said(450, 1, (0.5, 1.0, 2.0, 4.0)),))},
        gone=(Gone(800, "S1", 200),),
    )
    known.levels.estimated(False, 0.5, 1.0)
    known.levels.restored(True, "S1", 1.5)
    return known


async def test_it_begins_with_nothing_and_comes_back_as_it_was(stores: Stores) -> None:
    assert await stores.expectations.read() == Learnt()
    etag = await stores.expectations.write(learnt())

    assert await stores.expectations.read() == msgspec.structs.replace(learnt(), etag=etag)


async def test_it_is_replaced_only_while_it_is_unchanged(stores: Stores) -> None:
    await stores.expectations.write(learnt())
    mine = await stores.expectations.read()
    etag = await stores.expectations.write(msgspec.structs.replace(mine, at=1_800))

    for stale in (mine, learnt()):
        with pytest.raises(Conflict):
            await stores.expectations.write(stale)
    stored = await stores.expectations.read()
    assert (stored.at, stored.etag) == (1_800, etag)
    assert etag != mine.etag


async def test_it_is_no_work_order(stores: Stores) -> None:
    await stores.expectations.write(learnt())

    assert await stores.context.orders(None, 0) == []


async def test_a_storm_of_followed_outages_fits_into_it(stores: Stores) -> None:
    said = tuple(Said(1_700_000_000 + n, 3, (0.512, 1.204, 2.951, 4.407)) for n in range(3))
    many = {
        f"inc:MTR-{n:07}:power_off:1700000000": Followed(f"FDR-{n % 90:03}", "SUB-07", 1_700_000_000 + n, said=said)
        for n in range(5_000)
    }
    await stores.expectations.write(msgspec.structs.replace(learnt(), following=many))

    assert (await stores.expectations.read()).following == many
