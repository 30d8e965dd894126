"""Announcements of planned work: with their intents they change all or nothing, and whoever tells dies anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count

import msgspec
import pytest

from functions.adapters.clocks import SetClock
from functions.domain.announcements import Announcement, begun, heard, intent_of
from functions.domain.errors import Conflict
from functions.domain.notifications import Intent
from functions.domain.roster_row import RosterRow
from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus
from functions.ports import Stores
from functions.services.announcing import AnnouncingService
from functions.services.feeders import Feeders

HOUR = 3_600
START = 1_718_625_600
FEEDERS = ["F", "G", "H"]


def order(name: str = "WO-1", **fields: object) -> WorkOrder:
    known = WorkOrder(
        work_order_id=name, asset_kind=AssetKind.substation, asset_id="S", start=START, end=START + 3 * HOUR
    )
    return msgspec.structs.replace(known, **fields)


def announcement(name: str = "WO-1", now: int = START - 72 * HOUR) -> Announcement:
    made = heard(None, order(name), FEEDERS, now)
    assert made is not None
    return made


async def test_an_announcement_is_replaced_only_as_it_was_read(stores: Stores) -> None:
    assert await stores.announcements.read("WO-1") is None
    await stores.announcements.commit(announcement(), [])
    first = await stores.announcements.read("WO-1")
    assert first is not None
    assert msgspec.structs.replace(first, etag=None) == announcement()

    await stores.announcements.commit(begun(first, START), [])
    for stale in (first, announcement()):
        with pytest.raises(Conflict):
            await stores.announcements.commit(stale, [])


async def test_an_announcement_and_its_intents_are_written_together_or_not_at_all(stores: Stores) -> None:
    await stores.announcements.commit(announcement(), [])
    known = await stores.announcements.read("WO-1")
    assert known is not None
    telling = begun(known, START - HOUR)
    intent = intent_of(telling, "F", [], START)
    await stores.announcements.commit(telling, [intent])
    now = await stores.announcements.read("WO-1")
    assert now is not None
    with pytest.raises(Conflict):
        await stores.announcements.commit(msgspec.structs.replace(now, emergency=True), [intent])
    assert await stores.announcements.read("WO-1") == now


async def test_what_is_due_comes_by_its_time_and_what_is_not_stays(stores: Stores) -> None:
    for name, before in (("late", 71), ("early", 72), ("later", 70)):
        made = announcement(name)
        await stores.announcements.commit(msgspec.structs.replace(made, look_at=START - before * HOUR), [])
    never = msgspec.structs.replace(announcement("never"), look_at=None)
    await stores.announcements.commit(never, [])

    assert await stores.announcements.due(START - 71 * HOUR, 10) == ["early", "late"]
    assert await stores.announcements.due(START, 1) == ["early"]
    assert await stores.announcements.due(START, 10) == ["early", "late", "later"]


class Killed(BaseException):
    """The process has died: nothing catches it."""


class Dying:
    """An `AnnouncementStore` over another; it dies before or after some of its commits, and keeps what was told."""

    def __init__(self, stores: Stores) -> None:
        self._real = stores.announcements
        self.die_before: set[int] = set()
        self.die_after: set[int] = set()
        self.overtaken_at: set[int] = set()
        self._commits = count(1)
        self.told: list[Intent] = []

    async def read(self, order_id: str) -> Announcement | None:
        return await self._real.read(order_id)

    async def due(self, before: int, limit: int) -> list[str]:
        return await self._real.due(before, limit)

    async def commit(self, announcement: Announcement, intents: Sequence[Intent]) -> None:
        number = next(self._commits)
        if number in self.die_before:
            raise Killed
        if number in self.overtaken_at:  # another process does the same a moment earlier
            await self._real.commit(announcement, intents)
            self.told += intents
        await self._real.commit(announcement, intents)
        self.told += intents
        if number in self.die_after:
            raise Killed


@pytest.mark.parametrize("number", range(1, 13))
@pytest.mark.parametrize("how", ["die_before", "die_after", "overtaken_at"])
async def test_whoever_dies_or_is_overtaken_while_telling_tells_everybody_once(
    stores: Stores, how: str, number: int
) -> None:
    clock = SetClock(START - 72 * HOUR)
    feeders = Feeders(stores.rosters)
    await feeders.load([_meter(feeder, nth) for feeder in FEEDERS for nth in range(3)], clock.now())
    dying = Dying(stores)
    getattr(dying, how).add(number)
    service = AnnouncingService(dying, stores.incidents, feeders, clock)
    for hours, version in (
        (-72, order()),
        (-30, order(start=START + HOUR, end=START + 4 * HOUR, updated_at=1)),
        (-20, order(status=WorkOrderStatus.cancelled, updated_at=2)),
    ):
        clock.set(START + hours * HOUR)
        await _until_done(lambda version=version: service.hear(version, FEEDERS))
        clock.set(START + max(hours, -48) * HOUR)
        await _until_done(service.advance)
        await _until_done(service.advance)

    kinds = {each.revision: each.kind.value for each in dying.told}
    assert kinds == {1: "planned_ahead", 2: "planned_changed", 3: "planned_cancelled"}
    assert len({each.id for each in dying.told}) == len(dying.told) == 9
    for revision in kinds:
        told = [await _customers(stores, each) for each in dying.told if each.revision == revision]
        assert sorted(customer for some in told for customer in some) == sorted(
            f"{feeder}-C{nth}" for feeder in FEEDERS for nth in range(3)
        )


async def _until_done(step) -> None:
    """A trigger that died runs again."""
    for _ in range(3):
        try:
            await step()
        except Killed:
            continue
        return


async def _customers(stores: Stores, intent: Intent) -> list[str]:
    chunks = await stores.incidents.chunks(intent.feeder_id, intent.chunks)
    return [member.customer_id for each in chunks for member in each.members]


def _meter(feeder: str, nth: int) -> RosterRow:
    return RosterRow(
        meter_id=f"{feeder}-M{nth}", feeder_id=feeder, customer_id=f"{feeder}-C{nth}", substation_id="S",
        transformer_id=f"{feeder}-T",
    )  # fmt: skip
