"""The scorecard: what was found, set against what the simulator knows to be true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from functions.domain.anomalies import Anomaly, Kind
from simulator import SimulatedUtility, TruthEvent

GRACE_S = 2 * 3_600
"""What starts within two hours after a fault (a window, a hold, cold-load pickup) still belongs to it."""
DARK = frozenset({Kind.power_off.name, Kind.no_reads.name})
VOLTAGE = frozenset({Kind.sag.name, Kind.swell.name, Kind.unusual.name})
METERING = frozenset({Kind.stuck.name, Kind.unusual.name, Kind.tamper.name})
EXPECTED = {
    "outage": DARK,
    "communication": frozenset({Kind.no_reads.name}),
    "stuck": frozenset({Kind.stuck.name}),
}


@dataclass(frozen=True)
class Line:
    """Truths of one kind: how many there were and how many showed."""

    kind: str
    truths: int
    detected: int

    @property
    def missed(self) -> int:
        """How many did not show."""
        return self.truths - self.detected


@dataclass(frozen=True)
class Scorecard:
    """Detected, missed and false alarms, against the simulator's truth."""

    lines: tuple[Line, ...]
    alarms: int
    """Anomalies that were raised."""
    false_alarms: int
    """Raised anomalies with nothing wrong at their meter."""
    suppressed: int
    suppressed_wrongly: int
    """Suppressed anomalies whose cause nobody had announced."""

    @property
    def truths(self) -> int:
        """How much was wrong."""
        return sum(line.truths for line in self.lines)

    @property
    def detected(self) -> int:
        """How much of it showed."""
        return sum(line.detected for line in self.lines)


def expected_kinds(truth_kind: str) -> frozenset[str]:
    """Kinds of anomaly that count as having seen a truth."""
    if truth_kind.startswith("theft"):
        return METERING
    return EXPECTED.get(truth_kind, VOLTAGE)


def score(utility: SimulatedUtility, anomalies: Iterable[Anomaly], suppressed_ids: set[str]) -> Scorecard:
    """Set anomalies (one record each) against the truth; a truth is detected when any of its meters shows it."""
    by_meter: dict[str, list[Anomaly]] = defaultdict(list)
    for anomaly in anomalies:
        by_meter[anomaly.meter_id].append(anomaly)
    truths_of: dict[str, list[TruthEvent]] = defaultdict(list)
    found: dict[str, list[bool]] = defaultdict(list)
    for truth in utility.truth:
        meters = [str(utility.topology.meter_id[meter]) for meter in truth.meters]
        for meter in meters:
            truths_of[meter].append(truth)
        wanted = expected_kinds(truth.kind)
        found[_label(truth)].append(
            any(each.kind in wanted and _overlap(each, truth) for meter in meters for each in by_meter[meter])
        )
    everything = [each for these in by_meter.values() for each in these]
    raised = [each for each in everything if each.anomaly_id not in suppressed_ids]
    quiet = [each for each in everything if each.anomaly_id in suppressed_ids]
    return Scorecard(
        lines=tuple(Line(kind, len(hits), sum(hits)) for kind, hits in sorted(found.items())),
        alarms=len(raised),
        false_alarms=sum(not any(_overlap(each, truth) for truth in truths_of[each.meter_id]) for each in raised),
        suppressed=len(quiet),
        suppressed_wrongly=sum(
            not any(_overlap(each, truth) and truth.work_order_id for truth in truths_of[each.meter_id])
            for each in quiet
        ),
    )


def _label(truth: TruthEvent) -> str:
    return f"{truth.kind} ({truth.cause})" if truth.kind == "outage" else truth.kind


def _overlap(anomaly: Anomaly, truth: TruthEvent) -> bool:
    lasts_past_start = anomaly.end is None or anomaly.end > truth.start
    return anomaly.start < truth.end + GRACE_S and lasts_past_start
