"""Status reports: whatever their order and number, a message ends in one state, and what did not arrive goes on."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import msgspec
import pytest
from message_office import Channel
from priors import prior

from functions.adapters.clocks import SetClock
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.customers import SqliteCustomers
from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.deliveries import SqliteDeliveries
from functions.application import Application
from functions.domain.customers import ConsentState, Customer
from functions.domain.errors import RejectedDocument, TransientFault
from functions.domain.message_report import MessageReport
from functions.domain.notifications import Delivery, DeliveryState, IntentKind, Notification, send_key
from functions.domain.status_reports import ProviderStatus, token_of
from functions.services.status import StatusService
from functions.settings import Settings

NOW = 1_700_000_000
PHONE = "+12025550101"
KEY = send_key("inc:A", "C1", IntentKind.outage_seen)
TOKEN = token_of("C1", KEY)
SID = "SM1"


class Watch:
    """A `Telemetry` that counts."""

    outcomes: ClassVar[Counter[str]] = Counter()

    def messages(self, report: MessageReport) -> None:
        self.outcomes.update(report.outcomes)

    def batch(self, report: object) -> None:
        pass


@pytest.fixture
def database() -> Iterator[Database]:
    opened = Database(":memory:")
    yield opened
    opened.close()


@pytest.fixture
def deliveries(database: Database) -> SqliteDeliveries:
    return SqliteDeliveries(database)


def taking(database: Database, *channels: str) -> StatusService:
    return StatusService(SqliteDeliveries(database), SqliteCustomers(database), channels, Watch(), SetClock(NOW + 60))


@pytest.fixture
def service(database: Database, deliveries: SqliteDeliveries) -> StatusService:
    return StatusService(deliveries, SqliteCustomers(database), ("sms", "voice"), Watch(), SetClock(NOW + 60))


async def know(database: Database, customer_id: str = "C1", *, critical: bool = True) -> None:
    await SqliteCustomers(database).put([Customer(customer_id=customer_id, phone=PHONE, critical=critical)])


def record(state: DeliveryState = DeliveryState.sent, *, critical: bool = False, channel: str = "sms") -> Delivery:
    message = Notification(
        key=KEY, customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen, channel=channel, started_at=NOW,
        restored_at=None, created_at=NOW,
    )  # fmt: skip
    waiting = state in (DeliveryState.claimed, DeliveryState.unknown)
    return Delivery(
        key=KEY, customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen, channel=channel, state=state,
        body="dark. Ref KISJEU", claimed_at=NOW, to=PHONE, critical=critical, notification=message,
        reference="" if waiting else SID, sent_at=None if waiting else NOW, not_before=NOW + 90 if waiting else 0,
    )  # fmt: skip


def form(status: str, code: str = "") -> dict[str, str]:
    fields = {"MessageSid": SID, "MessageStatus": status}
    return {**fields, "ErrorCode": code} if code else fields


REPORTS = {
    "arrived": ([form("queued"), form("sending"), form("sent"), form("delivered")], "delivered", ""),
    "lost": ([form("queued"), form("sent"), form("undelivered", "30003")], "undelivered", "30003"),
    "refused": ([form("queued"), form("sent"), form("failed", "30008")], "failed", "30008"),
    "both": ([form("sent"), form("undelivered", "30003"), form("delivered")], "delivered", ""),
    "two codes": ([form("sent"), form("undelivered", "30003"), form("undelivered", "30005")], "undelivered", "30005"),
}


@pytest.mark.parametrize("state", [DeliveryState.claimed, DeliveryState.unknown, DeliveryState.sent])
@pytest.mark.parametrize("story", REPORTS)
async def test_every_order_of_the_reports_with_doubles_ends_the_same(story: str, state: DeliveryState) -> None:
    reports, end, code = REPORTS[story]
    ends = []
    for number, order in enumerate(itertools.permutations([*reports, reports[-1]])):
        database = Database(":memory:")
        deliveries = SqliteDeliveries(database)
        await deliveries.claim(record(state))
        service = taking(database, "sms", "voice")
        for each in order:
            await service.take_form(TOKEN, each)
        ends.append(await deliveries.read("C1", KEY))
        assert ends[number] == ends[0], order
        database.close()
    assert ends[0] is not None
    assert (ends[0].state, ends[0].code, ends[0].reference) == (end, code, SID)
    assert ends[0].sent_at == (NOW if state is DeliveryState.sent else NOW + 60)


async def test_each_state_is_counted_once(
    database: Database, deliveries: SqliteDeliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Watch, "outcomes", Counter())
    await deliveries.claim(record(DeliveryState.unknown))
    for status in ("sent", "sent", "delivered", "sent", "delivered"):
        await taking(database).take_form(TOKEN, form(status))
    assert Watch.outcomes == {"sent": 1, "delivered": 1}


async def test_a_report_is_the_answer_to_what_was_unknown(deliveries: SqliteDeliveries, service: StatusService) -> None:
    await deliveries.claim(record(DeliveryState.unknown))
    await service.take_form(TOKEN, form("queued"))
    known = await deliveries.read("C1", KEY)
    assert known is not None
    assert (known.state, known.reference, known.not_before) == ("sent", SID, NOW + 60 + 1_800)  # Twilio is asked then


async def test_a_report_that_is_not_the_end_leaves_when_twilio_is_to_be_asked(
    deliveries: SqliteDeliveries, service: StatusService
) -> None:
    taken = msgspec.structs.replace(record(), not_before=NOW + 1_800)
    await deliveries.claim(taken)
    for status in ("queued", "sent"):
        await service.take_form(TOKEN, form(status))
    assert [each.not_before for each in await deliveries.unconfirmed(NOW + 1_800, 10)] == [NOW + 1_800]
    await service.take_form(TOKEN, form("delivered"))
    assert await deliveries.unconfirmed(NOW + 1_800, 10) == []


@pytest.mark.parametrize("state", [DeliveryState.expired, DeliveryState.dropped, DeliveryState.held])
async def test_what_was_never_handed_over_is_not_moved_by_a_report(
    deliveries: SqliteDeliveries, service: StatusService, state: DeliveryState
) -> None:
    await deliveries.claim(record(state))
    await service.take_form(TOKEN, form("delivered"))
    assert await deliveries.read("C1", KEY) == record(state)


@pytest.mark.parametrize(
    ("status", "end", "code"),
    [("completed", "delivered", ""), ("busy", "undelivered", "busy"), ("no-answer", "undelivered", "no-answer"),
     ("failed", "failed", ""), ("canceled", "failed", "canceled")],
)  # fmt: skip
async def test_the_end_of_a_call_is_understood(
    deliveries: SqliteDeliveries, service: StatusService, status: str, end: str, code: str
) -> None:
    await deliveries.claim(record(channel="voice"))
    await service.take_form(TOKEN, {"CallSid": SID, "CallStatus": status})
    known = await deliveries.read("C1", KEY)
    assert known is not None
    assert (known.state, known.code) == (end, code)


@pytest.mark.parametrize("status", ["undelivered", "failed"])
async def test_a_critical_customer_whom_a_text_did_not_reach_is_called_once(
    database: Database, deliveries: SqliteDeliveries, service: StatusService, status: str
) -> None:
    await know(database)
    await deliveries.claim(record(critical=True))
    for _ in range(3):
        await service.take_form(TOKEN, form(status, "30003"))

    text, call = await deliveries.of_customer("C1")
    assert (text.state, text.code, text.reason) == (status, "30003", "the phone was off or out of reach")
    assert (call.channel, call.state, call.not_before, call.reference) == ("voice", "held", NOW + 60, "")
    assert call.notification is not None
    assert (call.notification.key, call.notification.attempt) == (call.key, 2)
    assert [each.key for each in await deliveries.due(NOW + 60, critical=True, limit=9)] == [call.key]


@pytest.mark.parametrize(
    ("critical", "channel", "channels"),
    [(False, "sms", ("sms", "voice")), (True, "voice", ("sms", "voice")), (True, "sms", ("sms",))],
)
async def test_others_and_calls_and_deployments_without_voice_have_no_other_way(
    database: Database, deliveries: SqliteDeliveries, critical: bool, channel: str, channels: tuple[str, ...]
) -> None:
    await know(database, critical=critical)
    await deliveries.claim(record(critical=critical, channel=channel))
    await taking(database, *channels).take_form(TOKEN, form("undelivered", "30003"))
    assert [each.state for each in await deliveries.of_customer("C1")] == ["undelivered"]


async def test_an_opt_out_that_the_provider_knows_is_kept_and_nobody_is_called(
    database: Database, deliveries: SqliteDeliveries, service: StatusService
) -> None:
    await know(database)
    await deliveries.claim(record(critical=True))
    await service.take_form(TOKEN, form("failed", "21610"))
    consent = await deliveries.consent(PHONE)
    assert consent is not None
    assert (consent.state, consent.source) == (ConsentState.opted_out, "21610")
    assert len(await deliveries.of_customer("C1")) == 1


async def test_a_second_message_under_one_key_is_an_error_people_see(
    deliveries: SqliteDeliveries, service: StatusService, caplog: pytest.LogCaptureFixture
) -> None:
    await deliveries.claim(record())
    await service.take_form(TOKEN, {"MessageSid": "SM2", "MessageStatus": "delivered"})
    assert "went out twice" in caplog.text
    assert PHONE not in caplog.text


async def test_a_report_on_what_was_deleted_or_in_a_new_status_changes_nothing(
    deliveries: SqliteDeliveries, service: StatusService
) -> None:
    assert await service.take_form(TOKEN, form("delivered")) is None
    await deliveries.claim(record())
    assert await service.take_form(TOKEN, form("teleported")) is None
    assert await deliveries.read("C1", KEY) == record()


@pytest.mark.parametrize("token", ["", "####", "e30", "WyJDMSJd", "a", "ÿ"])
async def test_an_address_that_was_not_made_here_is_refused(service: StatusService, token: str) -> None:
    with pytest.raises(RejectedDocument, match="names no delivery"):
        await service.take_form(token, form("delivered"))


async def test_a_record_that_changes_meanwhile_is_read_again(
    deliveries: SqliteDeliveries, service: StatusService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deliveries.claim(record(DeliveryState.claimed))
    replace, raced = deliveries.replace, []

    async def race(before: Delivery, after: Delivery) -> bool:
        if not raced:
            raced.append(await replace(before, record()))  # the sender writes down that it was sent
        return await replace(before, after)

    monkeypatch.setattr(deliveries, "replace", race)
    await service.take_form(TOKEN, form("delivered"))
    known = await deliveries.read("C1", KEY)
    assert known is not None
    assert (known.state, known.sent_at, raced) == ("delivered", NOW, [True])


async def test_a_record_that_never_stands_still_is_to_be_reported_again(
    deliveries: SqliteDeliveries, service: StatusService, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deliveries.claim(record())

    async def never(*_: Delivery) -> bool:
        return False

    monkeypatch.setattr(deliveries, "replace", never)
    with pytest.raises(TransientFault, match="report again"):
        await service.take_form(TOKEN, form("delivered"))


class Asked(Channel):
    """A provider that says of every message that it arrived."""

    async def status(self, delivery: Delivery) -> ProviderStatus:
        return ProviderStatus("delivered")


async def test_the_minutes_timer_asks_about_messages_that_nobody_reported(database: Database, tmp_path: Path) -> None:
    clock = SetClock(NOW)
    application = Application.build(
        Settings(output=tmp_path), sqlite_stores(database, tmp_path), score=lambda *_: None, prior=prior(),
        notifiers={"sms": Asked("sms")}, plans=PhoneNumbers(), telemetry=Watch(), clock=clock,
    )  # fmt: skip
    await know(database)
    notification = record().notification
    assert notification is not None
    assert await application.delivery.deliver(notification) is DeliveryState.sent
    clock.set(NOW + 29 * 60)
    assert (await application.advancing.advance()).messages == 0
    clock.set(NOW + 30 * 60)
    assert (await application.advancing.advance()).messages == 1
    assert await application.stores.deliveries.counts() == {"delivered": 1}
