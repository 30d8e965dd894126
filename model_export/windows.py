"""Windows to learn from: the product's own detection run over raw readings, with a scorer that takes notes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from functions.domain.anomalies import Kind
from functions.domain.detection import Judge, Scores, detect
from functions.domain.features import FEATURES
from functions.domain.packs import GROUPS, CustomerType, Prior, fresh
from functions.domain.windows import Readings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from functions.domain.detection import Judgement, Score
    from functions.domain.windows import Entries
    from simulator.raw import RawReadings

CLIP = 8.0
"""Standardised features are cut here: beyond eight standard deviations more distance says nothing more."""
FARTHEST = 1000.0
"""Kept of a standardised feature before it is cut: what two bytes hold with room to spare."""
UNKNOWN_PRIOR = Prior(*(np.full((GROUPS, len(FEATURES)), value, np.float32) for value in (0, 1, 1)))
RULE_COLUMNS = [kind for kind in Kind if kind is not Kind.unusual]


@dataclass(frozen=True)
class Windows:
    """Windows as a scorer meets them, in time order; arrays of one length `[n]`."""

    z: NDArray[np.float16]
    """`[n, 28]`: how many of its usual standard deviations each feature is off; NaN where it was not measured."""
    meter: NDArray[np.int32]
    slot: NDArray[np.int32]
    """Row of the window's last reading in the raw readings."""
    score: NDArray[np.float32]
    """The product's: the scorer's, or a rule's where it is more urgent."""
    rule: NDArray[np.float32]
    """Score of the rule that was broken, 0 where none was."""
    unusual: NDArray[np.bool_]
    """The scorer raised it: above both bars, and no rule had spoken."""

    def __len__(self) -> int:
        return len(self.meter)

    def take(self, chosen: NDArray[np.integer] | NDArray[np.bool_] | slice) -> Windows:
        """Only the chosen ones."""
        return Windows(**{name: getattr(self, name)[chosen] for name in self.__dataclass_fields__})

    def sample(self, count: int, seed: int) -> Windows:
        """At most `count` of them, drawn without replacement, in time order."""
        if len(self) <= count:
            return self
        return self.take(np.sort(np.random.default_rng(seed).choice(len(self), count, replace=False)))

    @property
    def standardised(self) -> NDArray[np.float32]:
        """`[n, 28]`, cut and complete, as the graph computes it."""
        return bounded(self.z.astype(np.float32))


def bounded(z: NDArray[np.float32]) -> NDArray[np.float32]:
    """Standardised features cut at ±`CLIP`; 0 where one was not measured."""
    result: NDArray[np.float32] = np.nan_to_num(np.clip(z, -CLIP, CLIP), nan=0.0)
    return result


def joined(parts: list[Windows]) -> Windows:
    """Windows of several populations; meters stay apart."""
    step = 1 + max(int(part.meter.max(initial=0)) for part in parts)
    names = [name for name in Windows.__dataclass_fields__ if name != "meter"]
    meter = np.concatenate([part.meter + nth * step for nth, part in enumerate(parts)])
    return Windows(meter=meter, **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def score_nothing(
    features: NDArray[np.float32],
    usual_mean: NDArray[np.float32],  # noqa: ARG001
    usual_sd: NDArray[np.float32],  # noqa: ARG001
) -> Scores:
    """Say zero to every window, so that all of a healthy population teaches the baselines."""
    return Scores(np.zeros(len(features), np.float32), np.zeros(features.shape, np.float32))


def collect(
    readings: RawReadings,
    prior: Prior,
    score: Score = score_nothing,
    *,
    alerts_per_window: float = 1.0,
    first: int = 0,
    every: int = 1,
    advance: Callable[[float], None] = lambda _: None,
) -> Windows:
    """Run detection over the readings, slot by slot, and keep the windows from row `first` on.

    Of each meter's windows one in `every` is kept, another one at every time. `advance` is told the share of the period
    that each step has covered.
    """
    pieces = []
    for row, entries, found in judged(readings, Judge(score, prior, alerts_per_window=alerts_per_window), advance):
        if row < first:
            continue
        kept = (entries.row + row) % every == 0
        rule = found.rule[kept]
        z = (found.features[kept] - found.usual_mean[kept]) / found.usual_sd[kept]
        pieces.append(
            Windows(
                z=np.clip(z, -FARTHEST, FARTHEST).astype(np.float16),
                meter=entries.row[kept].astype(np.int32),
                slot=np.full(int(kept.sum()), row, np.int32),
                score=found.score[kept],
                rule=rule,
                unusual=found.kinds[kept, Kind.unusual],
            )
        )
    names = Windows.__dataclass_fields__
    return Windows(**{name: np.concatenate([getattr(piece, name) for piece in pieces]) for name in names})


def judged(
    readings: RawReadings, judge: Judge, advance: Callable[[float], None] = lambda _: None
) -> Iterator[tuple[int, Entries, Judgement]]:
    """Every row of the readings through the product's detection: (row, entries, what was found in them)."""
    types = np.array([CustomerType[name or "unknown"] for name in readings.customer_type], np.uint8)
    state = fresh(readings.nominal_v, types, judge.prior)
    count = len(readings.voltage_v)
    for row in range(count):
        volts, energy = readings.voltage_v[row], readings.energy_kwh[row]
        came = np.flatnonzero(~(np.isnan(volts) & np.isnan(energy)))
        slot, interval = (
            np.full(len(came), value, np.int64) for value in (readings.first_slot + row, readings.interval_s)
        )
        advance(1 / count)
        if len(came):
            _, entries, found = detect(state, Readings(came, slot, volts[came], energy[came], interval), judge)
            yield row, entries, found
