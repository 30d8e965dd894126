"""What travels over HTTP: a request and the reply."""

from __future__ import annotations

import base64
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from emulators.twilio.errors import UNAUTHENTICATED, Refused

Fields = dict[str, list[str]]


class Request(NamedTuple):
    """A request; header names are in lower case, `target` is the path as sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        """Without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> Fields:
        """Of the address."""
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def form(self) -> Fields:
        """Of the body."""
        return parse_qs(self.body.decode(), keep_blank_values=True)


class Reply(NamedTuple):
    """A reply; its length is the connection's."""

    status: int
    body: bytes

    @classmethod
    def of(cls, status: int, value: Any) -> Reply:
        """A JSON reply."""
        return cls(status, msgspec.json.encode(value))

    @classmethod
    def refusal(cls, refused: Refused) -> Reply:
        """The reply to what Twilio would refuse."""
        return cls.of(refused.status, refused.body())


def check_credentials(request: Request, sid: str, token: str) -> None:
    """Refuse (401, 20003) a request without the account's SID and token, https://www.twilio.com/docs/api/errors/20003."""
    kind, _, given = request.headers.get("authorization", "").partition(" ")
    wanted = base64.b64encode(f"{sid}:{token}".encode()).decode()
    if kind.lower() != "basic" or given != wanted or f"/Accounts/{sid}/" not in request.path:
        raise UNAUTHENTICATED
