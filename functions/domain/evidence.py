"""Evidence of power: what speaks against a device being out, and against silence being darkness.

A meter below a device that reads voltage soon after its neighbours went dark was never out. Later it may be the first
that is back, so only what was read within two intervals counts, and it is remembered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from math import inf

from functions.domain.board import Board
from functions.domain.topology import FeederMap
from functions.domain.troubles import Nature

PROBE_INTERVALS = 2
ARRIVAL_S = 5 * 60
"""By then the readings of an interval that has ended have come."""
FRESH_S = 3_600
"""Evidence counts within two intervals of the start; after an hour nobody asks for it where intervals are short."""
MOST_MOMENTS = 16
"""Remembered of a transformer: more were no more evidence."""
NEVER = (0, "")
NOTED = ""
"""In place of a meter: what is known of the transformer itself."""


def fresh_s(interval_s: int) -> int:
    """How long after its start evidence about an outage is looked for: the readings that count have come by then."""
    return max(FRESH_S, (PROBE_INTERVALS + 2) * interval_s)


def branch_of(transformer_id: str, nested_in: str) -> str:
    """Name under which evidence is remembered: what is left over from an incident is judged on its own."""
    return f"{transformer_id}@{nested_in}" if nested_in else transformer_id


class Evidence:
    """What is known of power on a feeder at one moment; the board remembers what may be needed later."""

    def __init__(self, board: Board, feeder: FeederMap, powered: Mapping[str, int]) -> None:
        self._live = board.live
        self._powered = powered
        self._probe_s = PROBE_INTERVALS * feeder.interval_s
        self._interval_s = feeder.interval_s
        self._of_transformer: dict[str, tuple[int, str]] = {}
        self._of_collector: dict[str, tuple[int, str]] = {}
        supply = [each for each in board.troubles.values() if each.nature is Nature.supply]
        own: dict[str, int] = {}
        for each in supply:
            own[each.meter_id] = min(each.start, own.get(each.meter_id, each.start))
        for meter, moment in powered.items():
            place = feeder.places.get(meter)
            # What a meter read before it went dark itself tells of its neighbours; what it reads later, of its return.
            if place is None or moment >= own.get(meter, moment + 1):
                continue
            for found, name in (
                (self._of_transformer, place.transformer_id),
                (self._of_collector, place.collector_id),
            ):
                found[name] = max(found.get(name, (moment, meter)), (moment, meter))
        self.newest = max((moment for moment, _ in self._of_transformer.values()), default=0)
        self._forget(own)
        self._remember(sorted({each.start for each in supply if each.strong}))

    def _forget(self, dark: Mapping[str, int]) -> None:
        """Drop what a meter's own darkness has disproved since."""
        for name, found in list(self._live.items()):
            self._live[name] = [each for each in found if dark.get(each[0], each[1] + 1) > each[1]]

    def _remember(self, starts: list[int]) -> None:
        if not starts:
            self._live.clear()
            return
        for transformer, (moment, meter) in self._of_transformer.items():
            after = bisect_left(starts, moment - self._probe_s)
            if after == len(starts) or starts[after] > moment:
                continue
            found = self._live.setdefault(transformer, [])
            if (meter, moment) not in found and len(found) < MOST_MOMENTS:
                found.append((meter, moment))

    def live(self, transformer_id: str, start: int, nested_in: str = "", back: float = inf) -> bool:
        """Whether a meter of a transformer is known to have had power after others went dark at `start`.

        What was read in an interval that had not ended when the first of them was `back` is no evidence: a meter whose
        gasp was lost shows power again then, too.
        """
        found = self._live.get(branch_of(transformer_id, nested_in), ())
        until, latest = start + self._probe_s, back - self._interval_s
        return any(start <= moment <= until and (moment <= latest or meter == NOTED) for meter, moment in found)

    def note_back(self, transformer_id: str, nested_in: str, starts: Iterable[int]) -> None:
        """Note that a transformer feeds meters again while others of `nested_in` are dark: it is not what is out."""
        moments = sorted(set(starts))[:MOST_MOMENTS]
        self._live[branch_of(transformer_id, nested_in)] = [(NOTED, moment) for moment in moments]

    def heard(self, transformer_id: str, start: int) -> bool:
        """Whether another meter of a transformer has reported a whole interval since one fell silent at `start`."""
        return self._of_transformer.get(transformer_id, NEVER)[0] >= start + self._interval_s

    def collector_heard(self, collector_id: str, start: int) -> bool:
        """The same of the meters a collector hears."""
        return self._of_collector.get(collector_id, NEVER)[0] >= start + self._interval_s

    def has_power(self, meter_id: str, start: int) -> bool:
        """Whether a meter without a signal of its own is known to have had power after `start`."""
        return self._powered.get(meter_id, 0) >= start

    def powered_at(self, meter_id: str) -> int:
        """When a meter was last known to have had power; 0 when that is not known."""
        return self._powered.get(meter_id, 0)
