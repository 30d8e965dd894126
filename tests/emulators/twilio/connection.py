"""HTTP/1.1 on one connection, as much as the SDK speaks: keep-alive and Content-Length.

A protocol of our own because a fault must be able to hang up without an answer, which no ASGI server lets one do.
"""

from __future__ import annotations

import asyncio
from http import HTTPStatus

from emulators.twilio.control import PREFIX, control
from emulators.twilio.errors import Refused, not_covered
from emulators.twilio.service import Service
from emulators.twilio.wire import Reply, Request

_REASONS = {status.value: status.phrase for status in HTTPStatus}


async def serve_connection(service: Service, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one client's requests, one after the other, until it hangs up or is hung up on."""
    try:
        while (request := await _next_request(reader)) is not None:
            if request.path.startswith(PREFIX):
                _send(writer, await control(service, request))
                continue
            answer = service.answer(request)
            if answer.after_s:
                await asyncio.sleep(answer.after_s)
            if answer.reply is None:
                break
            _send(writer, answer.reply)
            await writer.drain()
    except Refused as refused:
        _send(writer, Reply.refusal(refused))
    except ConnectionError:
        pass  # the client has gone
    finally:
        writer.close()


async def _next_request(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    method, _, rest = first.partition(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "0")
    if "transfer-encoding" in headers or not length.isdigit():
        raise not_covered(f"{first!r} without the length of its body")
    body = await reader.readexactly(int(length))
    return Request(method, rest.partition(" ")[0], headers, body)


def _send(writer: asyncio.StreamWriter, reply: Reply) -> None:
    reason = _REASONS.get(reply.status, "")
    head = (
        f"HTTP/1.1 {reply.status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {len(reply.body)}\r\n"
    )
    writer.write(f"{head}\r\n".encode() + reply.body)
