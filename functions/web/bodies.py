"""Bodies: documents in, JSON out."""

from __future__ import annotations

from collections.abc import Collection
from typing import TypeVar

import msgspec
from fastapi import Request, Response

from functions.domain.csv_documents import csv_documents
from functions.domain.documents import field_at_fault
from functions.domain.errors import RejectedDocument

Document = TypeVar("Document")

MOST_BYTES = 8_000_000
"""Of a request with context: some 30,000 work orders."""


async def documents(request: Request, kind: type[Document]) -> list[Document]:
    """One document or a list of them; a wrong one is refused with its field, and nothing is applied."""
    body = (await request.body()).strip()
    listed = b"[" + body + b"]" if body.startswith(b"{") else body
    try:
        return msgspec.json.decode(listed, type=list[kind])  # type: ignore[valid-type]  # a type at run time
    except msgspec.ValidationError as fault:
        raise RejectedDocument(field_at_fault(str(fault)), str(fault)) from fault
    except msgspec.DecodeError as fault:
        raise RejectedDocument("body", f"is not JSON ({fault}); send one object or a list of them") from fault


async def objects(request: Request, numbers: Collection[str] = ()) -> list[dict[str, object]]:
    """One object, a list of them, or a table (`text/csv`, where `numbers` names columns of numbers), not yet read.

    Raises `RejectedDocument`, also for a body above 8 MB.
    """
    body = await _bounded(request)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == "text/csv":
        return csv_documents(body, numbers)
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError as fault:
        raise RejectedDocument("body", f"is not JSON ({fault}); send one object or a list of them") from fault
    listed = [content] if isinstance(content, dict) else content
    if not isinstance(listed, list):
        raise RejectedDocument("body", "is neither an object nor a list; send one object or a list of them")
    for position, each in enumerate(listed):
        if not isinstance(each, dict):
            raise RejectedDocument("body", "is not an object; send a list of objects", position)
    return listed


async def _bounded(request: Request) -> bytes:
    """The body, read no further than it may be long."""
    parts, length = [], 0
    async for part in request.stream():
        length += len(part)
        if length > MOST_BYTES:
            raise RejectedDocument("body", f"has more than {MOST_BYTES // 1_000_000} MB; send it in several requests")
        parts.append(part)
    return b"".join(parts)


def answer(value: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")
