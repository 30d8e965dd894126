"""Periods that people ask for: from and to, as a day of their calendar or as a moment."""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from functions.domain import documents
from functions.domain.errors import RejectedDocument

DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
SECONDS_DIGITS = 16


class Period(NamedTuple):
    """Seconds since the epoch, UTC; `end` is exclusive. Days are those of the zone."""

    start: int
    end: int
    zone: tzinfo = UTC

    @classmethod
    def of(cls, start: str, end: str, zone: str, now: int) -> Period:
        """What was asked for; nothing for `start` is the year's first day, nothing for `end` is now.

        Raises `RejectedDocument` naming `from`, `to` or `zone`.
        """
        where = zone_of(zone)
        this_year = datetime.fromtimestamp(now, where).year
        period = cls(
            moment("from", start, where) if start else int(datetime(this_year, 1, 1, tzinfo=where).timestamp()),
            moment("to", end, where) if end else now,
            where,
        )
        if period.end <= period.start:
            raise RejectedDocument("to", "is not after from; send both in order")
        return period

    @classmethod
    def today(cls, now: int, zone: tzinfo = UTC) -> Period:
        """The day so far."""
        midnight = datetime.fromtimestamp(now, zone).replace(hour=0, minute=0, second=0, microsecond=0)
        return cls(int(midnight.timestamp()), now + 1, zone)


def zone_of(name: str) -> tzinfo:
    """A zone of the IANA database; empty is UTC. Raises `RejectedDocument`."""
    if name in ("", "UTC"):
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
        raise RejectedDocument("zone", f"{name[:64]!r} is no time zone; send one like America/New_York") from fault


def moment(field: str, text: str, zone: tzinfo) -> int:
    """A day (its beginning), an ISO 8601 time with a zone, or seconds since the epoch; raises `RejectedDocument`.

    >>> moment("from", "2024-06-17", UTC), moment("from", "2024-06-17T02:00:00+02:00", UTC)
    (1718582400, 1718582400)
    """
    if DAY.fullmatch(text):
        text = f"{text}T00:00:00"
        try:
            return documents.moment(field, datetime.fromisoformat(text).replace(tzinfo=zone).isoformat())
        except ValueError:
            raise RejectedDocument(field, f"{text[:10]!r} is no day of the calendar") from None
    return documents.moment(field, int(text) if text.isdecimal() and len(text) < SECONDS_DIGITS else text)
