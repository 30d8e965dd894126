"""Every adapter of `Notifier` with what is at its other end, so that one suite can ask what people got."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
from emulators.twilio import TwilioServer
from emulators.twilio.faults import Rule

from functions.adapters.clocks import SystemClock
from functions.adapters.json_lines import JsonLinesNotifier
from functions.adapters.twilio.account import TwilioAccount, TwilioSenders
from functions.adapters.twilio.sms import TwilioSms
from functions.adapters.twilio.voice import TwilioVoice
from functions.adapters.webhook import WebhookNotifier
from functions.ports import Notifier

OUR_NUMBER = "+15550100000"
SECRET = "the secret of the utility's app"
PATIENCE_S = 0.5
"""How long an answer is waited for in tests."""


@dataclass
class Channel:
    """A notifier, what has arrived at its other end, and how to make that end misbehave."""

    notifier: Notifier
    arrived: Callable[[], list[str]]
    """Texts that people got, in order."""
    refuse: Callable[[], None]
    """Let it not take the next message, for now."""
    forbid: Callable[[], None] | None = None
    """Let it not take the next message, ever."""
    lose: tuple[Callable[[], None], ...] = ()
    """Ways to take the next message and let nobody know."""


@contextmanager
def console(folder: Path, _: TwilioServer) -> Iterator[Channel]:
    path = folder / "notifications.jsonl"
    notifier = JsonLinesNotifier(path)

    def arrived() -> list[str]:
        if path.is_dir():
            path.rmdir()
            return []
        return [msgspec.json.decode(line)["body"] for line in path.read_bytes().splitlines()]

    def refuse() -> None:
        path.unlink()
        path.mkdir()

    yield Channel(notifier, arrived, refuse)


@contextmanager
def sms(_: Path, server: TwilioServer) -> Iterator[Channel]:
    with _account(server) as account:
        yield Channel(
            TwilioSms(account),
            lambda: [each["body"] for each in server.messages()],
            partial(server.set_faults, Rule("throttle")),
            partial(server.set_faults, Rule("bad_number")),
            _losses(server),
        )


@contextmanager
def voice(_: Path, server: TwilioServer) -> Iterator[Channel]:
    with _account(server) as account:
        yield Channel(
            TwilioVoice(account),
            lambda: [each["_twiml"] for each in server.calls()],
            partial(server.set_faults, Rule("throttle")),
            partial(server.set_faults, Rule("bad_number")),
            _losses(server),
        )


@contextmanager
def webhook(_: Path, __: TwilioServer) -> Iterator[Channel]:
    app = UtilityApp()
    with app.listening() as url:
        notifier = WebhookNotifier(url, SECRET, SystemClock(), answer_within_s=PATIENCE_S)
        yield Channel(
            notifier,
            lambda: [each["body"] for each in app.taken.values()],
            partial(app.answers.append, 503),
            partial(app.answers.append, 400),
            (partial(app.answers.append, UtilityApp.LOSE),),
        )
        notifier.close()


CHANNELS = {"console": console, "sms": sms, "voice": voice, "webhook": webhook}


class UtilityApp:
    """What a utility's app does by the contract: it checks the signature, and takes a key once."""

    LOSE = 0
    """In `answers`: take the message and answer nothing."""

    def __init__(self) -> None:
        self.taken: dict[str, dict[str, Any]] = {}
        self.answers: list[int] = []
        """What to answer to the next requests; 2xx to all others."""
        self.headers: dict[str, str] = {}
        """Sent with every answer."""

    def take(self, headers: Any, body: bytes) -> int:
        signed = headers["x-metersentry-timestamp"].encode() + b"." + body
        if headers["x-metersentry-signature"] != hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest():
            return 401
        wanted = self.answers.pop(0) if self.answers else 202
        if wanted in (202, self.LOSE):
            self.taken.setdefault(headers["idempotency-key"], msgspec.json.decode(body))
        return wanted

    @contextmanager
    def listening(self) -> Iterator[str]:
        app = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                status = app.take(self.headers, self.rfile.read(int(self.headers["content-length"])))
                if status == app.LOSE:
                    self.close_connection = True
                    return
                self.send_response(status)
                for name, value in app.headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        with ExitStack() as ends:
            ends.callback(server.server_close)
            ends.callback(thread.join)
            ends.callback(server.shutdown)
            yield f"http://127.0.0.1:{server.server_port}/messages"


@contextmanager
def _account(server: TwilioServer) -> Iterator[TwilioAccount]:
    server.reset()
    senders = TwilioSenders(number=OUR_NUMBER, status_url="https://metersentry.example/api/twilio/status")
    account = TwilioAccount(server.sid, server.token, senders, base_url=server.url, answer_within_s=PATIENCE_S)
    yield account
    account.close()


def _losses(server: TwilioServer) -> tuple[Callable[[], None], ...]:
    rules = (Rule("drop_reply"), Rule("error_after"), Rule("late", delay_s=2 * PATIENCE_S))
    return tuple(partial(server.set_faults, rule) for rule in rules)
