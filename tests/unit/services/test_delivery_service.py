"""Delivery: a message is claimed, sent and recorded; what is known not to have gone out may go out later."""

from __future__ import annotations

import pytest

from functions.adapters.clocks import SetClock
from functions.adapters.json_lines import JsonLinesNotifier
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.errors import NotSent, TransientFault
from functions.domain.notifications import IntentKind, Notification
from functions.services.delivery import DeliveryService

NOW = 1_700_000_000
MESSAGE = Notification(
    key="inc:A|C1|outage_seen|console", customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen,
    channel="console", started_at=NOW, restored_at=None, created_at=NOW,
)  # fmt: skip


class Channel:
    name = "console"

    def __init__(self, *faults):
        self.faults, self.sent = list(faults), []

    async def send(self, notification, customer, body):
        if self.faults:
            raise self.faults.pop(0)
        self.sent.append(body)
        return "ref"


@pytest.fixture
def stores(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


def delivery(stores, channel):
    return DeliveryService(stores.deliveries, stores.customers, channel, SetClock(NOW))


async def test_a_refused_message_is_sent_when_the_channel_takes_it(stores):
    channel = Channel(NotSent("the disk is full"))
    with pytest.raises(NotSent):
        await delivery(stores, channel).deliver(MESSAGE)
    assert await stores.deliveries.counts() == {"failed": 1}
    assert await delivery(stores, channel).deliver(MESSAGE) is True
    assert await delivery(stores, channel).deliver(MESSAGE) is False
    assert len(channel.sent) == 1


async def test_an_interrupted_message_stays_claimed_and_is_never_sent_blindly(stores):
    channel = Channel(RuntimeError("the line went dead"))
    with pytest.raises(RuntimeError):
        await delivery(stores, channel).deliver(MESSAGE)
    assert await delivery(stores, channel).deliver(MESSAGE) is False
    assert await stores.deliveries.counts() == {"claimed": 1}
    assert channel.sent == []


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
