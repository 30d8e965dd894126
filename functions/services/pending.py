"""Pending: the readings and device events of a batch that are not committed yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.domain.detection import Judge
from functions.domain.outcomes import Reason
from functions.services.feeders import FeederReadings
from functions.services.work import Found, PackKey, Work, pack_number


@dataclass(frozen=True)
class Pending:
    """What remains of a batch, by feeder: the positions of its readings and of its device events."""

    feeders: Sequence[FeederReadings]
    feeder: NDArray[np.int64]
    """Feeder of each reading, `[n]`, an index into `feeders`."""
    reading: NDArray[np.int64]
    """Position of each reading within its feeder, `[n]`."""
    event_feeder: NDArray[np.int64]
    event: NDArray[np.int64]

    @classmethod
    def of(cls, feeders: Sequence[FeederReadings]) -> Pending:
        """Everything a batch brought."""
        counts = [len(each.place) for each in feeders]
        events = [len(each.device_events) for each in feeders]
        return cls(feeders, _repeat(counts), _count_up(counts), _repeat(events), _count_up(events))

    @property
    def empty(self) -> bool:
        """Whether everything is committed."""
        return not len(self.reading) and not len(self.event)

    def _gather(self, column: str) -> NDArray[Any]:
        parts = [getattr(each, column)[self.reading[self.feeder == number]] for number, each in enumerate(self.feeders)]
        return np.concatenate(parts)

    def packs(self) -> tuple[list[PackKey], NDArray[np.int64], NDArray[np.int64]]:
        """The packs touched, and which of them each reading `[n]` and each device event `[m]` belongs to."""
        place = self._gather("place")
        event_place = np.array(
            [self.feeders[f].device_events[e][0] for f, e in zip(self.event_feeder, self.event, strict=True)], np.int64
        )
        number = pack_number(np.concatenate((place, event_place)).astype(np.int64))
        feeder = np.concatenate((self.feeder, self.event_feeder))
        codes, which = np.unique(feeder << 32 | number, return_inverse=True)
        keys = [PackKey(self.feeders[int(code) >> 32].roster, int(code) & 0xFFFFFFFF) for code in codes]
        return keys, which[: len(place)], which[len(place) :]

    def run(
        self,
        work: Work,
        pack_of_reading: NDArray[np.int64],
        pack_of_event: NDArray[np.int64],
        judge: Judge,
        now: int,
    ) -> Found:
        """Apply everything to the joined packs: device events first, since they tell of the time before a reading."""
        events = [self.feeders[f].device_events[e] for f, e in zip(self.event_feeder, self.event, strict=True)]
        event_outcomes = work.apply_events(pack_of_event, events, now)
        columns = ("place", "timestamp", "voltage_v", "energy_kwh", "interval_s")
        readings = {column: self._gather(column) for column in columns}
        return Found(work.apply_readings(pack_of_reading, judge=judge, now=now, **readings), event_outcomes)

    def refuse(self, readings: NDArray[np.int64], reason: Reason) -> None:
        """Move readings (by position here) to the refusals of the events they came in."""
        for number, each in enumerate(self.feeders):
            each.refuse(self.reading[readings[self.feeder[readings] == number]], reason)

    def rest(self, readings: NDArray[np.bool_], events: NDArray[np.bool_]) -> Pending:
        """What remains: the readings and device events chosen by the masks."""
        return Pending(
            self.feeders, self.feeder[readings], self.reading[readings], self.event_feeder[events], self.event[events]
        )


def _repeat(counts: list[int]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(counts)), counts)


def _count_up(counts: list[int]) -> NDArray[np.int64]:
    return np.concatenate([np.arange(count) for count in counts] or [np.empty(0, np.int64)])
