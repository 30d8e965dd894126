"""Audit: who did what, when, and how it ended. No names, addresses or telephone numbers: ids only."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import msgspec


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
