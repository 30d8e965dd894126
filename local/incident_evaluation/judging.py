"""Judging: what really lay behind every anomaly, by the simulator's truth."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from functions.domain.anomalies import Anomaly, Kind
from local.scorecard import DARK, GRACE_S, METERING, expected_kinds
from simulator import SimulatedUtility, TruthEvent

SUSTAINED_S = 5 * 60
"""What lasts longer is an interruption that counts (IEEE 1366-2012); what does not is momentary."""
FAULTS = ("voltage", "metering")
"""What may be wrong besides supply."""
OF_METERING = ("stuck", "drift", "tamper", "theft")
OF_CONNECTION = frozenset({"outage", "flapping", "momentary", "communication"})
LASTING = ("theft", "tamper")
SUPPLY = frozenset({Kind.power_off.name, Kind.no_reads.name, Kind.sag.name, Kind.swell.name, Kind.unusual.name})
HEAT = frozenset({Kind.sag.name, Kind.unusual.name})


class Cause(StrEnum):
    """Why an anomaly arose. Only the first is an alarm that somebody should get."""

    real = "a fault nobody announced"
    planned = "planned work that was announced"
    collector = "silence of a collector"
    heat = "a mild sag in a heat wave"
    swap = "a meter that was replaced"
    nothing = "nothing"
    switched = "a service that the utility switched off"


FALSE = (Cause.planned, Cause.collector, Cause.heat, Cause.swap, Cause.nothing)
"""Causes of false alarms. What a meter says while the utility itself has switched it off is neither true nor false."""


class Judgement(NamedTuple):
    """What lay behind one anomaly, and the truth it belongs to, if any."""

    cause: Cause
    truth: TruthEvent | None = None


class Judge:
    """Judges the anomalies of one utility."""

    def __init__(self, utility: SimulatedUtility, buffer_s: int) -> None:
        self._buffer_s = buffer_s
        self.meter = {str(name): place for place, name in enumerate(utility.topology.meter_id.tolist())}
        self._old = {str(utility.topology.meter_id[swap.meter]): swap for swap in utility.swaps}
        self.meter |= {swap.new_meter_id: swap.meter for swap in utility.swaps}
        self._truths = _by_meter(utility.truth)
        self._benign = _by_meter(utility.benign)

    def judge(self, anomaly: Anomaly, raised_at: int) -> Judgement:
        """What lay behind an anomaly that was raised, or would have been, at `raised_at` (epoch s)."""
        meter = self.meter[anomaly.meter_id]
        swap = self._old.get(anomaly.meter_id)
        truth = _best(anomaly, self._truths[meter])
        if truth is not None and not (swap is not None and anomaly.start >= swap.at):
            if truth.kind == "communication" and truth.cause == "collector":
                return Judgement(Cause.collector if anomaly.kind == Kind.no_reads.name else Cause.nothing, truth)
            told = truth.announcement
            if told is not None and anomaly.kind in SUPPLY:
                until = told.until + self._buffer_s
                overran = truth.end > until and raised_at >= until
                explained = raised_at >= told.known_at and not overran
                return Judgement(Cause.planned if explained else Cause.real, truth)
            return Judgement(Cause.real, truth)
        for event in self._benign[meter]:
            if _overlap(anomaly, event, GRACE_S):
                if event.kind == "heat" and anomaly.kind in HEAT:
                    return Judgement(Cause.heat)
                if event.kind == "swapped" and anomaly.kind in DARK:
                    return Judgement(Cause.swap)
                if event.kind == "disconnected":
                    return Judgement(Cause.switched)
        return Judgement(Cause.nothing)


def fault_sort(kind: str) -> str:
    """Of `FAULTS`, what a truth of a kind is; empty for one of supply or of the way to the meter."""
    if kind in OF_CONNECTION:
        return ""
    return "metering" if kind.startswith(OF_METERING) else "voltage"


def _best(anomaly: Anomaly, truths: Iterable[TruthEvent]) -> TruthEvent | None:
    """The truth an anomaly shows: one under way before one that has just ended, a passing one before a lasting one."""
    meant = [truth for truth in truths if not truth.kind.startswith(LASTING) or anomaly.kind in METERING]
    for grace_s in (0, GRACE_S):
        found = [truth for truth in meant if _overlap(anomaly, truth, grace_s)]
        if found:
            return min(found, key=lambda each: (anomaly.kind not in expected_kinds(each.kind), -each.start, each.end))
    return None


def _overlap(anomaly: Anomaly, event: TruthEvent, grace_s: int) -> bool:
    return anomaly.start < event.end + grace_s and (anomaly.end is None or anomaly.end > event.start)


def _by_meter(events: Iterable[TruthEvent]) -> defaultdict[int, list[TruthEvent]]:
    by_meter: defaultdict[int, list[TruthEvent]] = defaultdict(list)
    for event in events:
        for meter in event.meters.tolist():
            by_meter[meter].append(event)
    return by_meter
