"""What Twilio tells by itself: status callbacks and inbound messages, signed with the account's token."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import uuid4

from emulators.twilio.faults import Rule
from emulators.twilio.resources import VERSION, Resource, rfc_2822

AT_ONCE = 32
ANSWER_WITHIN_S = 15.0
LOOPBACK = frozenset({"127.0.0.1", "localhost"})
"""Nothing leaves the machine: a callback to anywhere else is lost."""
_ENDS = {"undelivered": "undelivered", "failed": "failed"}
_CALL_ENDS = {"undelivered": "no-answer", "failed": "failed"}


def sign(token: str, url: str, fields: dict[str, str]) -> str:
    """X-Twilio-Signature: HMAC-SHA1 of the URL and of all fields in the order of their names."""
    text = url + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.digest(token.encode(), text.encode(), hashlib.sha1)).decode()


class Reporter:
    """Posts to webhooks. `deliver_to` takes the place of scheme and host, as a proxy would; the signature stays."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._slots = asyncio.Semaphore(AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()
        self.deliver_to = ""
        self.after_s = 0.02
        self.answers: dict[str, int] = {}
        """How many callbacks were answered with each status; "lost" for none."""

    @property
    def pending(self) -> int:
        """Messages whose reports are not all out yet."""
        return len(self._tasks)

    def follow(self, resource: Resource, rule: Rule | None) -> None:
        """Let a message or call come to its end, and report the steps."""
        task = asyncio.get_running_loop().create_task(self._follow(resource, rule))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def post(self, url: str, fields: dict[str, str]) -> tuple[int, str]:
        """Post fields, signed; returns status and body. Raises OSError or TimeoutError when there is no answer."""
        parts = urlsplit(url)
        if self.deliver_to:
            there = urlsplit(self.deliver_to)
            parts = parts._replace(scheme=there.scheme, netloc=there.netloc)
        if parts.hostname not in LOOPBACK:
            raise ConnectionRefusedError(f"{parts.hostname} is not on this machine")
        target = urlunsplit(("", "", parts.path or "/", parts.query, ""))
        body = urlencode(fields).encode()
        head = (
            f"POST {target} HTTP/1.1\r\nhost: {parts.netloc}\r\nconnection: close\r\n"
            f"content-type: application/x-www-form-urlencoded; charset=utf-8\r\ncontent-length: {len(body)}\r\n"
            f"x-twilio-signature: {sign(self._token, url, fields)}\r\ni-twilio-idempotency-token: {uuid4()}\r\n\r\n"
        )
        async with self._slots, asyncio.timeout(ANSWER_WITHIN_S):
            reader, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
            try:
                writer.write(head.encode() + body)
                await writer.drain()
                answer = await reader.read()
            finally:
                writer.close()
        first, _, rest = answer.partition(b"\r\n")
        return int(first.split(b" ")[1]), rest.partition(b"\r\n\r\n")[2].decode()

    async def _follow(self, resource: Resource, rule: Rule | None) -> None:
        await asyncio.sleep(self.after_s)
        steps = _call_steps(resource, rule) if "_twiml" in resource else _message_steps(resource, rule)
        url, effect = resource["_status_callback"], rule.effect if rule else ""
        _settle(resource, rule, steps[-1])
        if not url or effect == "no_reports":
            return
        if effect == "reverse_reports":
            steps.reverse()
        for fields in steps:
            for _ in range(2 if effect == "repeat_reports" else 1):
                await self._report(url, fields)

    async def _report(self, url: str, fields: dict[str, str]) -> None:
        try:
            status = str((await self.post(url, fields))[0])
        except (OSError, TimeoutError, IndexError):
            status = "lost"
        self.answers[status] = self.answers.get(status, 0) + 1


def _message_steps(resource: Resource, rule: Rule | None) -> list[dict[str, str]]:
    end = _ENDS.get(rule.effect if rule else "", "delivered")
    states = (["queued"] if resource["messaging_service_sid"] else []) + (["sent", end] if end != "failed" else [end])
    return [_message_fields(resource, state, rule) for state in states]


def _message_fields(resource: Resource, state: str, rule: Rule | None) -> dict[str, str]:
    fields = {
        "AccountSid": resource["account_sid"],
        "ApiVersion": VERSION,
        "From": resource["from"] or "+15550199999",
        "To": resource["to"],
        "MessageSid": resource["sid"],
        "MessageStatus": state,
        "SmsSid": resource["sid"],
        "SmsStatus": state,
    }
    if resource["messaging_service_sid"]:
        fields["MessagingServiceSid"] = resource["messaging_service_sid"]
    if state in _ENDS and rule is not None:
        fields["ErrorCode"] = str(rule.code)
    return fields


def _call_steps(resource: Resource, rule: Rule | None) -> list[dict[str, str]]:
    end = _CALL_ENDS.get(rule.effect if rule else "", "completed")
    fields = {
        "AccountSid": resource["account_sid"],
        "ApiVersion": VERSION,
        "CallSid": resource["sid"],
        "CallStatus": end,
        "CallbackSource": "call-progress-events",
        "Direction": "outbound-api",
        "From": resource["from"],
        "SequenceNumber": "0",
        "Timestamp": rfc_2822(),
        "To": resource["to"],
    }
    return [{**fields, "CallDuration": "12"} if end == "completed" else fields]


def _settle(resource: Resource, rule: Rule | None, last: dict[str, str]) -> None:
    resource["status"] = last.get("MessageStatus") or last["CallStatus"]
    resource["date_updated"] = rfc_2822()
    if "date_sent" in resource:
        resource["date_sent"] = resource["date_updated"]
    if "ErrorCode" in last and rule is not None:
        resource["error_code"] = rule.code


def inbound(account_sid: str, sender: str, to: str, body: str) -> dict[str, str]:
    """Fields of an inbound message, https://www.twilio.com/docs/messaging/guides/webhook-request."""
    sid: dict[str, Any] = dict.fromkeys(("MessageSid", "SmsSid", "SmsMessageSid"), f"SM{uuid4().hex}")
    return {
        **sid,
        "AccountSid": account_sid,
        "ApiVersion": VERSION,
        "Body": body,
        "From": sender,
        "FromCountry": "",
        "NumMedia": "0",
        "NumSegments": "1",
        "SmsStatus": "received",
        "To": to,
    }
