"""Quiet hours: when a customer is not to be disturbed, by the clock on their wall."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from functions.domain.customers import Customer
from functions.domain.notifications import OPERATOR_KINDS, OUTAGE_KINDS, IntentKind

DAY_MIN = 24 * 60


def zone_of(name: str) -> ZoneInfo | None:
    """A time zone by its IANA name; None when there is none of that name.

    >>> zone_of("Africa/Nairobi"), zone_of("Mars/Olympus")
    (zoneinfo.ZoneInfo(key='Africa/Nairobi'), None)
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a folder of zones is an OSError
        return None


def quiet_until(customer: Customer, kind: IntentKind, zone: ZoneInfo, now: int) -> int | None:
    """When the quiet hours end in which `now` lies, epoch seconds; None when a message of this kind may go now.

    Outages pass for critical customers, and operators have no quiet hours. A night that a clock change makes shorter
    or longer ends by the clock all the same.
    """
    if kind in OPERATOR_KINDS or (customer.critical and kind in OUTAGE_KINDS):
        return None
    local = datetime.fromtimestamp(now, zone)
    minute = local.hour * 60 + local.minute
    begins, ends = customer.quiet_from % DAY_MIN, customer.quiet_to % DAY_MIN
    overnight = begins > ends
    quiet = (minute >= begins or minute < ends) if overnight else begins <= minute < ends
    if not quiet:
        return None
    day = local.date() + timedelta(days=1 if overnight and minute >= begins else 0)
    end = datetime(day.year, day.month, day.day, ends // 60, ends % 60, tzinfo=zone)
    # Where the clock is turned back over the end, the first time it shows is behind us already.
    return next((moment for fold in (0, 1) if (moment := int(end.replace(fold=fold).timestamp())) > now), now + 3_600)
