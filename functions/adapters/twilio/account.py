"""An account of Twilio: its credentials, its senders, and the SDK's client, whose blocking calls run in threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, TypeVar

from functions.domain.errors import NotSent, Unknown
from functions.domain.notifications import Delivery, Notification

if TYPE_CHECKING:
    from twilio.rest import Client

Result = TypeVar("Result")

CONNECTIONS = 32
"""Requests under way at once: at a tenth of a second each that is 320 a second."""

ASK_AGAIN_S = 60


@dataclass(frozen=True)
class TwilioSenders:
    """Who messages come from, and where Twilio reports what became of them."""

    number: str = ""
    """E.164; calls come from it, and messages where there is no service."""
    messaging_service_sid: str = ""
    status_url: str = ""
    """Public address of `/api/twilio/status`; empty when nobody can be called back."""


@dataclass
class TwilioAccount:
    """One account; the SDK is imported at the first request. `base_url` is for tests."""

    sid: str
    auth_token: str = field(repr=False)
    senders: TwilioSenders = field(default_factory=TwilioSenders)
    base_url: str = ""
    answer_within_s: float | None = None

    def __post_init__(self) -> None:
        self._client: Client | None = None
        self._connecting = Lock()
        self._threads = ThreadPoolExecutor(CONNECTIONS, "twilio")

    async def call(self, request: Callable[[Client], Result], doing: str) -> Result:
        """Run one request of the SDK; raises `NotSent` or `Unknown`. `doing` names it without the number."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._call, request, doing)

    async def ask(self, question: Callable[[Client], Result], doing: str) -> Result:
        """Run a request that changes nothing; raises `NotSent` when there is no answer: ask again."""
        try:
            return await self.call(question, doing)
        except Unknown as fault:
            raise NotSent(f"Twilio could not be asked for {doing}; ask again", retry_after_s=ASK_AGAIN_S) from fault

    def close(self) -> None:
        """Wait for what is under way and close the connections."""
        self._threads.shutdown()
        if self._client is not None:
            self._client.http_client.close()

    def _call(self, request: Callable[[Client], Result], doing: str) -> Result:
        from functions.adapters.twilio.faults import fault_of

        try:
            return request(self._connected())
        except Exception as fault:  # noqa: BLE001  # what it does not know, it raises again
            raise fault_of(fault, doing) from None  # its text may hold the number

    def _connected(self) -> Client:
        from twilio.rest import Client

        from functions.adapters.twilio.http_client import ANSWER_WITHIN_S, PooledHttpClient

        with self._connecting:  # many threads make the first request
            if self._client is None:
                http_client = PooledHttpClient(CONNECTIONS, self.base_url, self.answer_within_s or ANSWER_WITHIN_S)
                self._client = Client(self.sid, self.auth_token, http_client=http_client)
            return self._client


def named(message: Notification | Delivery) -> str:
    """What a message is called in a log: by customer, never by number."""
    return f"the {message.kind} message to customer {message.customer_id}"
