"""Ids: what can name a meter, a feeder or a work order, and so a document in every store."""

from __future__ import annotations

from functions.domain.errors import RejectedDocument

_FORBIDDEN = set("/\\?#:\ufffd")  # the last stands for bytes that were no UTF-8: two meters would share an id
ID_CHARACTERS = 64


def is_id(text: object) -> bool:
    """Whether an id can name a document in every store.

    >>> is_id("MTR-000123"), is_id("a/b"), is_id("")
    (True, False, False)
    """
    return (
        isinstance(text, str)
        and 0 < len(text) <= ID_CHARACTERS
        and text.isprintable()
        and text == text.strip()
        and not _FORBIDDEN.intersection(text)
    )


def checked_id(field: str, text: str) -> None:
    """Raise `RejectedDocument` when a field of a document is no id."""
    if not is_id(text):
        shown = text if len(text) <= ID_CHARACTERS else f"{text[:ID_CHARACTERS]}…"
        raise RejectedDocument(field, f"{shown!r} is no id; use 1 to 64 printable characters without / \\ ? # or :")
