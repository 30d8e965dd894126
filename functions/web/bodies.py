"""Bodies: documents in, JSON out."""

from __future__ import annotations

import re
from typing import TypeVar

import msgspec
from fastapi import Request, Response

from functions.domain.errors import RejectedDocument

Document = TypeVar("Document")


async def documents(request: Request, kind: type[Document]) -> list[Document]:
    """One document or a list of them; a wrong one is refused with its field, and nothing is applied."""
    body = (await request.body()).strip()
    listed = b"[" + body + b"]" if body.startswith(b"{") else body
    try:
        return msgspec.json.decode(listed, type=list[kind])  # type: ignore[valid-type]  # a type at run time
    except msgspec.ValidationError as fault:
        raise RejectedDocument(_field(str(fault)), str(fault)) from fault
    except msgspec.DecodeError as fault:
        raise RejectedDocument("body", f"is not JSON ({fault}); send one object or a list of them") from fault


def _field(fault: str) -> str:
    """The field that msgspec names: the missing one, or the end of the path "at `$[0].start`".

    >>> _field("Object missing required field `end` - at `$[0]`"), _field("Expected `int` - at `$[0].start`")
    ('end', 'start')
    """
    missing = re.search(r"required field `(\w+)`", fault)
    path = re.search(r"at `\$\[\d+\]\.(.+)`", fault)
    found = missing or path
    return found[1] if found else "body"


def answer(value: object, status: int = 200) -> Response:
    """A JSON response."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")
