"""Exactly once: whenever a process dies, and however a channel answers, nobody gets a message twice or never."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest
from message_office import NOON, Channel, Killed, Office, counted, message, put_incident, replaced

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.customers import Consent, ConsentState, Customer
from functions.domain.errors import NotSent, TransientFault
from functions.domain.notifications import DeliveryState, IntentKind


@pytest.fixture
def stores(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


class Mortal:
    """A `DeliveryStore` whose process dies at one of its calls: before it took effect, or after."""

    def __init__(self, store, at, *, after):
        self._store = store
        self._left = at
        self._after = after
        self.died = False

    def __getattr__(self, name):
        method = getattr(self._store, name)

        async def call(*arguments, **named):
            self._left -= 1
            if self._left:
                return await method(*arguments, **named)
            self.died = True
            if self._after:
                await method(*arguments, **named)
            raise Killed

        return call


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("fault", [None, "answer lost", "not heard", NotSent("busy", retry_after_s=5)])
async def test_a_process_that_dies_at_any_step_leaves_a_message_sent_once(tmp_path, after, fault):
    deaths = 0
    for step in range(1, 40):
        database = Database(":memory:")
        stores, clock = sqlite_stores(database, tmp_path), SetClock(NOON)
        channel = Channel("console", *([fault] if fault else []))
        await put_incident(stores, over=False)
        mortal = Mortal(stores.deliveries, step, after=after)
        first = Office(stores._replace(deliveries=mortal), clock, channel)
        try:
            await first.tell(message())
            await first.pass_time(600)
        except Killed:
            deaths += 1
        survivor = Office(stores, clock, channel)
        await survivor.tell(message())  # the queue brings it again
        await survivor.pass_time(900)
        assert channel.customers == ["C1"], f"step {step}"
        assert await survivor.states() == {"outage_seen 1": "sent"}
        database.close()
        if not mortal.died:
            break
    assert deaths >= 4


async def test_two_processes_with_the_same_message_send_it_once(stores):
    clock, channel = SetClock(NOON), Channel()
    offices = [Office(stores, clock, channel) for _ in range(4)]
    await asyncio.gather(*(office.tell(message()) for office in offices))
    assert channel.customers == ["C1"]


async def test_two_processes_that_release_the_same_message_send_it_once(stores):
    clock = SetClock(NOON)
    channel = Channel("console", NotSent("busy"))
    offices = [Office(stores, clock, channel) for _ in range(4)]
    await put_incident(stores, over=False)
    await offices[0].tell(message())
    clock.set(NOON + 60)
    await asyncio.gather(*(office.releasing.release() for office in offices))
    assert channel.customers == ["C1"]


FAULTS = (
    "answer lost",
    "not heard",
    "killed before",
    "killed after",
    NotSent("too many requests", retry_after_s=5, code="20429"),
    NotSent("no such number", permanent=True, code="21211"),
)
"""Each befalls one try in twenty."""


async def test_a_storm_with_faults_and_deaths_loses_nothing_and_repeats_nothing(stores):
    customers, rng = 2_000, random.Random(7)
    clock = SetClock(NOON)
    plan = {nth: rng.choice(FAULTS) for nth in range(4 * customers) if rng.random() < 0.3}
    channel = Channel("sms", fault_of=plan.get)
    names = [f"C{nth}" for nth in range(customers)]
    await stores.customers.put(
        Customer(customer_id=name, phone=f"+1202{5550000 + nth}") for nth, name in enumerate(names)
    )
    stopped = set(rng.sample(names, 100))
    for name in stopped:
        phone = (await stores.customers.read(name)).phone
        await stores.deliveries.put_consent(Consent(phone=phone, state=ConsentState.opted_out, at=NOON, source="STOP"))
    await put_incident(stores, over=False)
    queue = [message(customer=name) for name in names]
    office = Office(stores, clock, channel)
    while queue:
        notification = queue.pop(0)
        try:
            await office.tell(notification)
        except Killed:
            office = Office(stores, clock, channel)  # the next process; the queue brings the message again
            queue.append(notification)
    for _ in range(40):
        clock.set(clock.now() + 60)
        try:
            await office.releasing.release()
        except Killed:
            office = Office(stores, clock, channel)
    counts = await stores.deliveries.counts()
    assert max(Counter(channel.customers).values()) == 1
    assert stopped.isdisjoint(channel.customers)
    assert counts["dropped"] == len(stopped)
    assert sum(counts.values()) == customers
    assert set(counts) <= {"sent", "failed", "dropped"}
    assert counts["sent"] == len(channel.sent)


async def test_a_store_that_fails_while_a_message_is_recorded_leaves_it_to_be_found(stores, monkeypatch):
    clock, channel = SetClock(NOON), Channel()
    office = Office(stores, clock, channel)
    replace, faults = stores.deliveries.replace, [TransientFault("throttled")]

    async def sometimes(before, after):
        if faults:
            raise faults.pop()
        return await replace(before, after)

    monkeypatch.setattr(stores.deliveries, "replace", sometimes)
    with pytest.raises(TransientFault):
        await office.tell(message())
    assert await office.tell(message()) == [None]
    await office.pass_time(300)
    assert await office.states() == {"outage_seen 1": "sent"}
    assert channel.customers == ["C1"]
    assert counted(office.reports)["sent"] == 1


async def test_a_record_without_its_notification_is_settled_and_never_repeated(stores):
    clock, channel = SetClock(NOON), Channel("console", "killed before")
    office = Office(stores, clock, channel)
    with pytest.raises(Killed):
        await office.tell(message())
    (claim,) = await stores.deliveries.of_customer("C1")
    await stores.deliveries.replace(claim, replaced(claim, notification=None))
    await office.pass_time(600)
    assert await office.states() == {"outage_seen 1": "failed"}
    assert channel.sent == []


async def test_a_channel_that_is_taken_down_leaves_its_open_messages_unknown(stores):
    clock = SetClock(NOON)
    with pytest.raises(Killed):
        await Office(stores, clock, Channel("console", "killed after")).tell(message())
    office = Office(stores, clock, Channel("webhook"))
    await office.pass_time(600)
    (record,) = await stores.deliveries.in_state(DeliveryState.unknown, 10)
    assert "set it up" in record.reason
    assert record.kind is IntentKind.outage_seen
