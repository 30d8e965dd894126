"""Delivery: a message is claimed, sent and recorded; what is known not to have gone out may go out later."""

from __future__ import annotations

import pytest

from functions.adapters.clocks import SetClock
from functions.adapters.json_lines import JsonLinesNotifier
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.errors import NotSent, TransientFault
from functions.domain.notifications import IntentKind, Notification
from functions.services.delivery import SENDING_S, DeliveryService

NOW = 1_700_000_000
MESSAGE = Notification(
    key="inc:A|C1|outage_seen|console", customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen,
    channel="console", started_at=NOW, restored_at=None, created_at=NOW,
)  # fmt: skip


class Channel:
    name = "console"

    def __init__(self, *faults, known=None):
        self.faults, self.sent, self.known = list(faults), [], known

    async def send(self, notification, customer, body):
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append(body)
        return "ref"

    async def find(self, claim):
        return self.known


@pytest.fixture
def stores(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


def delivery(stores, channel, now=NOW):
    return DeliveryService(stores.deliveries, stores.customers, channel, SetClock(now))


async def test_a_refused_message_is_sent_when_the_channel_takes_it(stores):
    channel = Channel(NotSent("the disk is full"))
    with pytest.raises(NotSent):
        await delivery(stores, channel).deliver(MESSAGE)
    assert await stores.deliveries.counts() == {"failed": 1}
    assert await delivery(stores, channel).deliver(MESSAGE) is True
    assert await delivery(stores, channel).deliver(MESSAGE) is False
    assert len(channel.sent) == 1


async def interrupted(stores):
    with pytest.raises(RuntimeError):
        await delivery(stores, Channel(RuntimeError("the line went dead"))).deliver(MESSAGE)


async def test_an_interrupted_message_is_left_alone_while_somebody_may_be_sending_it(stores):
    await interrupted(stores)
    channel = Channel()
    with pytest.raises(NotSent, match="may be on its way"):
        await delivery(stores, channel, NOW + SENDING_S - 1).deliver(MESSAGE)
    assert await stores.deliveries.counts() == {"claimed": 1}
    assert channel.sent == []


async def test_an_interrupted_message_that_went_out_is_recorded_and_not_sent_again(stores):
    await interrupted(stores)
    channel = Channel(known="SM1")
    assert await delivery(stores, channel, NOW + SENDING_S).deliver(MESSAGE) is False
    assert await stores.deliveries.counts() == {"sent": 1}
    assert (await stores.deliveries.read("C1", MESSAGE.key)).reference == "SM1"
    assert channel.sent == []


async def test_an_interrupted_message_that_never_went_out_is_sent_once(stores):
    await interrupted(stores)
    channel = Channel()
    assert await delivery(stores, channel, NOW + SENDING_S).deliver(MESSAGE) is True
    assert await delivery(stores, channel, NOW + 2 * SENDING_S).deliver(MESSAGE) is False
    assert len(channel.sent) == 1


async def test_a_customer_who_cannot_be_read_costs_no_claim(stores, monkeypatch):
    read, faults = stores.customers.read, [TransientFault("throttled")]

    async def sometimes(customer_id):
        if faults:
            raise faults.pop()
        return await read(customer_id)

    monkeypatch.setattr(stores.customers, "read", sometimes)
    channel = Channel()
    with pytest.raises(TransientFault):
        await delivery(stores, channel).deliver(MESSAGE)
    assert await delivery(stores, channel).deliver(MESSAGE) is True
    assert len(channel.sent) == 1


async def test_a_file_that_cannot_be_written_is_a_message_not_sent(stores, tmp_path):
    (tmp_path / "notifications.jsonl").mkdir()
    with pytest.raises(NotSent, match="cannot be written"):
        await delivery(stores, JsonLinesNotifier(tmp_path / "notifications.jsonl")).deliver(MESSAGE)
