"""Webhooks of the utility: messages as signed JSON, for its app to show or to pass on, or for its own people.

A POST carries `X-MeterSentry-Timestamp` (seconds since the epoch), `X-MeterSentry-Signature` (hexadecimal HMAC-SHA256
of the timestamp, a full stop and the body, with the shared secret) and `Idempotency-Key` (the message's key,
percent-encoded). The receiver takes a key once and answers 2xx to it ever after: that makes it safe to send again what
was not answered.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from functions.domain.errors import NotSent
from functions.domain.notifications import Customer, Delivery, Notification, short_reference
from functions.ports import Clock

if TYPE_CHECKING:
    from requests import Response, Session

log = logging.getLogger("metersentry.webhook")

CONNECT_WITHIN_S = 5.0
ANSWER_WITHIN_S = 10.0
CONNECTIONS = 32
RETRY_S = 5
LONGEST_WAIT_S = 3_600
_TRY_AGAIN = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


class WebhookNotifier:
    """A `Notifier` that posts to one address. Nothing it sends is ever unknown: the key makes repeating safe.

    `setting` is what the settings of its address and its secret begin with.
    """

    def __init__(
        self,
        url: str,
        secret: str,
        clock: Clock,
        *,
        name: str = "webhook",
        setting: str = "WEBHOOK",
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self.name = name
        self._setting = setting
        self._url = url
        self._secret = secret.encode()
        self._clock = clock
        self._timeout = (CONNECT_WITHIN_S, answer_within_s)
        self._session: Session | None = None

    async def send(self, notification: Notification, customer: Customer, body: str) -> str:
        """Post one message; its reference is its key."""
        document = {
            "key": notification.key,
            "customer_id": customer.customer_id,
            "incident_id": notification.incident_id,
            "reference": short_reference(notification.incident_id),
            "kind": notification.kind,
            "language": customer.language,
            "body": body,
            "created_at": notification.created_at,
        }
        await asyncio.to_thread(self._post, notification.key, msgspec.json.encode(document))
        return notification.key

    async def find(self, claim: Delivery) -> str | None:  # noqa: ARG002  # every claim is answered alike
        """None: what may have been sent is sent again, and taken once."""
        return None

    def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            self._session.close()

    def _post(self, key: str, body: bytes) -> None:
        from requests import RequestException

        timestamp = str(self._clock.now())
        headers = {
            "content-type": "application/json",
            "idempotency-key": quote(key, safe=":|"),
            "x-metersentry-timestamp": timestamp,
            "x-metersentry-signature": signature(self._secret, timestamp, body),
        }
        try:
            response = self._connected().post(
                self._url, body, headers=headers, timeout=self._timeout, allow_redirects=False
            )
        except RequestException as fault:
            raise NotSent(
                f"{self._setting}_URL did not answer ({type(fault).__name__}); check the address and the network",
                retry_after_s=RETRY_S,
            ) from None  # its text holds the address, which may hold a key
        self._judge(response)

    def _judge(self, response: Response) -> None:
        status = response.status_code
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return
        if status in _TRY_AGAIN or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            wait_s = _wait(response.headers.get("retry-after"), self._clock.now())
            raise NotSent(f"{self._setting}_URL answers {status}; it waits", retry_after_s=wait_s, code=str(status))
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
            log.error(
                "%s_URL refuses our signature (HTTP %d); set %s_SECRET to the secret it knows",
                *(self._setting, status, self._setting),
            )
        raise NotSent(f"{self._setting}_URL refuses the message (HTTP {status})", permanent=True, code=str(status))

    def _connected(self) -> Session:
        if self._session is None:
            from requests import Session
            from requests.adapters import HTTPAdapter

            session = Session()
            for scheme in ("https://", "http://"):
                session.mount(scheme, HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=0))
            self._session = session
        return self._session


def signature(secret: bytes, timestamp: str, body: bytes) -> str:
    """What the receiver computes, too, and compares.

    >>> signature(b"secret", "1700000000", b"{}")[:16]
    'b8569b78799ff9e3'
    """
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def _wait(retry_after: str | None, now: int) -> int:
    """Seconds to wait by a Retry-After header: a number, or a date (RFC 9110, 10.2.3)."""
    if not retry_after:
        return RETRY_S
    if retry_after.isdecimal():
        return min(int(retry_after), LONGEST_WAIT_S)
    try:
        moment = parsedate_to_datetime(retry_after)
    except ValueError:
        return RETRY_S
    return min(max(int((moment - datetime.fromtimestamp(now, UTC)).total_seconds()), RETRY_S), LONGEST_WAIT_S)
