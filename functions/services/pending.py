"""Pending: the readings and device events of a batch that are not committed yet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from functions.domain.detection import Judge
from functions.domain.device_events import DeviceEvent
from functions.domain.outcomes import Reason
from functions.services.feeders import FeederReadings, ReadingColumns
from functions.services.pack_keys import PackKey, pack_number
from functions.services.work import Found, Work


@dataclass(frozen=True)
class Pending:
    """What remains of a batch: its readings and its device events, each with the feeder they belong to."""

    feeders: Sequence[FeederReadings]
    feeder: NDArray[np.int64]
    """Feeder of each reading, `[n]`, an index into `feeders`."""
    reading: NDArray[np.int64]
    """Position of each reading within its feeder, `[n]`."""
    columns: ReadingColumns
    event_feeder: NDArray[np.int64]
    event: NDArray[np.int64]

    @classmethod
    def of(cls, feeders: Sequence[FeederReadings]) -> Pending:
        """Everything a batch brought."""
        counts = [len(each.readings.place) for each in feeders]
        events = [len(each.device_events) for each in feeders]
        columns = ReadingColumns.join([each.readings for each in feeders] or [_NO_READINGS])
        return cls(feeders, _repeat(counts), _count_up(counts), columns, _repeat(events), _count_up(events))

    @property
    def empty(self) -> bool:
        """Whether everything is committed."""
        return not len(self.reading) and not len(self.event)

    def _events(self) -> list[tuple[int, DeviceEvent]]:
        places = zip(self.event_feeder.tolist(), self.event.tolist(), strict=True)
        return [self.feeders[feeder].device_events[event] for feeder, event in places]

    def packs(self) -> tuple[list[PackKey], NDArray[np.int64], NDArray[np.int64]]:
        """The packs touched, and which of them each reading `[n]` and each device event `[m]` belongs to."""
        place = self.columns.place
        event_place = np.array([event_place for event_place, _ in self._events()], np.int64)
        number = pack_number(np.concatenate((place, event_place)))
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
        """Apply everything to the joined packs."""
        return work.apply(pack_of_reading, self.columns, pack_of_event, self._events(), judge, now)

    def refuse(self, readings: NDArray[np.int64], reason: Reason) -> None:
        """Move readings (by position here) to the refusals of the events they came in."""
        for feeder, reading in zip(self.feeder[readings].tolist(), self.reading[readings].tolist(), strict=True):
            self.feeders[feeder].refuse(reading, reason)

    def rest(self, readings: NDArray[np.bool_], events: NDArray[np.bool_]) -> Pending:
        """What remains: the readings and device events chosen by the masks."""
        return Pending(
            feeders=self.feeders,
            feeder=self.feeder[readings],
            reading=self.reading[readings],
            columns=self.columns.take(readings),
            event_feeder=self.event_feeder[events],
            event=self.event[events],
        )


_NO_READINGS = ReadingColumns(
    place=np.empty(0, np.int64),
    timestamp=np.empty(0, np.int64),
    voltage_v=np.empty(0, np.float32),
    energy_kwh=np.empty(0, np.float32),
    interval_s=np.empty(0, np.int64),
)


def _repeat(counts: list[int]) -> NDArray[np.int64]:
    return np.repeat(np.arange(len(counts)), counts)


def _count_up(counts: list[int]) -> NDArray[np.int64]:
    return np.concatenate([np.arange(count) for count in counts] or [np.empty(0, np.int64)])
