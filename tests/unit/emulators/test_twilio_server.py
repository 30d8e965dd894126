"""The loopback Twilio, as the unmodified SDK meets it, and as its webhooks are met."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from emulators.twilio import ACCOUNT_SID, AUTH_TOKEN, TwilioServer
from emulators.twilio.account import Account
from emulators.twilio.faults import Rule
from emulators.twilio.resources import create, shown
from requests import ConnectionError as NotConnected
from twilio.base.exceptions import TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallInstance
from twilio.rest.api.v2010.account.message import MessageInstance

from functions.adapters.twilio.http_client import PooledHttpClient

TESTS = Path(__file__).resolve().parents[2]
US, THEM = "+15550100000", "+12025550101"
TWIML = "<Response><Say>hello</Say></Response>"
DOCUMENTED = {  # the example of the OpenAPI document, createWithMessagingService and readFullPage1
    *("account_sid", "api_version", "body", "date_created", "date_sent", "date_updated", "direction", "error_code"),
    *("error_message", "from", "messaging_service_sid", "num_media", "num_segments", "price", "price_unit", "sid"),
    *("status", "subresource_uris", "tags", "to", "uri"),
}


@pytest.fixture(scope="module")
def process() -> Iterator[TwilioServer]:
    with TwilioServer() as running:
        yield running


@pytest.fixture
def server(process: TwilioServer) -> TwilioServer:
    process.reset()
    return process


@pytest.fixture
def client(server: TwilioServer) -> Iterator[Client]:
    http_client = PooledHttpClient(4, server.url)
    yield Client(server.sid, server.token, http_client=http_client)
    http_client.close()


class Webhook:
    """Somebody who is called back."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.requests: list[tuple[str, dict[str, str], str]] = []
        self.answer = "<Response/>"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"])).decode()
            fields = {name: values[0] for name, values in parse_qs(body, keep_blank_values=True).items()}
            hook.requests.append((self.path, fields, self.headers["x-twilio-signature"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(hook.answer.encode())

        def log_message(self, *_: Any) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    hook = Webhook(f"http://127.0.0.1:{listening.server_port}")
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield hook
    listening.shutdown()
    thread.join()
    listening.server_close()


def test_a_message_is_made_listed_and_fetched(server: TwilioServer, client: Client) -> None:
    made = client.messages.create(to=THEM, from_=US, body="Power is out.", validity_period=600)
    assert (made.status, made.direction, made.to, made.from_) == ("queued", "outbound-api", THEM, US)
    assert (made.sid[:2], len(made.sid), made.date_sent, made.error_code) == ("SM", 34, None, None)

    server.wait()
    fetched = client.messages(made.sid).fetch()
    assert (fetched.status, fetched.body) == ("delivered", "Power is out.")
    assert fetched.date_sent is not None
    assert [each.sid for each in client.messages.list(to=THEM)] == [made.sid]


def test_a_message_shows_the_fields_of_the_openapi_document_and_of_the_sdk() -> None:
    message = shown(create("Messages", ACCOUNT_SID, {"To": [THEM], "MessagingServiceSid": ["MG1"], "Body": ["hi"]}))
    assert set(message) == DOCUMENTED
    call = shown(create("Calls", ACCOUNT_SID, {"To": [THEM], "From": [US], "Twiml": [TWIML]}))
    for made, kind in ((message, MessageInstance), (call, CallInstance)):
        known = {name.strip("_") for name, value in vars(kind(None, made, ACCOUNT_SID)).items() if value is not None}
        assert {name for name, value in made.items() if value is not None} - known == set()


def test_a_service_accepts_before_it_has_a_sender(client: Client) -> None:
    made = client.messages.create(to=THEM, messaging_service_sid="MG" + "0" * 32, body="hi")
    assert (made.status, made.num_segments, made.messaging_service_sid) == ("accepted", "0", "MG" + "0" * 32)


def test_the_list_is_newest_first_narrowed_and_paged(client: Client) -> None:
    for number in range(7):
        client.messages.create(to=THEM if number % 2 else "+12025550102", from_=US, body=str(number))
    assert [each.body for each in client.messages.list(page_size=3)] == ["6", "5", "4", "3", "2", "1", "0"]
    assert [each.body for each in client.messages.list(to=THEM, page_size=2)] == ["5", "3", "1"]
    assert client.messages.list(to="+12025550199") == []


def test_a_message_not_yet_sent_has_no_date_to_be_found_by(server: TwilioServer) -> None:
    account = Account(ACCOUNT_SID)
    account.create("Messages", {"To": [THEM], "From": [US], "Body": ["hi"]})
    assert account.page("Messages", {"DateSent>": ["2020-01-01"]})["messages"] == []
    assert len(account.page("Messages", {})["messages"]) == 1


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "5550101", "from_": US, "body": "hi"}, 21211),
        ({"to": "+1", "from_": US, "body": "hi"}, 21211),
        ({"to": THEM, "from_": US, "body": ""}, 21602),
        ({"to": THEM, "body": "hi"}, 21603),
        ({"to": "", "from_": US, "body": "hi"}, 21604),
        ({"to": THEM, "from_": US, "body": "x" * 1_601}, 21617),
        ({"to": THEM, "from_": US, "body": "hi", "status_callback": "nowhere"}, 21609),
        ({"to": THEM, "from_": US, "body": "hi", "media_url": ["https://a.example/b"]}, 20001),
    ],
)
def test_a_wrong_message_is_refused_by_its_code(client: Client, fields: dict[str, Any], code: int) -> None:
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(**fields)
    assert (caught.value.status, caught.value.code) == (400, code)


def test_without_the_token_nothing_is_done(server: TwilioServer) -> None:
    http_client = PooledHttpClient(1, server.url)
    with pytest.raises(TwilioRestException, match="Authenticate") as caught:
        Client(ACCOUNT_SID, "wrong", http_client=http_client).messages.create(to=THEM, from_=US, body="hi")
    http_client.close()
    assert (caught.value.status, caught.value.code, server.messages()) == (401, 20003, [])


@pytest.mark.parametrize(
    ("effect", "status", "code", "made"),
    [
        ("throttle", 429, 20429, 0),
        ("error", 500, 20500, 0),
        ("unavailable", 503, 20503, 0),
        ("unauthenticated", 401, 20003, 0),
        ("bad_number", 400, 21211, 0),
        ("opted_out", 400, 21610, 0),
        ("error_after", 500, 20500, 1),
    ],
)
def test_a_fault_answers_in_place_of_the_message_or_after_it(
    server: TwilioServer, client: Client, effect: Any, status: int, code: int, made: int
) -> None:
    server.set_faults(Rule(effect))
    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to=THEM, from_=US, body="hi")
    assert (caught.value.status, caught.value.code, len(server.messages())) == (status, code, made)
    client.messages.create(to=THEM, from_=US, body="hi")
    assert server.struck() == [1]


@pytest.mark.parametrize(("effect", "made"), [("cut", 0), ("drop_reply", 1)])
def test_a_connection_is_cut_before_or_after_the_message(
    server: TwilioServer, client: Client, effect: Any, made: int
) -> None:
    server.set_faults(Rule(effect))
    with pytest.raises(NotConnected):
        client.messages.create(to=THEM, from_=US, body="hi")
    assert len(server.messages()) == made


def test_reports_are_signed_for_the_address_that_was_given(
    server: TwilioServer, client: Client, webhook: Webhook
) -> None:
    server.deliver_to(webhook.url)
    url = "https://metersentry.example/api/twilio/status?delivery=abc"
    made = client.messages.create(to=THEM, from_=US, body="hi", status_callback=url)
    server.wait()

    assert [fields["MessageStatus"] for _, fields, _ in webhook.requests] == ["sent", "delivered"]
    for path, fields, signature in webhook.requests:
        assert (path, fields["MessageSid"]) == ("/api/twilio/status?delivery=abc", made.sid)
        assert RequestValidator(AUTH_TOKEN).validate(url, fields, signature)
    assert server.report()["callbacks"] == {"200": 2}


@pytest.mark.parametrize(
    ("rule", "reported"),
    [
        (Rule("undelivered", code=30003), ["sent", "undelivered 30003"]),
        (Rule("undelivered", code=30007), ["sent", "undelivered 30007"]),
        (Rule("failed", code=30008), ["failed 30008"]),
        (Rule("no_reports"), []),
        (Rule("repeat_reports"), ["sent", "sent", "delivered", "delivered"]),
        (Rule("reverse_reports"), ["delivered", "sent"]),
        (Rule("drop_reply"), ["sent", "delivered"]),
    ],
)
def test_reports_come_as_ordered(
    server: TwilioServer, client: Client, webhook: Webhook, rule: Rule, reported: list[str]
) -> None:
    server.set_faults(rule)
    try:
        client.messages.create(to=THEM, from_=US, body="hi", status_callback=f"{webhook.url}/status")
    except NotConnected:
        assert rule.effect == "drop_reply"
    server.wait()
    said = [f"{fields['MessageStatus']} {fields.get('ErrorCode', '')}".strip() for _, fields, _ in webhook.requests]
    assert said == reported


def test_a_call_is_made_and_reported(server: TwilioServer, client: Client, webhook: Webhook) -> None:
    made = client.calls.create(to=THEM, from_=US, twiml=TWIML, status_callback=f"{webhook.url}/status", timeout=30)
    assert (made.sid[:2], made.status) == ("CA", "queued")
    server.wait()
    assert [(fields["CallSid"], fields["CallStatus"]) for _, fields, _ in webhook.requests] == [(made.sid, "completed")]
    assert [each.sid for each in client.calls.list(to=THEM)] == [made.sid]
    assert server.calls()[0]["_twiml"] == TWIML


def test_a_call_that_cannot_be_read_is_refused(client: Client) -> None:
    with pytest.raises(TwilioRestException) as caught:
        client.calls.create(to=THEM, from_=US, twiml="<Response>")
    assert caught.value.code == 12100


def test_who_writes_stop_is_written_to_no_more_until_start(
    server: TwilioServer, client: Client, webhook: Webhook
) -> None:
    webhook.answer = "<Response><Message>ok</Message></Response>"
    answer = server.write(f"{webhook.url}/inbound", THEM, "Stop ")
    assert answer == {"status": 200, "twiml": webhook.answer}
    path, fields, signature = webhook.requests[0]
    assert (path, fields["From"], fields["Body"]) == ("/inbound", THEM, "Stop ")
    assert RequestValidator(AUTH_TOKEN).validate(f"{webhook.url}/inbound", fields, signature)

    with pytest.raises(TwilioRestException) as caught:
        client.messages.create(to=THEM, from_=US, body="hi")
    assert caught.value.code == 21610
    server.write(f"{webhook.url}/inbound", THEM, "START")
    assert client.messages.create(to=THEM, from_=US, body="hi").status == "queued"


def test_an_order_that_is_not_understood_is_refused(server: TwilioServer) -> None:
    with pytest.raises(ValueError, match="beyond what the emulator covers"):
        server._order("POST", "faults", [{"effect": "flood"}])


def test_the_command_line_shows_how_to_steer_it() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "emulators.twilio", "--help"], cwd=TESTS, capture_output=True, text=True, check=True
    )
    assert ACCOUNT_SID in run.stdout
