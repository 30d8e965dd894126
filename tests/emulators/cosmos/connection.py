"""HTTP/1.1 on one connection, as much as the SDK speaks: keep-alive and Content-Length.

A protocol of our own because a fault must be able to hang up without an answer, which no ASGI server lets one do, and
because it costs a tenth of a general parser's time.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from emulators.cosmos.control import PREFIX, control
from emulators.cosmos.errors import Refused, bad_request, too_large
from emulators.cosmos.messages import Reply, Request, refusal
from emulators.cosmos.service import Call, Service

MAX_REQUEST_BYTES = 8 * 1024 * 1024
"""Above every limit of Cosmos DB, so that those are what a test meets."""
_HEAD_END = b"\r\n\r\n"
_REASONS = {status.value: status.phrase for status in HTTPStatus}


class Connection(asyncio.Protocol):
    """Answers one client's requests, one after the other."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._transport: asyncio.Transport | None = None
        self._received = bytearray()
        self._busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._serve()

    def _serve(self) -> None:
        try:
            while not self._busy and (request := self._next_request()) is not None:
                self._begin(request)
        except Refused as refused:
            self._send(refusal(refused))
            self._hang_up()

    def _begin(self, request: Request) -> None:
        if request.target.startswith(PREFIX):
            self._send(control(self._service, request))
            return
        try:
            call = self._service.accept(request)
        except Refused as refused:
            self._send(refusal(refused))
            return
        if call.strike.delay_s:
            self._busy = True
            asyncio.get_running_loop().call_later(call.strike.delay_s, self._finish_late, call)
        else:
            self._finish(call)

    def _finish_late(self, call: Call) -> None:
        self._busy = False
        self._finish(call)
        self._serve()

    def _finish(self, call: Call) -> None:
        reply = self._service.answer(call)
        if reply is None:
            self._hang_up()
        else:
            self._send(reply)

    def _next_request(self) -> Request | None:
        """The next whole request, taken off what was received; raises Refused for one that cannot be read."""
        head_end = self._received.find(_HEAD_END)
        if head_end < 0:
            return None
        first, *lines = self._received[:head_end].decode("latin-1").split("\r\n")
        method, _, rest = first.partition(" ")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = headers.get("content-length", "0")
        if "transfer-encoding" in headers or not length.isdigit():
            raise bad_request(f"{first!r} must tell the length of its body by Content-Length.")
        start, end = head_end + len(_HEAD_END), head_end + len(_HEAD_END) + int(length)
        if end > MAX_REQUEST_BYTES:
            raise too_large(f"{first!r}", end, MAX_REQUEST_BYTES)
        if len(self._received) < end:
            return None
        body = bytes(self._received[start:end])
        del self._received[:end]
        return Request(method, rest.partition(" ")[0], headers, body)

    def _send(self, reply: Reply) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        fields = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
        # A 204 or 304 has no body, and 204 no length either.
        length = "" if reply.status == HTTPStatus.NO_CONTENT else f"content-length: {len(reply.body)}\r\n"
        head = f"HTTP/1.1 {reply.status} {_REASONS.get(reply.status, '')}\r\n{fields}{length}\r\n"
        self._transport.write(head.encode("latin-1") + reply.body)

    def _hang_up(self) -> None:
        """Close without another word; what was sent before still arrives."""
        self._received.clear()
        if self._transport is not None:
            self._transport.close()
