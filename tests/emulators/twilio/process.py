"""The server as a process of its own, for tests."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from emulators.twilio.faults import Rule
from emulators.twilio.service import ACCOUNT_SID, AUTH_TOKEN

READY = "ready "
_STOP_WITHIN_S = 5.0
_ANSWER_WITHIN_S = 20.0


class TwilioServer:
    """`with TwilioServer() as server:` runs a server on a free port; `url`, `sid` and `token` are what a client needs.

    The methods are for tests to steer it and to look at what it did; see `control`.
    """

    sid = ACCOUNT_SID
    token = AUTH_TOKEN

    def __init__(self) -> None:
        self.url = ""
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        package = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "emulators.twilio", "--port", "0", "--until-stdin-closes"],
            env={**os.environ, "PYTHONPATH": str(package)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith(READY):
            self._stop()
            raise RuntimeError(
                f"The Twilio emulator did not start but said {line!r}; run `python -m emulators.twilio`."
            )
        self.url = line.removeprefix(READY).strip()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def set_faults(self, *rules: Rule) -> None:
        """Put rules in force in place of those before."""
        self._order("POST", "faults", [msgspec.to_builtins(rule) for rule in rules])

    def messages(self) -> list[dict[str, Any]]:
        """Every message that was made, in order."""
        made: list[dict[str, Any]] = self._order("GET", "made")["Messages"]
        return made

    def calls(self) -> list[dict[str, Any]]:
        """Every call that was made, in order."""
        made: list[dict[str, Any]] = self._order("GET", "made")["Calls"]
        return made

    def report(self) -> dict[str, Any]:
        """Requests, strikes, callbacks and what is pending."""
        report: dict[str, Any] = self._order("GET", "report")
        return report

    def struck(self) -> list[int]:
        """How often each rule in force struck, in their order."""
        struck: list[int] = self.report()["struck"]
        return struck

    def deliver_to(self, url: str, after_s: float = 0.02) -> None:
        """Send callbacks to this scheme and host, as a proxy before the public address would; soon after `after_s`."""
        self._order("POST", "webhooks", {"deliver_to": url, "after_s": after_s})

    def write(self, url: str, sender: str, body: str, to: str = "+15550100000") -> dict[str, Any]:
        """Somebody writes to our number; returns `status` and `twiml` of the answer."""
        answer: dict[str, Any] = self._order("POST", "inbound", {"url": url, "from": sender, "to": to, "body": body})
        return answer

    def hear(self, sender: str, body: str) -> None:
        """Somebody writes STOP or START, and only Twilio hears of it."""
        self._order("POST", "heard", {"from": sender, "body": body})

    def shift_clock(self, shift_s: float) -> None:
        """Let the server's clock run `shift_s` seconds ahead of the machine's; what it makes is dated by it."""
        self._order("POST", "clock", {"shift_s": shift_s})

    def wait(self, within_s: float = 10.0) -> None:
        """Wait until every callback is out; raises TimeoutError."""
        give_up = time.monotonic() + within_s
        while self.report()["pending"]:
            if time.monotonic() > give_up:
                raise TimeoutError(f"callbacks are still pending after {within_s} s")
            time.sleep(0.02)

    def reset(self) -> None:
        """Be as just started."""
        self._order("POST", "reset")

    def _order(self, method: str, path: str, body: object = None) -> Any:
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"), timeout=_ANSWER_WITHIN_S)
        try:
            connection.request(method, f"/_emulator/{path}", None if body is None else msgspec.json.encode(body))
            response = connection.getresponse()
            answer = msgspec.json.decode(response.read())
        finally:
            connection.close()
        if response.status != http.HTTPStatus.OK:
            raise ValueError(answer["message"])
        return answer

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(_STOP_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()
