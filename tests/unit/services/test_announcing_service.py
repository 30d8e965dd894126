"""Planned work from the order to the phone: who hears of it, when, and what the night makes of it."""

from __future__ import annotations

import random
import tracemalloc

import msgspec
import pytest
from message_office import Office, message, replaced

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.streams import SqliteFeed
from functions.application import Application
from functions.domain.customers import Customer
from functions.domain.errors import TransientFault
from functions.domain.notifications import IntentKind
from functions.domain.roster_row import RosterRow
from functions.domain.work_order_fields import notice_of
from functions.services import announcing

HOUR = 3_600
NOON = 1_718_625_600
START = NOON + 4 * 24 * HOUR
AHEAD, MOVED, OFF = IntentKind.planned_ahead, IntentKind.planned_changed, IntentKind.planned_cancelled


class Utility:
    """Orders come in, a minute's timer runs, and what the change feed brings goes to an office that sends it."""

    def __init__(self, application: Application, database: Database, clock: SetClock) -> None:
        self.application, self.clock = application, clock
        self.office = Office(application.stores, clock)
        self._feed = SqliteFeed(database, "incidents")
        self.expanded: list[int] = []

    async def order(self, asset_id: str = "T1", **fields: object) -> None:
        said = {"work_order_id": "WO-1", "asset_id": asset_id, "start": START, "end": START + 3 * HOUR, **fields}
        await self.application.work_orders.take([notice_of({**said, "updated_at": self.clock.now()})])

    async def pass_until(self, moment: int, step: int = 30 * 60) -> None:
        while self.clock.now() < moment:
            self.clock.set(min(moment, self.clock.now() + step))
            await self.minute()

    async def minute(self) -> None:
        await self.application.advancing.advance()
        changes = self._feed.read(1_000)
        if changes:
            documents = [{**msgspec.json.decode(each.body), "type": each.type} for each in changes]
            out = await self.application.fan_out.expand(documents)
            self._feed.advance(changes[-1].position)
            self.expanded.append(len(out.notifications))
            await self.office.tell(*out.notifications)
        await self.office.releasing.release()

    def heard(self, customer_id: str) -> list[str]:
        return [body for customer, body in self.office.channels["console"].sent if customer == customer_id]


@pytest.fixture
async def utility(application: Application, database: Database, clock: SetClock) -> Utility:
    """T1 and T2 on feeder F, T3 on feeder G, all below substation S; C1 has a meter on each feeder."""
    rows = [
        ("M1", "F", "T1", "C1"), ("M2", "F", "T1", "C2"), ("M3", "F", "T2", "C3"), ("M4", "G", "T3", "C1"),
        ("M5", "G", "T3", "C5"),
    ]  # fmt: skip
    clock.set(NOON)
    await application.feeders.load(
        [
            RosterRow(
                meter_id=meter, feeder_id=feeder, transformer_id=transformer, customer_id=customer, substation_id="S"
            )
            for meter, feeder, transformer, customer in rows
        ],
        NOON,
    )
    await application.stores.customers.put(
        [Customer(customer_id=f"C{nth}", quiet_from=0, quiet_to=0) for nth in (1, 2, 3, 5)]
    )
    return Utility(application, database, clock)


@pytest.mark.parametrize(
    ("asset", "fields", "told"),
    [
        ("M3", {"asset_kind": "meter"}, {"C3"}),
        ("T1", {}, {"C1", "C2"}),
        ("F", {}, {"C1", "C2", "C3"}),
        ("S", {}, {"C1", "C2", "C3", "C5"}),
    ],
)
async def test_customers_below_the_asset_hear_of_it_twice(utility, asset, fields, told):
    await utility.order(asset, **fields)
    await utility.pass_until(START + 4 * HOUR)
    assert {customer: len(utility.heard(customer)) for customer in ("C1", "C2", "C3", "C5")} == {
        customer: 2 if customer in told else 0 for customer in ("C1", "C2", "C3", "C5")
    }
    first, second = utility.heard(next(iter(told)))
    assert "will be off" in first
    assert "today" in second


async def test_an_order_that_comes_again_and_again_is_told_as_one(utility):
    for _ in range(6):
        await utility.order()
        await utility.pass_until(utility.clock.now() + 18 * HOUR)
    assert len(utility.heard("C1")) == 2


async def test_work_that_moves_and_work_that_is_off_is_told_to_those_who_know_of_it(utility):
    await utility.order()
    await utility.pass_until(START - 40 * HOUR)
    await utility.order(start=START + HOUR, end=START + 4 * HOUR)
    await utility.minute()
    await utility.order(status="cancelled")
    await utility.pass_until(START + 4 * HOUR)
    ahead, moved, off = utility.heard("C2")
    assert ("will be off" in ahead, "has moved" in moved, "is cancelled" in off) == (True, True, True)
    assert utility.heard("C3") == []


async def test_work_that_is_cancelled_twice_is_told_as_off_twice(utility):
    for status in ("planned", "cancelled", "planned", "cancelled"):
        await utility.order(status=status, start=NOON + 30 * HOUR, end=NOON + 40 * HOUR)
        await utility.pass_until(utility.clock.now() + HOUR)
    assert ["cancelled" in each for each in utility.heard("C2")] == [False, True, False, True]


async def test_an_order_that_was_stored_but_not_heard_of_is_told_when_it_is_delivered_again(utility, monkeypatch):
    """The process dies, or the store is out of reach, between the two; the hub delivers the event again."""
    commit = utility.application.stores.announcements.commit
    announcements = type(utility.application.stores.announcements)

    async def out_of_reach(*_) -> None:
        raise TransientFault("the store is out of reach")

    monkeypatch.setattr(announcements, "commit", out_of_reach)
    with pytest.raises(TransientFault):
        await utility.order()
    monkeypatch.setattr(announcements, "commit", lambda _, *given: commit(*given))
    await utility.order()
    await utility.pass_until(START)
    assert len(utility.heard("C1")) == 2


async def test_one_order_that_cannot_be_told_does_not_hold_up_the_others(utility, monkeypatch, caplog):
    await utility.order("T1")
    await utility.order("T2", work_order_id="WO-2")
    announcements = type(utility.application.stores.announcements)
    read = announcements.read

    async def broken(self, order_id):
        if order_id == "WO-1":
            raise ValueError("a document that nobody can read")
        return await read(self, order_id)

    monkeypatch.setattr(announcements, "read", broken)
    await utility.pass_until(START)
    assert (len(utility.heard("C1")), len(utility.heard("C3"))) == (0, 2)
    assert "work order WO-1 cannot be announced" in caplog.text


async def test_an_emergency_is_not_announced(utility):
    await utility.order(status="in_progress", start=NOON + HOUR, end=NOON + 5 * HOUR)
    await utility.pass_until(NOON + 6 * HOUR)
    assert utility.heard("C1") == []


async def test_work_on_another_transformer_is_off_for_some_and_coming_for_others(utility):
    await utility.order("T1")
    await utility.pass_until(START - 40 * HOUR)
    await utility.order("T2")
    await utility.minute()
    assert ["cancelled" in each for each in utility.heard("C1")] == [False, True]
    assert ["cancelled" in each for each in utility.heard("C3")] == [False]


async def test_a_wider_order_is_announced_to_all_and_off_for_nobody(utility):
    await utility.order("T1")
    await utility.pass_until(START - 40 * HOUR)
    await utility.order("S")
    await utility.minute()
    assert [len(utility.heard(customer)) for customer in ("C1", "C2", "C3", "C5")] == [2, 2, 1, 1]
    assert not any("cancelled" in each for each in utility.heard("C1"))


class Night:
    """One customer with quiet hours until 8, and words that come to the office by hand."""

    def __init__(self, application: Application, clock: SetClock) -> None:
        self.clock = clock
        self.office = Office(application.stores, clock)
        self.at = NOON + 12 * HOUR
        clock.set(NOON)

    def falls(self) -> None:
        self.clock.set(self.at)

    def word(self, kind: IntentKind, revision: int, start_h: float = 40.0, customer: str = "C1", **fields: object):
        start = int(self.at + start_h * HOUR)
        times = {"work_start": start, "work_end": start + 2 * HOUR, "started_at": start} | fields
        return message(kind, customer, at=self.clock.now(), incident_id="WO-1", revision=revision, **times)

    async def morning(self) -> list[str]:
        await self.office.pass_time(10 * HOUR, 10 * 60)
        return [body for _, body in self.office.channels["console"].sent]


@pytest.fixture
async def night(application: Application, clock: SetClock) -> Night:
    await application.stores.customers.put([Customer(customer_id="C1")])
    return Night(application, clock)


async def test_an_announcement_that_waits_for_the_morning_says_the_hours_as_they_are_then(night):
    night.falls()
    await night.office.tell(night.word(AHEAD, 1), night.word(MOVED, 2, 50))
    (body,) = await night.morning()
    assert "will be off on Thursday from 2 am to 4 am" in body
    assert await night.office.reasons() == {
        "planned_ahead": "", "planned_changed": "it is told with the announcement that waits",
    }  # fmt: skip


async def test_who_knows_of_work_is_told_of_its_move_and_not_of_it_anew(night):
    await night.office.tell(night.word(AHEAD, 1))
    night.falls()
    await night.office.tell(night.word(AHEAD, 2), night.word(MOVED, 3, 50))
    assert ["moved" in body for body in await night.morning()] == [False, True]


async def test_work_that_is_over_before_the_morning_is_not_told_any_more(night):
    await night.office.tell(night.word(AHEAD, 1, 2))
    night.falls()
    await night.office.tell(night.word(MOVED, 2, 3))
    assert len(await night.morning()) == 1
    assert (await night.office.reasons())["planned_changed"] == "the work is over"


async def test_what_is_cancelled_in_the_night_is_not_announced_in_the_morning(night):
    night.falls()
    await night.office.tell(night.word(AHEAD, 1), night.word(OFF, 2))
    assert await night.morning() == []
    assert (await night.office.reasons())["planned_ahead"] == "the work is cancelled"


async def test_a_cancellation_and_the_plan_anew_in_one_night_are_one_message(night):
    await night.office.tell(night.word(AHEAD, 1))
    night.falls()
    await night.office.tell(night.word(OFF, 2), night.word(AHEAD, 3, 60))
    assert len(await night.morning()) == 2
    assert (await night.office.reasons())["planned_cancelled"] == "newer word of it followed"


async def test_who_was_told_that_it_is_off_knows_of_nothing_that_could_move(night):
    await night.office.tell(night.word(AHEAD, 1), night.word(OFF, 2))
    night.falls()
    await night.office.tell(night.word(AHEAD, 3, 60), night.word(MOVED, 4, 70), night.word(OFF, 5, 70))
    assert len(await night.morning()) == 2
    night.clock.set(night.at + 22 * HOUR)
    await night.office.tell(night.word(AHEAD, 6, 60), night.word(MOVED, 7, 70))
    first, off, again = await night.morning()
    assert ("will be off" in first, "cancelled" in off, "will be off" in again) == (True, True, True)
    assert "10 pm" in again


async def test_words_that_a_queue_brings_in_the_wrong_order_are_told_in_the_right_one(night):
    moved, ahead = night.word(MOVED, 2, 50), night.word(AHEAD, 1)
    await night.office.tell(moved, ahead)
    await night.office.pass_time(3 * 60)
    assert ["moved" in body for _, body in night.office.channels["console"].sent] == [False, True]

    await night.office.tell(night.word(OFF, 2, customer="C9"), night.word(AHEAD, 1, customer="C9"))
    await night.office.pass_time(20 * 60)
    assert await night.office.reasons("C9") == {
        "planned_cancelled": "what it follows was never announced", "planned_ahead": "the work is cancelled",
    }  # fmt: skip


@pytest.mark.parametrize("seed", range(30))
async def test_in_whatever_order_words_come_nobody_hears_one_twice_or_the_old_after_the_new(night, seed):
    """Words of work that was announced, moved and cancelled, twice each, at any time of day."""
    chance = random.Random(seed)
    night.clock.set(NOON + chance.randrange(24) * HOUR)
    words = [night.word(AHEAD, 1), night.word(MOVED, 2, 50), night.word(OFF, 3, 50)] * 2
    chance.shuffle(words)
    for each in words:
        await night.office.tell(replaced(each, created_at=night.clock.now()))
        await night.office.pass_time(chance.choice((60, 600, 3_600)), 60)
    bodies = await night.morning()
    assert len(bodies) == len(set(bodies))
    kinds = [next(word for word in ("will be off", "has moved", "cancelled") if word in body) for body in bodies]
    assert "cancelled" not in kinds[:-1]
    assert not kinds or kinds[-1] == "cancelled"


async def test_a_substation_of_50_000_customers_is_told_minute_by_minute_in_little_memory(utility, monkeypatch):
    feeders, each = 13, 4_000
    for number in range(feeders):
        rows = [
            RosterRow(
                meter_id=f"B{number}-{nth}", feeder_id=f"B{number}", customer_id=f"{number}-{nth}", transformer_id="T",
                substation_id="BIG",
            )
            for nth in range(each)
        ]  # fmt: skip
        await utility.application.feeders.load(rows, NOON)
    utility.clock.set(START - 30 * HOUR)
    await utility.order("BIG")
    told: dict[str, int] = {}

    async def tell(*notifications) -> None:
        for notification in notifications:
            told[notification.key] = told.get(notification.key, 0) + 1

    monkeypatch.setattr(utility.office, "tell", tell)
    tracemalloc.start()
    for minute in range(10):
        utility.clock.set(START - 30 * HOUR + 60 * (minute + 1))
        await utility.minute()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(told) == sum(told.values()) == feeders * each
    assert max(utility.expanded) <= announcing.MOST_A_RUN + each
    assert peak < 40 * 2**20, f"{peak / 2**20:.0f} MiB"


@pytest.mark.parametrize("then", ["planned", "cancelled"])
async def test_who_stays_below_a_narrowed_order_hears_that_the_old_hours_are_off(utility, then):
    await utility.order("F", asset_kind="feeder")
    await utility.pass_until(START - 40 * HOUR)
    later = START + 5 * 24 * HOUR
    await utility.order("T1", start=later, end=later + 3 * HOUR)
    await utility.pass_until(START - 30 * HOUR)
    await utility.order("T1", start=later, end=later + 3 * HOUR, status=then)
    await utility.pass_until(START + 3 * HOUR)
    assert ["is cancelled" in words for words in utility.heard("C2")] == [False, True]


async def test_who_stays_below_an_order_narrowed_during_the_work_hears_that_it_takes_longer(utility):
    await utility.order("F", asset_kind="feeder")
    await utility.pass_until(START + HOUR, 30 * 60)
    await utility.order("T1", status="in_progress")
    await utility.pass_until(START + 2 * HOUR, 30 * 60)
    await utility.order("T1", status="in_progress", end=START + 8 * HOUR)
    await utility.pass_until(START + 4 * HOUR, 30 * 60)
    assert "has moved" in utility.heard("C2")[-1]
    assert "is cancelled" in utility.heard("C3")[-1]
