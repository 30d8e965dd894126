"""Alarm profiles: how often the alarms of a feeder turned out to be real, hour by hour of the week.

Operators' verdicts teach it, alarms on voltage and unusual patterns each for themselves: that a feeder's outages and
sags are always real says nothing of what the model finds unusual there. The share of an hour of the week that was
confirmed is estimated with a Beta prior at the feeder's share over all hours, which itself has a Beta prior at one in
two; so a few verdicts move little, and an hour nobody has judged is taken as the feeder is. Counts decay, for feeders
are repaired.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from functions.domain.anomalies import Kind

HOURS_OF_WEEK = 168
SECONDS_PER_HOUR = 3_600
FIRST_MONDAY_H = 72
"""Hours that complete the epoch's first day, a Thursday, to a week that begins on Monday."""
PRIOR_VERDICTS = 8.0
"""Weight of the prior in verdicts: fewer than that move the share by less than half of the way."""
NEUTRAL_SHARE = 0.5
DECAY = 0.98
"""Every verdict takes this from all earlier ones: about the last fifty count."""
DIGITS = 4
LEAST_WEIGHT, MOST_WEIGHT = 0.85, 1.5
"""Of a feeder all of whose alarms were confirmed, and of one none of whose were. The former only takes off what weather
puts on: two degrees of heat, so that being right as a rule does not make every hot afternoon's sag an alarm."""


class Subject(StrEnum):
    """What an alarm is about."""

    voltage = "voltage"
    pattern = "pattern"


SUBJECTS = {Kind.sag.name: Subject.voltage, Kind.swell.name: Subject.voltage, Kind.unusual.name: Subject.pattern}
"""By kind of anomaly: of all others, no habit bears on them."""


@dataclass(frozen=True)
class Verdicts:
    """Verdicts on alarms of one subject by hour of the week (UTC, from Monday 00:00), decayed."""

    raised: tuple[float, ...] = (0.0,) * HOURS_OF_WEEK
    """Alarms judged, `[168]`."""
    confirmed: tuple[float, ...] = (0.0,) * HOURS_OF_WEEK
    """Of them, those that were real, `[168]`."""

    @cached_property
    def overall_share(self) -> float:
        """How likely any alarm of the subject is real, 0 to 1."""
        return _share(sum(self.confirmed), sum(self.raised), NEUTRAL_SHARE)

    def after(self, hour: int, confirmed: bool) -> Verdicts:
        """The verdicts after one more on an alarm of that hour of the week."""
        raised = [round(DECAY * count, DIGITS) for count in self.raised]
        real = [round(DECAY * count, DIGITS) for count in self.confirmed]
        raised[hour] += 1.0
        real[hour] += float(confirmed)
        return Verdicts(tuple(raised), tuple(real))


@dataclass(frozen=True)
class AlarmProfile:
    """Verdicts on one feeder's alarms."""

    feeder_id: str = ""
    voltage: Verdicts = field(default_factory=Verdicts)
    pattern: Verdicts = field(default_factory=Verdicts)
    etag: str | None = None

    def of(self, subject: Subject) -> Verdicts:
        """Those of one subject."""
        return self.voltage if subject is Subject.voltage else self.pattern


def hour_of_week(moment: int) -> int:
    """Hour of the week, 0 to 167, of a moment in seconds since the epoch.

    >>> hour_of_week(1718582400)  # Monday 2024-06-17T00:00Z
    0
    """
    return (moment // SECONDS_PER_HOUR + FIRST_MONDAY_H) % HOURS_OF_WEEK


def subjects(kinds: Iterable[str]) -> set[Subject]:
    """What anomalies of these kinds are about; empty where no habit bears on them.

    >>> subjects(["unusual", "tamper"]) == {Subject.pattern}, subjects(["power_off"])
    (True, set())
    """
    return {SUBJECTS[kind] for kind in kinds if kind in SUBJECTS}


def learn(profile: AlarmProfile, subject: Subject, hour: int, confirmed: bool) -> AlarmProfile:
    """The profile after one more verdict on an alarm of that hour of the week."""
    verdicts = profile.of(subject).after(hour, confirmed)
    return replace(profile, voltage=verdicts) if subject is Subject.voltage else replace(profile, pattern=verdicts)


def confirmed_share(profile: AlarmProfile, subject: Subject, moment: int) -> float:
    """How likely an alarm of that moment is real, 0 to 1: 0.5 without verdicts."""
    verdicts, hour = profile.of(subject), hour_of_week(moment)
    return _share(verdicts.confirmed[hour], verdicts.raised[hour], verdicts.overall_share)


def weight(profile: AlarmProfile, subject: Subject, moment: int) -> float:
    """How much more than usual an alarm must show: 1.5 on a feeder that is never right, 0.85 on one that always is.

    >>> weight(AlarmProfile("F"), Subject.voltage, 0)
    1.0
    """
    share = confirmed_share(profile, subject, moment)
    if share < NEUTRAL_SHARE:
        return MOST_WEIGHT - (MOST_WEIGHT - 1.0) * share / NEUTRAL_SHARE
    return 1.0 - (1.0 - LEAST_WEIGHT) * (share - NEUTRAL_SHARE) / (1.0 - NEUTRAL_SHARE)


def _share(confirmed: float, raised: float, prior: float) -> float:
    return (confirmed + PRIOR_VERDICTS * prior) / (raised + PRIOR_VERDICTS)
