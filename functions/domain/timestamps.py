"""Times on the wire: ISO 8601 with a zone, or seconds since the epoch."""

from __future__ import annotations

from datetime import UTC, datetime

from functions.domain.outcomes import Reason

FUTURE_S = 3_600
"""A clock may run ahead by this much."""
TOO_OLD_S = 7 * 86_400
"""Event Hubs keeps events for up to seven days on the standard tier; older readings are not news."""


class Unusable(ValueError):
    """A field of a record cannot be used, for a reason."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def seconds(value: object) -> int:
    """Seconds since the epoch, UTC; raises `Unusable`.

    >>> seconds("2024-06-17T02:00:00+02:00"), seconds(1718582400.9)
    (1718582400, 1718582400)
    """
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise Unusable(Reason.bad_timestamp) from None
        if moment.tzinfo is None:
            raise Unusable(Reason.naive_timestamp)
        return int(moment.astimezone(UTC).timestamp() // 1) if 1970 < moment.year < 9999 else _refuse()
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e11:
        return _refuse()
    return int(value // 1)


def _refuse() -> int:
    raise Unusable(Reason.bad_timestamp)
