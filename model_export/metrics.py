"""How well the detector does on utilities it has never seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import average_precision_score

from functions.adapters.model_manifest import KindResult, TailShare
from functions.domain.features import FEATURES, WINDOW

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from functions.adapters.onnx_scorer import OnnxScorer
    from model_export.windows import Windows
    from simulator import SimulatedUtility, TruthEvent

PROMISES = (2.0, 3.0, 4.0)
ALL = "all"


def tail_shares(score: NDArray[np.floating]) -> tuple[TailShare, ...]:
    """How often healthy windows `[n]` score above 2, 3 and 4, which should be 1e-2, 1e-3 and 1e-4."""
    return tuple(TailShare(level, 10.0**-level, round(float((score > level).mean()), 7)) for level in PROMISES)


def without_energy(scorer: OnnxScorer, windows: Windows) -> NDArray[np.float32]:
    """Scores `[n]` of the windows if the utility sent voltages only."""
    features = windows.features.copy()
    features[:, [name.startswith("energy") for name in FEATURES]] = np.nan
    return scorer(features, windows.usual_mean, windows.usual_sd).score


@dataclass(frozen=True)
class FaultResults:
    """Results on a utility with faults."""

    kinds: tuple[KindResult, ...]
    false_windows_per_1000_meter_days: float


def fault_results(utility: SimulatedUtility, windows: Windows) -> FaultResults:
    """Compare the scores of `windows` with the truth.

    A window belongs to an event when its last reading does. The windows that reach back into an event from after its
    end are left out: they are neither.
    """
    lookup = _Lookup(windows)
    clear = np.ones(len(windows), bool)
    kind_of: dict[str, list[NDArray[np.int64]]] = {}
    tally: dict[str, list[tuple[bool, bool]]] = {}
    above = windows.score > windows.threshold
    for event in utility.truth:
        start, end = _slots(event, utility)
        for meter in event.meters.tolist():
            clear[lookup.of(meter, start, end + WINDOW - 1)] = False
            inside = lookup.of(meter, start, end)
            if not len(inside):
                continue
            model, rule = bool(above[inside].any()), bool(windows.by_rule[inside].any())
            for kind in (ALL, event.kind):
                kind_of.setdefault(kind, []).append(inside)
                tally.setdefault(kind, []).append((model, model or rule))
    quiet = windows.score[clear]
    kinds = [_kind(kind, np.unique(np.concatenate(kind_of[kind])), tally[kind], windows, quiet) for kind in kind_of]
    kinds.sort(key=lambda result: (result.kind != ALL, result.kind))
    meter_days = clear.sum() / utility.scenario.slots_per_day
    false = float((above & ~windows.by_rule & clear).sum() / meter_days * 1000)
    return FaultResults(tuple(kinds), round(false, 2))


def _kind(
    kind: str, inside: NDArray[np.int64], tally: list[tuple[bool, bool]], windows: Windows, quiet: NDArray[np.float32]
) -> KindResult:
    scores = np.concatenate((windows.score[inside], quiet))
    labels = np.arange(len(scores)) < len(inside)
    model, either = np.array(tally).mean(axis=0)
    return KindResult(
        kind=kind,
        windows=len(inside),
        average_precision=round(float(average_precision_score(labels, scores)), 4),
        meter_events=len(tally),
        recall_model=round(float(model), 4),
        recall_with_rules=round(float(either), 4),
    )


def _slots(event: TruthEvent, utility: SimulatedUtility) -> tuple[int, int]:
    """Slots `[start, end)` since the period's start that share time with the event."""
    interval, first = utility.scenario.interval_s, utility.scenario.start
    return (event.start - first) // interval, -(-(event.end - first) // interval)


class _Lookup:
    """Finds the windows of a meter that end in given slots."""

    def __init__(self, windows: Windows) -> None:
        self._stride = int(windows.slot.max()) + 2
        key = windows.meter.astype(np.int64) * self._stride + windows.slot
        self._order = np.argsort(key, kind="stable")
        self._key = key[self._order]

    def of(self, meter: int, start: int, end: int) -> NDArray[np.int64]:
        """Indices of the windows of `meter` in slots `[start, end)`."""
        base, last = meter * self._stride, self._stride - 1
        low, high = np.searchsorted(self._key, (base + min(max(start, 0), last), base + min(end, last)))
        return self._order[low:high]
