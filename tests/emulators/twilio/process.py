"""The server as a process of its own, for tests."""

from __future__ import annotations

import time
from typing import Any

from emulators.server_process import ServerProcess
from emulators.twilio.service import ACCOUNT_SID, AUTH_TOKEN


class TwilioServer(ServerProcess):
    """`with TwilioServer() as server:` runs a server; `url`, `sid` and `token` are what a client needs.

    The methods are for tests to steer it and to look at what it did; see `control`.
    """

    MODULE = "emulators.twilio"
    sid = ACCOUNT_SID
    token = AUTH_TOKEN

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

    def wait(self, within_s: float = 10.0) -> None:
        """Wait until every callback is out; raises TimeoutError."""
        give_up = time.monotonic() + within_s
        while self.report()["pending"]:
            if time.monotonic() > give_up:
                raise TimeoutError(f"callbacks are still pending after {within_s} s")
            time.sleep(0.02)
