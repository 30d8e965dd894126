"""Audit: who did what, when, and how it ended. No names, addresses or telephone numbers: ids only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum

import msgspec

MOST_IDS = 1_000
"""That an entry names; of how many there were it tells in any case."""


class Outcome(StrEnum):
    """How an action ended. One that stays `asked` was cut off: whether it took effect is not known."""

    asked = "asked"
    done = "done"
    refused = "refused"


class AuditEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One action of one person. `at` is in seconds since the epoch, UTC."""

    id: str
    at: int
    by: str
    """Id of the principal, as the platform gives it; never a name."""
    action: str
    subject: str
    """Id of what it was done to."""
    details: dict[str, str] = {}
    outcome: Outcome = Outcome.asked
    reason: str = ""
    """Why it was refused."""

    @property
    def day(self) -> str:
        """Day of the entry, UTC.

        >>> AuditEntry(id="1", at=1_718_582_400, by="p", action="acknowledge", subject="inc:1").day
        '2024-06-17'
        """
        return datetime.fromtimestamp(self.at, UTC).date().isoformat()


def of_many(ids: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Subject and details of an action on many things at once: how many they are, and which.

    >>> of_many(["WO-1", "WO-2", "WO-3"])
    ('WO-1 and 2 more', {'count': '3', 'ids': 'WO-1, WO-2, WO-3'})
    >>> of_many(["WO-1"])[0]
    'WO-1'
    """
    subject = ids[0] if ids else "nothing"
    if len(ids) > 1:
        subject = f"{subject} and {len(ids) - 1} more"
    return subject, {"count": str(len(ids)), "ids": ", ".join(ids[:MOST_IDS])}
