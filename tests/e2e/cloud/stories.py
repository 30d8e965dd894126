"""Stories whose end does not depend on how the change feed was cut.

A story is told in chapters, and a chapter begins only when everything that the one before led to has happened: power
goes out in one and comes back in the next, for an outage that is over when it is heard of is told to nobody. A feeder's
outages are two hours apart, so that none joins another's incident, and each stays within one transformer and one pack:
its records are inserted together. Every feeder has an outage, an undervoltage and a meter's odd day in turn.
"""

from __future__ import annotations

import random
from typing import NamedTuple

import msgspec
from functional.promise_house import FIRST_SLOT, INTERVAL_S

CHAPTER_SLOTS = 4
"""Outages begin every second chapter, two hours apart."""
LATER_S = 1_800
"""After a chapter so much time passes that whoever is to be told of it is told."""
METERS = 66
"""Of one feeder: a full pack and a small one."""
TRANSFORMERS = 6
"""Those whose ten meters each are all in the first pack."""
DARK = 3
EARLIEST_SLOT = FIRST_SLOT - 600
"""A reading may be a week old."""
VOLUME_CHAPTERS = 600 // CHAPTER_SLOTS
"""Then the present is reached, and a story has to go on in another volume."""


class Sent(NamedTuple):
    """One event of a story."""

    partition: int
    feeder_id: str
    body: bytes


class Chapter(NamedTuple):
    """What is sent before the story waits."""

    events: list[Sent]
    records: int


class Story:
    """What the feeders' meters send, chapter after chapter, the same for a seed.

    `spread` cuts each feeder's meters over so many partitions, beginning with the feeder's own. Another `volume` has
    other feeders.
    """

    def __init__(
        self, feeders: int = 2, *, seed: int = 1, partitions: int = 4, spread: int = 1, volume: int = 0
    ) -> None:
        self._feeders = feeders
        self._volume = volume
        # The first two characters of a meter's id name its transformer.
        self.meters = {
            f"E{nth}v{volume}": [f"{chr(ord('A') + nth)}{meter:02}v{volume}" for meter in range(METERS)]
            for nth in range(feeders)
        }
        self._seed = seed
        self._partitions = partitions
        self._spread = spread

    def next_volume(self) -> Story:
        """The same kind of story of other feeders, for when this one has reached the present."""
        return Story(
            self._feeders,
            seed=self._seed,
            partitions=self._partitions,
            spread=self._spread,
            volume=self._volume + 1,
        )

    def chapter(self, number: int) -> Chapter:
        """One chapter: four intervals of every meter."""
        assert number < VOLUME_CHAPTERS, "the story has reached the present; go on in its next volume"
        events = []
        for slot in range(number * CHAPTER_SLOTS, (number + 1) * CHAPTER_SLOTS):
            for nth, (feeder, meters) in enumerate(self.meters.items()):
                for share in range(self._spread):
                    rows = [self._row(meter, slot) for meter in meters[share :: self._spread]]
                    body = envelope(feeder, rows, columns=(slot + nth) % 2 == 0)
                    events.append(Sent((nth + share) % self._partitions, feeder, body))
        return Chapter(events, CHAPTER_SLOTS * sum(map(len, self.meters.values())))

    def _row(self, meter: str, slot: int) -> dict[str, object]:
        rng = random.Random(f"{self._seed} {meter} {slot}")
        volts, kwh = 230 + rng.randrange(-20, 20) / 10, rng.randrange(20, 40) / 100
        chapter, within = divmod(slot, CHAPTER_SLOTS)
        nth = int(meter[1:3])
        if self._dark(meter[0], nth, chapter, within):
            volts, kwh = 0.0, 0.0
        elif nth == METERS - 1 and chapter % 4 == 1 and within >= 2:
            volts = 200.0
        return {
            "meter_id": meter,
            "timestamp": (EARLIEST_SLOT + slot) * INTERVAL_S,
            "voltage_v": volts,
            "energy_kwh": kwh,
        }

    def _dark(self, feeder: str, meter: int, chapter: int, within: int) -> bool:
        """Out from the last two intervals of an even chapter to the first of the next."""
        began, goes_out = chapter - chapter % 2, within >= 2 if chapter % 2 == 0 else within == 0
        rng = random.Random(f"{self._seed} {feeder} {began}")
        first = 10 * rng.randrange(TRANSFORMERS)
        return goes_out and meter in rng.sample(range(first, first + 10), DARK)


def envelope(feeder: str, rows: list[dict[str, object]], *, columns: bool) -> bytes:
    """An event body, in one of the two forms of the wire."""
    readings = {name: [row[name] for row in rows] for name in rows[0]} if columns else rows
    return msgspec.json.encode({"feeder_id": feeder, "interval_s": INTERVAL_S, "readings": readings})
