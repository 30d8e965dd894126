"""Twilio's adapters: what faults mean, what is kept quiet, and whose webhooks are believed."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from emulators.twilio import TwilioServer
from emulators.twilio.faults import Rule
from emulators.twilio.reporting import sign
from requests import ConnectionError as NotConnected
from requests import ConnectTimeout, ReadTimeout
from twilio.base.exceptions import TwilioException, TwilioRestException

from functions.adapters.twilio import faults
from functions.adapters.twilio.account import TwilioAccount, TwilioSenders
from functions.adapters.twilio.faults import fault_of
from functions.adapters.twilio.sms import TwilioSms
from functions.adapters.twilio.voice import TwilioVoice
from functions.adapters.twilio.webhooks import TwilioWebhooks
from functions.domain.customers import Customer
from functions.domain.errors import NotSent, Unknown
from functions.domain.notifications import IntentKind, Notification
from functions.domain.status_reports import read_token

CUSTOMER = Customer(customer_id="C1", phone="+12025550101")
SENDERS = TwilioSenders(number="+15550100000", status_url="https://metersentry.example/api/twilio/status")
TOKEN = "the auth token"
URL = "https://metersentry.example"
PATH = "/api/twilio/status?delivery=abc"


@pytest.fixture(scope="module")
def process() -> Iterator[TwilioServer]:
    with TwilioServer() as running:
        yield running


@pytest.fixture
def server(process: TwilioServer) -> TwilioServer:
    process.reset()
    return process


@pytest.fixture
def account(server: TwilioServer) -> Iterator[TwilioAccount]:
    opened = TwilioAccount(server.sid, server.token, SENDERS, server.url)
    yield opened
    opened.close()


def message(key: str = "k1") -> Notification:
    return Notification(
        key=key, customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen, channel="sms", started_at=0,
        restored_at=None, created_at=0,
    )  # fmt: skip


def refusal(status: int, code: int | None) -> TwilioRestException:
    return TwilioRestException(status, "/Messages.json", "to +12025550101", code, "POST")


@pytest.mark.parametrize(
    ("fault", "retry", "permanent", "words"),
    [
        (refusal(429, 20429), True, False, "too many requests"),
        (refusal(429, None), True, False, "too many requests"),
        (refusal(401, 20003), True, False, "TWILIO_AUTH_TOKEN"),
        (refusal(403, 20003), True, False, "TWILIO_AUTH_TOKEN"),
        (refusal(400, 21606), True, False, "TWILIO_FROM"),
        (refusal(400, 21408), True, False, "TWILIO_FROM"),
        (refusal(400, 21211), False, True, "refuses"),
        (refusal(400, 21614), False, True, "refuses"),
        (refusal(400, 21610), False, True, "refuses"),
        (refusal(404, 20404), False, True, "refuses"),
        (ConnectTimeout(), True, False, "cannot be reached"),
    ],
)
def test_what_was_certainly_not_taken(fault: Exception, retry: bool, permanent: bool, words: str) -> None:
    said = fault_of(fault, "the message")
    assert isinstance(said, NotSent)
    assert (said.retry_after_s > 0, said.permanent) == (retry, permanent)
    assert words in str(said)
    assert "+1202" not in str(said)
    if isinstance(fault, TwilioRestException) and fault.code:
        assert said.code == str(fault.code)


@pytest.mark.parametrize(
    "fault",
    [refusal(500, 20500), refusal(503, None), refusal(408, None), refusal(302, None), ReadTimeout("+12025550101"),
     NotConnected("aborted"), NotConnected(), TwilioException("no JSON"), ValueError("no JSON")],
)  # fmt: skip
def test_what_may_have_been_taken(fault: Exception) -> None:
    said = fault_of(fault, "the message")
    assert isinstance(said, Unknown)
    assert "+1202" not in str(said)


def test_a_fault_of_our_own_is_not_explained_away() -> None:
    with pytest.raises(AttributeError):
        fault_of(AttributeError("typo"), "the message")


@pytest.mark.parametrize("status", [401, 400])
def test_a_setting_at_fault_is_an_error_in_the_log_once_a_minute(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setattr(faults, "_told", {})
    for _ in range(3):
        fault_of(refusal(status, 20003 if status == 401 else 21606), "the message")
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "set TWILIO_" in caplog.text


async def test_nobody_listening_is_a_message_not_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        account = TwilioAccount("AC0", TOKEN, SENDERS, f"http://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(NotSent, match="cannot be reached"):
            await TwilioSms(account).send(message(), CUSTOMER, "dark")
        account.close()


@pytest.mark.parametrize("effect", ["cut", "drop_reply", "error", "unavailable"])
async def test_a_lost_answer_is_unknown_whatever_came_of_it(
    server: TwilioServer, account: TwilioAccount, effect: Any
) -> None:
    server.set_faults(Rule(effect))
    with pytest.raises(Unknown, match="C1"):
        await TwilioSms(account).send(message(), CUSTOMER, "dark")


async def test_a_message_names_its_delivery_in_the_address_of_its_reports(
    server: TwilioServer, account: TwilioAccount
) -> None:
    await TwilioSms(account).send(message("inc:M1:power_off:5|C1|é|1"), CUSTOMER, "dark")
    callback = server.messages()[0]["_status_callback"]
    address, _, token = callback.partition("?delivery=")
    assert address == SENDERS.status_url
    assert read_token(token) == ("C1", "inc:M1:power_off:5|C1|é|1")
    assert token.replace("-", "").replace("_", "").isalnum()


async def test_a_messaging_service_goes_before_the_number(server: TwilioServer) -> None:
    service = "MG" + "0" * 32
    senders = TwilioSenders("+15550100000", service)
    account = TwilioAccount(server.sid, server.token, senders, server.url)
    await TwilioSms(account).send(message(), CUSTOMER, "dark")
    account.close()
    made = server.messages()[0]
    assert (made["messaging_service_sid"], made["from"], made["_status_callback"]) == (service, None, "")


async def test_many_messages_at_once_each_get_their_own_reference(server: TwilioServer, account: TwilioAccount) -> None:
    notifier = TwilioSms(account)
    texts = [f"dark {number}" for number in range(200)]
    sids = await asyncio.gather(*(notifier.send(message(text), CUSTOMER, text) for text in texts))
    assert dict(zip(texts, sids, strict=True)) == {each["body"]: each["sid"] for each in server.messages()}


async def test_a_call_reads_the_words_twice_in_the_language(server: TwilioServer, account: TwilioAccount) -> None:
    customer = Customer(customer_id="C1", phone="+12025550101", language="fr")
    await TwilioVoice(account).send(message(), customer, "Panne <ici>")
    assert server.calls()[0]["_twiml"].endswith('<Say language="fr-FR" loop="2">Panne &lt;ici&gt;</Say></Response>')


async def test_a_language_that_no_voice_speaks_is_not_called(server: TwilioServer, account: TwilioAccount) -> None:
    customer = Customer(customer_id="C1", phone="+12025550101", language="sw")
    with pytest.raises(NotSent, match="speaks no 'sw'") as caught:
        await TwilioVoice(account).send(message(), customer, "Umeme umekatika")
    assert (caught.value.permanent, server.calls()) == (True, [])


async def test_no_number_and_no_secret_is_logged_or_shown(
    server: TwilioServer, account: TwilioAccount, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3").setLevel(logging.INFO)  # as the host has it
    notifier = TwilioSms(account)
    await notifier.send(message(), CUSTOMER, "dark")
    server.set_faults(Rule("opted_out"), Rule("unauthenticated"))
    for _ in range(2):
        with pytest.raises(NotSent):
            await notifier.send(message(), CUSTOMER, "dark")
    logging.getLogger("urllib3").setLevel(logging.NOTSET)
    for kept in (CUSTOMER.phone, server.token, "12025550101"):
        assert kept not in caplog.text
    assert server.token not in repr(account)


def test_what_twilio_signed_for_our_public_url_is_read() -> None:
    fields = {"MessageSid": "SM1", "MessageStatus": "sent", "Body": "é & ñ", "Empty": ""}
    signature = sign(TOKEN, f"{URL}{PATH}", fields)
    hooks = TwilioWebhooks(TOKEN, f"{URL}/")
    assert hooks.form(PATH, urlencode(fields).encode(), signature) == fields


@pytest.mark.parametrize(
    ("token", "url", "path", "body", "signature"),
    [
        ("another", URL, PATH, b"A=1", None),
        (TOKEN, "https://proxy.internal", PATH, b"A=1", None),
        (TOKEN, URL, PATH + "d", b"A=1", None),
        (TOKEN, URL, PATH, b"A=2", None),
        (TOKEN, URL, PATH, b"A=1&B=1", None),
        (TOKEN, URL, PATH, b"A=1", ""),
        (TOKEN, URL, PATH, b"A=1", "ÿ"),
        (TOKEN, URL, PATH, b"\xff\xfe", None),
    ],
)
def test_what_is_signed_otherwise_is_not(token: str, url: str, path: str, body: bytes, signature: str | None) -> None:
    right = sign(TOKEN, f"{URL}{PATH}", {"A": "1"})
    assert TwilioWebhooks(TOKEN, URL).form(PATH, b"A=1", right) == {"A": "1"}
    assert TwilioWebhooks(token, url).form(path, body, right if signature is None else signature) is None


def test_an_answer_is_twiml() -> None:
    hooks = TwilioWebhooks(TOKEN, URL)
    assert hooks.reply("").endswith("<Response />")
    assert hooks.reply("a & b").endswith("<Response><Message>a &amp; b</Message></Response>")
