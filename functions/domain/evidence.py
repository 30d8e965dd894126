"""Evidence of power: what speaks against a device being out, and against silence being darkness.

A meter below a device that reads voltage soon after its neighbours went dark was never out. Later it may be the first
that is back, so only what was read within two intervals counts, and it is remembered.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

from functions.domain.board import Board
from functions.domain.topology import FeederMap
from functions.domain.troubles import Nature

PROBE_INTERVALS = 2
MOST_MOMENTS = 16
"""Remembered of a transformer: more were no more evidence."""


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
        self._of_transformer: dict[str, int] = {}
        self._of_collector: dict[str, int] = {}
        supply = [each for each in board.troubles.values() if each.nature is Nature.supply]
        dark = {each.meter_id for each in supply}
        for meter, moment in powered.items():
            place = feeder.places.get(meter)
            if place is None or meter in dark:
                continue
            for found, name in (
                (self._of_transformer, place.transformer_id),
                (self._of_collector, place.collector_id),
            ):
                found[name] = max(found.get(name, moment), moment)
        self.newest = max(self._of_transformer.values(), default=0)
        self._remember(sorted({each.start for each in supply if each.strong}))

    def _remember(self, starts: list[int]) -> None:
        if not starts:
            self._live.clear()
            return
        for transformer, moment in self._of_transformer.items():
            after = bisect_left(starts, moment - self._probe_s)
            if after == len(starts) or starts[after] > moment:
                continue
            moments = self._live.setdefault(transformer, [])
            if moment not in moments and len(moments) < MOST_MOMENTS:
                moments.append(moment)

    def live(self, transformer_id: str, start: int, nested_in: str = "") -> bool:
        """Whether a meter of a transformer is known to have had power after others went dark at `start`."""
        moments = self._live.get(branch_of(transformer_id, nested_in), ())
        return any(start <= moment <= start + self._probe_s for moment in moments)

    def note_back(self, transformer_id: str, nested_in: str, starts: Iterable[int]) -> None:
        """Note that a transformer feeds meters again while others of `nested_in` are dark: it is not what is out."""
        self._live[branch_of(transformer_id, nested_in)] = sorted(set(starts))[:MOST_MOMENTS]

    def heard(self, transformer_id: str, start: int) -> bool:
        """Whether another meter of a transformer has reported a whole interval since one fell silent at `start`."""
        return self._of_transformer.get(transformer_id, 0) >= start + self._interval_s

    def collector_heard(self, collector_id: str, start: int) -> bool:
        """The same of the meters a collector hears."""
        return self._of_collector.get(collector_id, 0) >= start + self._interval_s

    def has_power(self, meter_id: str, start: int) -> bool:
        """Whether a meter without a signal of its own is known to have had power after `start`."""
        return self._powered.get(meter_id, 0) >= start
