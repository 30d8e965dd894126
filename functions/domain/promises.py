"""Promises: the one moment customers are told, from the 80 % quantile of the hours that remain."""

from __future__ import annotations

from datetime import UTC, datetime

STEPS_S = ((2 * 3_600, 900), (6 * 3_600, 1_800))
"""How people speak: in quarters of an hour within two hours, in halves within six, in hours beyond."""
LONGEST_STEP_S = 3_600
TOLERANCE_S = 1_800
"""A promise that moves by no more than this is left as it is: a new time every few minutes is believed by nobody."""


def promise(q80_h: float, now: int, previous: int | None = None, utc_offset_s: int = 0) -> int:
    """Moment by which the power will be back, rounded up as people speak; never in the past.

    `previous` is what was last promised; it stands while it lies ahead and the new moment is within 30 minutes of it.
    `utc_offset_s` is that of local time: full hours are local ones.

    >>> promise(1.1, 36_000), promise(1.1, 36_000, previous=41_400), promise(4.0, 36_000, previous=41_400)
    (40500, 41400, 50400)
    """
    ahead = max(q80_h * 3600, 1.0)
    step = next((step for within, step in STEPS_S if ahead <= within), LONGEST_STEP_S)
    moment = -int(-(now + utc_offset_s + ahead) // step) * step - utc_offset_s
    kept = previous is not None and previous > now and abs(moment - previous) <= TOLERANCE_S
    return previous if kept and previous is not None else moment


def standing(own: int | None, computed: int | None, now: int) -> int | None:
    """The moment customers are told: the utility's own before a computed one; one that has passed is none.

    >>> standing(None, 500, 400), standing(900, 500, 400), standing(300, 500, 400), standing(300, 200, 400)
    (500, 900, 500, None)
    """
    return next((each for each in (own, computed) if each is not None and each > now), None)


def spoken(moment: int, now: int, utc_offset_s: int = 0) -> str:
    """A promise in words, local time.

    >>> spoken(55_800, 36_000), spoken(108_000, 36_000), spoken(86_400 * 3, 36_000)
    ('by about 3:30 pm', 'by about 6 am tomorrow', 'by about 12 am on Sunday 4 January')
    """
    then, today = (datetime.fromtimestamp(each + utc_offset_s, UTC) for each in (moment, now))
    minutes = f":{then.minute:02}" if then.minute else ""
    clock = f"by about {then.hour % 12 or 12}{minutes} {'am' if then.hour < 12 else 'pm'}"
    match (then.date() - today.date()).days:
        case 0:
            return clock
        case 1:
            return f"{clock} tomorrow"
        case _:
            return f"{clock} on {then:%A} {then.day} {then:%B}"
