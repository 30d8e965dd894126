"""Twilio's webhooks over HTTP: signed ones are believed, others change nothing, and both are answered at once."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlencode

import azure.functions as func
import httpx
import pytest
import uvicorn
from emulators.twilio import AUTH_TOKEN, TwilioServer
from emulators.twilio.faults import Rule
from twilio.request_validator import RequestValidator

from functions.adapters.twilio.account import TwilioAccount, TwilioSenders
from functions.adapters.twilio.sms import TwilioSms
from functions.adapters.twilio.webhooks import TwilioWebhooks
from functions.application import Application
from functions.domain.anomalies import KINDS
from functions.domain.customers import ConsentState, Customer
from functions.domain.notifications import Delivery, DeliveryState, IntentKind, Notification, send_key
from functions.domain.roster_row import RosterRow
from functions.domain.status_reports import token_of
from functions.web.app import create_app

PUBLIC = "https://metersentry.example"
PHONE = "+12025550101"
KEY = send_key("inc:A", "C1", IntentKind.outage_seen)
STATUS = f"/api/twilio/status?delivery={token_of('C1', KEY)}"
INBOUND = "/api/twilio/inbound"
MESSAGE = Notification(
    key=KEY, customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen, channel="sms", started_at=0,
    restored_at=None, created_at=0,
)  # fmt: skip


@pytest.fixture
def called(application: Application) -> Application:
    """The application, where Twilio can call it."""
    return dataclasses.replace(application, webhooks=TwilioWebhooks(AUTH_TOKEN, PUBLIC))


@pytest.fixture
async def client(called: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(lambda: called))
    # The host is the one a proxy talks to, not the one that Twilio signed.
    async with httpx.AsyncClient(transport=transport, base_url="http://10.0.0.4:8000") as opened:
        yield opened


async def claim(application: Application, state: DeliveryState = DeliveryState.sent, reference: str = "SM1") -> None:
    await application.stores.deliveries.claim(
        Delivery(
            key=KEY, customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen, channel="sms", state=state,
            body="dark", claimed_at=int(time.time()), to=PHONE, reference=reference, notification=MESSAGE,
        )
    )  # fmt: skip


async def post(client: httpx.AsyncClient, path: str, fields: dict[str, str], url: str = PUBLIC) -> httpx.Response:
    signature = RequestValidator(AUTH_TOKEN).compute_signature(f"{url}{path}", fields)
    headers = {"X-Twilio-Signature": signature, "Content-Type": "application/x-www-form-urlencoded"}
    return await client.post(path, content=urlencode(fields), headers=headers)


async def state(application: Application) -> str:
    known = await application.stores.deliveries.read("C1", KEY)
    assert known is not None
    return known.state


async def test_a_signed_report_is_recorded(client: httpx.AsyncClient, called: Application) -> None:
    await claim(called)
    answer = await post(client, STATUS, {"MessageSid": "SM1", "MessageStatus": "delivered"})
    assert (answer.status_code, answer.content) == (204, b"")
    assert await state(called) == "delivered"


@pytest.mark.parametrize("url", ["http://10.0.0.4:8000", "https://elsewhere.example"])
async def test_a_report_signed_for_another_address_changes_nothing(
    client: httpx.AsyncClient, called: Application, url: str
) -> None:
    await claim(called)
    answer = await post(client, STATUS, {"MessageSid": "SM1", "MessageStatus": "delivered"}, url)
    assert answer.status_code == 403
    assert "PUBLIC_URL" in answer.text
    assert await state(called) == "sent"


@pytest.mark.parametrize("path", [STATUS, INBOUND])
async def test_without_a_signature_nothing_is_read_or_written(
    client: httpx.AsyncClient, called: Application, path: str
) -> None:
    await claim(called)
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered", "From": PHONE, "Body": "STOP"}
    answer = await client.post(path, data=fields)
    assert answer.status_code == 403
    assert (await state(called), await called.stores.deliveries.consent(PHONE)) == ("sent", None)


async def test_where_twilio_is_not_set_up_nobody_is_believed(application: Application) -> None:
    transport = httpx.ASGITransport(create_app(lambda: application))
    async with httpx.AsyncClient(transport=transport, base_url=PUBLIC) as client:
        answer = await post(client, INBOUND, {"From": PHONE, "Body": "STOP"})
    assert answer.status_code == 403
    assert "set PUBLIC_URL" in answer.text


async def test_a_signed_address_that_names_no_delivery_is_refused(client: httpx.AsyncClient) -> None:
    for path in ("/api/twilio/status", "/api/twilio/status?delivery=zzz"):
        answer = await post(client, path, {"MessageSid": "SM1", "MessageStatus": "delivered"})
        assert (answer.status_code, answer.json()["field"]) == (422, "delivery")


async def test_a_body_of_a_size_that_twilio_never_sends_is_refused(client: httpx.AsyncClient) -> None:
    assert (await post(client, INBOUND, {"Body": "x" * 100_000})).status_code == 413


async def test_a_written_word_is_answered_in_twiml_in_the_customers_language(
    client: httpx.AsyncClient, called: Application, roster_rows: list[RosterRow]
) -> None:
    await called.feeders.load(roster_rows, called.clock.now())
    await called.stores.customers.put([Customer(customer_id="C1", phone=PHONE, language="fr")])

    answer = await post(client, INBOUND, {"From": PHONE, "Body": "OUT"})
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert answer.text.endswith(
        "<Response><Message>Merci, nous avons noté que vous êtes sans courant.</Message></Response>"
    )
    records = await called.stores.anomalies.between(0, 2 * called.clock.now(), KINDS)
    assert [each.meter_id for each in records] == ["M1", "M2"]

    answer = await post(client, INBOUND, {"From": PHONE, "Body": "STOP", "OptOutType": "STOP"})
    assert answer.text.endswith("<Response />")
    consent = await called.stores.deliveries.consent(PHONE)
    assert consent is not None
    assert consent.state is ConsentState.opted_out


async def test_azures_own_middleware_keeps_what_was_signed(called: Application) -> None:
    await claim(called)
    fields = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": PHONE}
    request = func.HttpRequest(
        method="POST",
        url=f"http://localhost:7071{STATUS}",
        headers={"X-Twilio-Signature": RequestValidator(AUTH_TOKEN).compute_signature(f"{PUBLIC}{STATUS}", fields)},
        body=urlencode(fields).encode(),
    )
    middleware = func.AsgiMiddleware(create_app(lambda: called))
    answer = await middleware.handle_async(request, SimpleNamespace())  # type: ignore[arg-type]
    assert answer.status_code == 204
    assert await state(called) == "delivered"


@pytest.fixture(scope="module")
def twilio() -> Iterator[TwilioServer]:
    with TwilioServer() as running:
        yield running


@asynccontextmanager
async def served(application: Application) -> AsyncIterator[str]:
    """The HTTP interface on a port of this machine."""
    server = uvicorn.Server(uvicorn.Config(create_app(lambda: application), port=0, log_level="warning"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # it offers nothing to wait for
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


@pytest.mark.parametrize(
    ("rule", "end", "code"),
    [
        (Rule("reverse_reports"), "delivered", ""),
        (Rule("repeat_reports"), "delivered", ""),
        (Rule("undelivered", code=30007), "undelivered", "30007"),
        (Rule("drop_reply"), "delivered", ""),
    ],
)
async def test_twilios_own_callbacks_bring_a_message_to_its_end(
    called: Application, twilio: TwilioServer, rule: Rule, end: str, code: str
) -> None:
    twilio.reset()
    twilio.set_faults(rule)
    await claim(called, DeliveryState.claimed, "")
    account = TwilioAccount(
        twilio.sid, twilio.token, TwilioSenders("+15550100000", status_url=f"{PUBLIC}/api/twilio/status"), twilio.url
    )
    async with served(called) as url:
        twilio.deliver_to(url)
        await asyncio.gather(
            TwilioSms(account).send(MESSAGE, Customer(customer_id="C1", phone=PHONE), "dark"), return_exceptions=True
        )
        await asyncio.to_thread(twilio.wait)
    account.close()

    known = await called.stores.deliveries.read("C1", KEY)
    assert known is not None
    assert (known.state, known.code, known.reference) == (end, code, twilio.messages()[0]["sid"])
    assert set(twilio.report()["callbacks"]) == {"204"}


async def test_a_written_word_is_answered_within_a_second(
    called: Application, twilio: TwilioServer, tmp_path: Path
) -> None:
    twilio.reset()
    async with served(called) as url:
        twilio.deliver_to(url)
        started = time.monotonic()
        answer = await asyncio.to_thread(twilio.write, f"{PUBLIC}{INBOUND}", PHONE, "STATUS")
        took_s = time.monotonic() - started
    assert answer["status"] == 200
    assert "We do not know this number" in answer["twiml"]
    assert took_s < 1.0
