"""Recent levels: how far ahead a utility's estimates have lain lately, and which areas are slow.

A level is a running mean that forgets: the first samples count alike, later ones as in a window of fixed length.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

ESTIMATES = 500
"""Estimates a level of the utility remembers: a few days of a large one."""
AREA_OUTAGES = 50
ENOUGH = 30
"""Estimates before a level is told."""
DOUBT = 5.0
"""Outages at which an area's own pace counts half."""


class Level(NamedTuple):
    """A running mean of so many samples."""

    mean: float = 0.0
    samples: int = 0

    def after(self, value: float, window: int) -> Level:
        """The level after one more sample, in a window of `window`.

        >>> Level().after(1.0, 2).after(3.0, 2).after(3.0, 2)
        Level(mean=2.5, samples=3)
        """
        samples = self.samples + 1
        return Level(self.mean + (value - self.mean) / min(samples, window), samples)


class UsualEstimate(NamedTuple):
    """Levels of a utility's first estimates, log hours; None until enough were seen."""

    remaining: float | None
    total: float | None


class Levels(msgspec.Struct):
    """What is usual lately; learns in place, and is kept as JSON. Groups are planned (True) and unplanned work."""

    remaining: list[Level] = msgspec.field(default_factory=lambda: [Level(), Level()])
    total: list[Level] = msgspec.field(default_factory=lambda: [Level(), Level()])
    lasted: list[Level] = msgspec.field(default_factory=lambda: [Level(), Level()])
    areas: dict[str, Level] = {}

    def estimated(self, planned: bool, log_remaining: float, log_total: float) -> None:
        """Learn a utility's first estimate of an outage: log hours from first sight, and from the start."""
        self.remaining[planned] = self.remaining[planned].after(log_remaining, ESTIMATES)
        self.total[planned] = self.total[planned].after(log_total, ESTIMATES)

    def restored(self, planned: bool, area: str, log_lasted: float) -> None:
        """Learn that an outage of `area` is over after this many log hours."""
        self.lasted[planned] = level = self.lasted[planned].after(log_lasted, ESTIMATES)
        self.areas[area] = self.areas.get(area, Level()).after(log_lasted - level.mean, AREA_OUTAGES)

    def usual(self, planned: bool) -> UsualEstimate:
        """What first estimates have lately been: facts `usual_remaining` and `usual_total`."""
        if self.remaining[planned].samples < ENOUGH:
            return UsualEstimate(None, None)
        return UsualEstimate(self.remaining[planned].mean, self.total[planned].mean)

    def area_pace(self, area: str) -> float:
        """Log of how much longer outages of `area` have lately lasted; near 0 while few are known."""
        level = self.areas.get(area, Level())
        weight = min(level.samples, AREA_OUTAGES)
        return level.mean * weight / (weight + DOUBT)
