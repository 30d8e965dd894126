"""Dispatch: what cannot be delivered becomes a dead letter, and an outage of a store buries nothing."""

from __future__ import annotations

import base64

import msgspec
import pytest

from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.errors import NotSent, TransientFault
from functions.domain.notifications import IntentKind, Notification
from functions.services.dispatch import DispatchService

MESSAGE = Notification(
    key="inc:A|C1|outage_seen|console", customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen,
    channel="console", started_at=0, restored_at=None, created_at=0,
)  # fmt: skip


class Delivery:
    def __init__(self, fault=None):
        self.fault, self.delivered = fault, []

    async def deliver(self, notification):
        if self.fault:
            raise self.fault
        self.delivered.append(notification)
        return True


@pytest.fixture
def letters(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path).letters
    database.close()


async def test_a_message_is_delivered(letters):
    delivery = Delivery()
    await DispatchService(delivery, letters).dispatch(msgspec.json.encode(MESSAGE), 1)
    assert delivery.delivered == [MESSAGE]
    assert await letters.letters(10) == []


async def test_a_message_that_fails_five_times_becomes_a_dead_letter(letters):
    service, body = DispatchService(Delivery(NotSent("the provider says no")), letters), msgspec.json.encode(MESSAGE)
    for tries in range(1, 5):
        with pytest.raises(NotSent):
            await service.dispatch(body, tries)
    assert await letters.letters(10) == []
    await service.dispatch(body, 5)
    (letter,) = await letters.letters(10)
    assert letter.partition == "notifications"
    assert "the provider says no" in letter.reason
    assert msgspec.json.decode(letter.content)["key"] == MESSAGE.key


async def test_a_store_out_of_reach_buries_no_message(letters):
    with pytest.raises(TransientFault):
        await DispatchService(Delivery(TransientFault("throttled")), letters).dispatch(msgspec.json.encode(MESSAGE), 99)
    assert await letters.letters(10) == []


@pytest.mark.parametrize("body", [b"\xffnot text", b"not json", b"[]"])
async def test_a_message_that_is_no_notification_is_kept_as_it_came(letters, body):
    await DispatchService(Delivery(), letters).dispatch(body, 5)
    (letter,) = await letters.letters(10)
    assert base64.b64decode(msgspec.json.decode(letter.content)["message"]) == body


async def test_objects_without_a_key_do_not_replace_each_other(letters):
    service = DispatchService(Delivery(), letters)
    for body in (b'{"a":1}', b'{"a":2}'):
        await service.bury(body)
    assert len(await letters.letters(10)) == 2
