"""Documents people send: one object as they wrote it, read into a value, with the field at fault named."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

import msgspec

from functions.domain.errors import RejectedDocument
from functions.domain.outcomes import Reason
from functions.domain.timestamps import FUTURE_S, Unusable, seconds

LATEST = 4_102_444_800
"""The year 2100, seconds since the epoch: milliseconds sent for seconds lie beyond it."""

Value = TypeVar("Value")
Document = Mapping[str, object]


def moment(field: str, value: object) -> int:
    """Seconds since the epoch, UTC, of a time as people send it; raises `RejectedDocument`.

    >>> moment("start", "2024-06-17T02:00:00+02:00")
    1718582400
    """
    # A table has no numbers: nine digits and more are an epoch, eight are a date.
    epoch = isinstance(value, str) and len(value) > len("20240617") and value.isdecimal()
    try:
        at = seconds(int(str(value)) if epoch else value)
    except Unusable as fault:
        if fault.reason == Reason.naive_timestamp:
            raise RejectedDocument(field, f"{_shown(value)} has no zone; send UTC with a Z, or an offset") from None
        raise RejectedDocument(
            field, f"{_shown(value)} is not a time; send ISO 8601 with a zone, or seconds since the epoch"
        ) from None
    if not 0 <= at < LATEST:
        raise RejectedDocument(field, f"{_shown(value)} is not between 1970 and 2100; send seconds, not milliseconds")
    return at


def past_moment(field: str, value: object, now: int) -> int:
    """The same, of what has happened; a clock may run ahead by an hour."""
    at = moment(field, value)
    if at > now + FUTURE_S:
        raise RejectedDocument(field, f"{_shown(value)} is in the future; send what was measured, not a forecast")
    return at


def read_as(kind: type[Value], document: Document) -> Value:
    """A document as a value of a type; raises `RejectedDocument`. Fields the type does not know are passed over."""
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as fault:
        raise RejectedDocument(field_at_fault(str(fault)), str(fault)) from None


def read_each(documents: Iterable[Document], read: Callable[[Document], Value]) -> list[Value]:
    """Every document read; the first at fault is refused with its position, and nothing is returned."""
    values = []
    for position, document in enumerate(documents):
        try:
            values.append(read(document))
        except RejectedDocument as fault:
            raise fault.at(position) from None
    return values


def field_at_fault(message: str) -> str:
    """The field that msgspec names: the missing one, or the end of the path "at `$[0].start`".

    >>> field_at_fault("Object missing required field `end` - at `$[0]`"), field_at_fault("Expected `int` - at `$.a`")
    ('end', 'a')
    """
    missing = re.search(r"required field `(\w+)`", message)
    path = re.search(r"at `\$(?:\[\d+\])?\.(.+)`", message)
    found = missing or path
    return found[1] if found else "body"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 64 else f"{text[:64]}…"
