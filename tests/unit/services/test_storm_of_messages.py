"""A storm of 10,000 customers: the cap holds in every minute over all processes, and critical customers go first."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from message_office import NOON, Channel, Office, message, put_incident

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.customers import Customer
from functions.domain.incidents import Member, MemberChunk
from functions.domain.notifications import DeliveryState, Intent, IntentKind
from functions.domain.rates import Limits
from functions.services.fan_out import FanOutService

CUSTOMERS, CAP = 10_000, 1_200
CRITICAL = frozenset(f"C{nth:05}" for nth in range(13, CUSTOMERS, 20))


@pytest.fixture
def stores(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


class Timed(Channel):
    """Notes the minute of each message."""

    def __init__(self, clock):
        super().__init__("sms")
        self._clock = clock
        self.minutes = Counter()

    async def send(self, notification, customer, body):
        self.minutes[self._clock.now() // 60] += 1
        return await super().send(notification, customer, body)


async def queued(stores):
    """The notifications of one outage, as fan-out queues them."""
    members = [
        Member(
            anomaly_id=f"A{nth}", meter_id=f"M{nth}", customer_id=f"C{nth:05}", transformer_id="T", kind="power_off",
            start=NOON,
        )
        for nth in range(CUSTOMERS)
    ]  # fmt: skip
    chunks = [
        MemberChunk(id=f"c{first}", feeder_id="F", incident_id="inc:A", members=tuple(members[first : first + 1_000]))
        for first in range(0, CUSTOMERS, 1_000)
    ]
    await stores.incidents.put_chunks(chunks)
    await stores.customers.put(
        Customer(customer_id=each.customer_id, phone="+12025550143", critical=each.customer_id in CRITICAL)
        for each in members
    )
    intent = Intent(
        id="inc:A:r1:outage_seen", kind=IntentKind.outage_seen, incident_id="inc:A", revision=1, feeder_id="F",
        chunks=tuple(each.id for each in chunks), created_at=NOON,
    )  # fmt: skip
    fan_out = FanOutService(stores.incidents, stores.customers, stores.letters)
    return (await fan_out.expand([{**msgspec.to_builtins(intent), "type": "intent"}])).notifications


async def test_a_storm_keeps_to_the_cap_and_reaches_everybody_critical_customers_first(stores):
    clock = SetClock(NOON)
    channel = Timed(clock)
    offices = [Office(stores, clock, channel, limits=Limits(CAP)) for _ in range(3)]
    await put_incident(stores, over=False)
    notifications = await queued(stores)
    for nth, notification in enumerate(notifications):
        await offices[nth % 3].tell(notification)
    waiting = CUSTOMERS - len(channel.sent)
    await offices[0].pass_time(60)
    assert offices[0].reports[-1].waiting == waiting - channel.minutes[NOON // 60 + 1] > 0
    await offices[0].pass_time(10 * 60)
    assert sorted(channel.customers) == sorted(each.customer_id for each in notifications)
    assert max(channel.minutes.values()) <= CAP
    assert set(channel.customers[: len(CRITICAL)]) == CRITICAL
    assert len(channel.minutes) <= 1 + CUSTOMERS / (0.85 * CAP)
    assert offices[0].reports[-1].waiting == 0


async def test_a_critical_customer_overtakes_a_backlog_and_others_do_not(stores):
    clock = SetClock(NOON)
    channel = Channel("sms")
    office = Office(stores, clock, channel, limits=Limits(20))
    await put_incident(stores, over=False)
    await stores.customers.put(
        Customer(customer_id=name, phone="+12025550143", critical=name == "late and critical")
        for name in [*(f"early {nth:02}" for nth in range(60)), "late", "late and critical"]
    )
    states = await office.tell(*(message(customer=f"early {nth:02}") for nth in range(60)))
    assert Counter(states) == {DeliveryState.sent: 18, DeliveryState.held: 42}
    await office.pass_time(60)
    assert await office.tell(message(customer="late"), message(customer="late and critical")) == [
        DeliveryState.held,
        DeliveryState.sent,
    ]
    await office.pass_time(240)
    order = channel.customers
    assert order.index("late and critical") < order.index("early 59") < order.index("late")


async def test_a_sender_is_not_given_more_than_a_minutes_worth(stores):
    clock = SetClock(NOON)
    office = Office(stores, clock, Channel("sms"), Channel("webhook"), limits=Limits(0, 0.5))
    await stores.customers.put(
        Customer(customer_id=f"C{nth}", phone="+12025550143", channels=("sms" if nth < 100 else "webhook",))
        for nth in range(120)
    )
    await office.tell(*(message(customer=f"C{nth}") for nth in range(120)))
    assert (len(office.channels["sms"].sent), len(office.channels["webhook"].sent)) == (27, 20)
