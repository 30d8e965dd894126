"""The scorecard: what was found, set against what the simulator knows to be true."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from functions.domain.anomalies import Anomaly, Kind
from simulator import SimulatedUtility, TruthEvent

GRACE_S = 2 * 3_600
"""What starts within two hours after a fault (a window, a hold, cold-load pickup) still belongs to it."""
INCIDENT = "inc:"
"""How the id of an incident begins, where one is what explains an anomaly."""
DARK = frozenset({Kind.power_off.name, Kind.no_reads.name})
VOLTAGE = frozenset({Kind.sag.name, Kind.swell.name, Kind.unusual.name})
METERING = frozenset({Kind.stuck.name, Kind.unusual.name, Kind.tamper.name})
EXPECTED = {
    "outage": DARK,
    "flapping": DARK,
    "momentary": DARK | VOLTAGE,  # an interval with a minute of darkness has a low mean
    "communication": frozenset({Kind.no_reads.name}),
    "stuck": frozenset({Kind.stuck.name}),
    "tamper": METERING,
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
    """Suppressed anomalies of a fault that nobody had announced, and that no incident shows."""

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


def score(utility: SimulatedUtility, anomalies: Iterable[Anomaly], suppressed: Mapping[str, str]) -> Scorecard:
    """Set anomalies (one record each) against the truth; a truth is detected when any of its meters shows it.

    `suppressed` gives what explains an anomaly, by its id.
    What begins while the utility itself has changed a meter's readings shows neither a fault nor a mistake.
    """
    truths_of, benign_of = _by_meter(utility, utility.truth), _by_meter(utility, utility.benign)
    everything = list(anomalies)
    telling = [
        each
        for each in everything
        if _under_way(truths_of[each.meter_id], each.start) or not _under_way(benign_of[each.meter_id], each.start)
    ]
    shown: dict[str, list[Anomaly]] = defaultdict(list)
    for each in telling:
        shown[each.meter_id].append(each)
    found: dict[str, list[bool]] = defaultdict(list)
    for truth in utility.truth:
        wanted, meters = expected_kinds(truth.kind), utility.topology.meter_id[truth.meters].tolist()
        found[_label(truth)].append(
            any(each.kind in wanted and _overlap(each, truth) for meter in meters for each in shown[meter])
        )
    raised = [each for each in telling if each.anomaly_id not in suppressed]
    quiet = [each for each in telling if each.anomaly_id in suppressed]
    explained = sum(each.anomaly_id in suppressed for each in everything)
    return Scorecard(
        lines=tuple(Line(kind, len(hits), sum(hits)) for kind, hits in sorted(found.items())),
        alarms=len(everything) - explained,
        false_alarms=sum(not any(_overlap(each, truth) for truth in truths_of[each.meter_id]) for each in raised),
        suppressed=explained,
        suppressed_wrongly=sum(
            not suppressed[each.anomaly_id].startswith(INCIDENT) and _is_unannounced(each, truths_of[each.meter_id])
            for each in quiet
        ),
    )


def _is_unannounced(anomaly: Anomaly, truths: Iterable[TruthEvent]) -> bool:
    """Whether something was wrong, and nothing of it had been announced."""
    behind = [truth for truth in truths if _overlap(anomaly, truth)]
    return bool(behind) and not any(truth.announcement for truth in behind)


def _by_meter(utility: SimulatedUtility, events: Iterable[TruthEvent]) -> dict[str, list[TruthEvent]]:
    by_meter: dict[str, list[TruthEvent]] = defaultdict(list)
    for event in events:
        for meter in utility.topology.meter_id[event.meters].tolist():
            by_meter[meter].append(event)
    return by_meter


def _under_way(events: Iterable[TruthEvent], at: int) -> bool:
    return any(event.start <= at < event.end for event in events)


def _label(truth: TruthEvent) -> str:
    return f"{truth.kind} ({truth.cause})" if truth.kind == "outage" else truth.kind


def _overlap(anomaly: Anomaly, truth: TruthEvent) -> bool:
    lasts_past_start = anomaly.end is None or anomaly.end > truth.start
    return anomaly.start < truth.end + GRACE_S and lasts_past_start
