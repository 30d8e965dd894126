"""Alarm profiles: how often the alarms of a feeder turned out to be real, hour by hour of the week.

Operators' verdicts teach it. The share of an hour of the week that was confirmed is estimated with a Beta prior at the
feeder's share over all hours, which itself has a Beta prior at one in two; so a few verdicts move little, and an hour
nobody has judged is taken as the feeder is. Counts decay, for feeders are repaired.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

HOURS_OF_WEEK = 168
SECONDS_PER_HOUR = 3_600
FIRST_MONDAY_H = 72
"""Hours that complete the epoch's first day, a Thursday, to a week that begins on Monday."""
PRIOR_VERDICTS = 8.0
"""Weight of the prior in verdicts: fewer than that move the share by less than half of the way."""
NEUTRAL_SHARE = 0.5
DECAY = 0.98
"""Every verdict takes this from all earlier ones: about the last fifty count."""
LEAST_WEIGHT, MOST_WEIGHT = 0.7, 1.5
"""Of a feeder all of whose alarms were confirmed, and of one none of whose were."""


@dataclass(frozen=True)
class AlarmProfile:
    """Verdicts on one feeder's alarms by hour of the week (UTC, from Monday 00:00), decayed."""

    feeder_id: str = ""
    raised: tuple[float, ...] = (0.0,) * HOURS_OF_WEEK
    """Alarms judged, `[168]`."""
    confirmed: tuple[float, ...] = (0.0,) * HOURS_OF_WEEK
    """Of them, those that were real, `[168]`."""
    etag: str | None = None

    @cached_property
    def overall_share(self) -> float:
        """How likely any alarm of the feeder is real, 0 to 1."""
        return _share(sum(self.confirmed), sum(self.raised), NEUTRAL_SHARE)


def hour_of_week(moment: int) -> int:
    """Hour of the week, 0 to 167, of a moment in seconds since the epoch.

    >>> hour_of_week(1718582400)  # Monday 2024-06-17T00:00Z
    0
    """
    return (moment // SECONDS_PER_HOUR + FIRST_MONDAY_H) % HOURS_OF_WEEK


def learn(profile: AlarmProfile, hour: int, confirmed: bool) -> AlarmProfile:
    """The profile after one more verdict on an alarm of that hour of the week."""
    raised = [DECAY * count for count in profile.raised]
    real = [DECAY * count for count in profile.confirmed]
    raised[hour] += 1.0
    real[hour] += float(confirmed)
    return AlarmProfile(profile.feeder_id, tuple(raised), tuple(real), profile.etag)


def confirmed_share(profile: AlarmProfile, moment: int) -> float:
    """How likely an alarm of that moment is real, 0 to 1: 0.5 without verdicts."""
    hour = hour_of_week(moment)
    return _share(profile.confirmed[hour], profile.raised[hour], profile.overall_share)


def weight(profile: AlarmProfile, moment: int) -> float:
    """How much more than usual an alarm must show: 1.5 on a feeder that is never right to 0.7 on one that always is.

    >>> weight(AlarmProfile("F"), 0)
    1.0
    """
    share = confirmed_share(profile, moment)
    if share < NEUTRAL_SHARE:
        return MOST_WEIGHT - (MOST_WEIGHT - 1.0) * share / NEUTRAL_SHARE
    return 1.0 - (1.0 - LEAST_WEIGHT) * (share - NEUTRAL_SHARE) / (1.0 - NEUTRAL_SHARE)


def _share(confirmed: float, raised: float, prior: float) -> float:
    return (confirmed + PRIOR_VERDICTS * prior) / (raised + PRIOR_VERDICTS)
