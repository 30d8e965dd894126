"""A message taken from a queue, whichever queue it is."""

from __future__ import annotations

from typing import NamedTuple


class QueuedMessage(NamedTuple):
    """A message that is hidden from others while it is handled."""

    id: str
    body: bytes
    dequeued: int
    """How often it was taken, this time included."""
    receipt: str
    """Proof of having taken it last: whoever takes it again makes this one worthless."""
