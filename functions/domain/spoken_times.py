"""Spoken times: a moment as people say it, in their language and time zone."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from functions.domain.catalogue import Clock, Language

WEEK = 6
"""Days within which the name of a weekday says which is meant."""


def spoken(moment: int, use: str, language: Language, zone: ZoneInfo, seen_from: int) -> str:
    """A moment with its preposition, `use`, and the day where it is not the one it is seen from.

    >>> from functions.domain.catalogue import languages
    >>> zone = ZoneInfo("America/Chicago")
    >>> [spoken(1_718_656_200, "by", languages()[each], zone, seen_from=1_718_640_000) for each in ("en", "fr", "sw")]
    ['by about 3:30 pm', 'vers 15h30', 'kufikia saa 9:30 alasiri']
    """
    local = datetime.fromtimestamp(moment, zone)
    forms = language.moments[use]
    return forms[_day(local.date(), datetime.fromtimestamp(seen_from, zone).date(), forms)].format(
        time=_clock(local, language.clock),
        weekday=language.weekdays[local.weekday()],
        day=local.day,
        month=language.months[local.month - 1],
    )


def _day(day: date, seen_from: date, forms: dict[str, str]) -> str:
    days = (day - seen_from).days
    near = {0: "today", -1: "yesterday", 1: "tomorrow"}.get(days, "")
    if near in forms:
        return near
    return "week" if "week" in forms and abs(days) <= WEEK else "date"


def _clock(local: datetime, clock: Clock) -> str:
    if not local.minute and str(local.hour) in clock.exact:
        return clock.exact[str(local.hour)]
    hour = local.hour
    if clock.hours == 12:
        hour = (local.hour - clock.shift) % 12 or 12
    begun = [int(start) for start in clock.periods if int(start) <= local.hour]
    period = clock.periods[str(max(begun))] if begun else ""
    form = clock.time if local.minute else clock.on_the_hour
    if clock.at_one and hour == 1:
        form = clock.at_one
    return form.format(hour=hour, minute=f"{local.minute:02}", period=period)
