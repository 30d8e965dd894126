"""Measuring: the month's outcomes against its truth."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from functions.domain.anomalies import Anomaly, Kind, Signal
from functions.domain.incidents import Incident, IncidentKind
from functions.domain.notifications import IntentKind
from local.incident_evaluation.figures import Alarms, Messages, Placing, SeedFigures
from local.incident_evaluation.judging import FALSE, FAULTS, SUSTAINED_S, Cause, Judge, fault_sort
from local.incident_evaluation.outcome import Outcome
from local.incident_evaluation.watching import Watched
from local.scorecard import DARK, GRACE_S
from simulator import TruthEvent

WITHOUT = "no context"
DEVICES = ("meter", "transformer", "lateral", "feeder", "substation")
OF_SUPPLY = frozenset({Kind.sag.name, Kind.swell.name, Kind.unusual.name, Kind.stuck.name})
"""What a known outage explains besides darkness and silence."""
DARK_INTERRUPTIONS = ("outage", "flapping")
WHOLE = ("outage", "momentary")
"""What begins once and ends once: an incident each."""


class Measure:
    """One seed's truth, and what was raised of it."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._judge = Judge(watched.utility, watched.buffer_s)
        self._truths = [each for each in watched.utility.truth if self._must_raise(each)]
        self._dark = defaultdict[int, list[Anomaly]](list)
        for anomaly in watched.anomalies:
            if anomaly.kind in DARK:
                self._dark[self._judge.meter[anomaly.meter_id]].append(anomaly)

    def figures(self, outcomes: Sequence[Outcome]) -> SeedFigures:
        """Everything that is published of one seed; the last outcome is that of the desk that knows everything."""
        utility, full = self._watched.utility, outcomes[-1]
        with_gasp, without = self._confirmed_s(full)
        return SeedFigures(
            seed=utility.scenario.seed,
            meters=utility.scenario.meters,
            days=utility.scenario.days,
            readings=self._watched.readings,
            truths=dict(sorted(Counter(_label(each) for each in utility.truth).items())),
            without=self._alarms(None),
            desks=tuple(self._alarms(each) for each in outcomes),
            outages=len(self._truths),
            placing=self._placing(full),
            customers_ratio=self._customers_ratio(full),
            confirmed_s_with_gasp=with_gasp,
            confirmed_s_without=without,
            messages=self._messages(full),
            pieces=self._pieces(full),
        )

    def _must_raise(self, truth: TruthEvent) -> bool:
        """Whether it is a sustained outage that nobody had announced, or one that outlasted its announcement."""
        told, buffer_s = truth.announcement, self._watched.buffer_s
        unannounced = told is None or truth.end > told.until + buffer_s
        return truth.kind in DARK_INTERRUPTIONS and truth.end - truth.start > SUSTAINED_S and unannounced

    def _alarms(self, outcome: Outcome | None) -> Alarms:
        raised, causes, faults = 0, Counter[str](), set[tuple[str, str]]()
        for anomaly in self._watched.anomalies:
            at = anomaly.raised_at if outcome is None else outcome.raised_at.get(anomaly.anomaly_id)
            if at is None:
                continue
            cause, truth = self._judge.judge(anomaly, at)
            if outcome is not None and _explained(anomaly, cause, outcome.kinds_of(anomaly.anomaly_id)):
                continue
            raised += 1
            causes[cause.name] += cause in FALSE
            if truth is not None and cause is Cause.real and (sort := fault_sort(truth.kind)):
                faults.add((sort, truth.truth_id))
        return Alarms(
            desk=WITHOUT if outcome is None else outcome.desk,
            raised=raised,
            false_by_cause={cause.name: causes[cause.name] for cause in FALSE},
            faults_found={sort: sum(each == sort for each, _ in faults) for sort in FAULTS},
            outages_found=sum(self._is_found(truth, outcome) for truth in self._truths),
        )

    def _signals(self, truth: TruthEvent) -> list[Anomaly]:
        """What its meters showed of it: what they had shown before, such as a dead radio, says nothing."""
        since = truth.start - self._watched.utility.scenario.interval_s
        return [
            anomaly
            for meter in truth.meters.tolist()
            for anomaly in self._dark[meter]
            if since <= anomaly.start < truth.end
        ]

    def _is_found(self, truth: TruthEvent, outcome: Outcome | None) -> bool:
        return bool(self._signals(truth) if outcome is None else self._incidents(truth, outcome))

    def _incidents(self, truth: TruthEvent, outcome: Outcome) -> set[str]:
        """Outages, confirmed, that took in what its meters showed."""
        named = {incident for anomaly in self._signals(truth) for incident in outcome.incidents_of[anomaly.anomaly_id]}
        outages = {each for each in named if outcome.last(each).kind is IncidentKind.outage}
        return {each for each in outcome.with_parents(outages) if outcome.last(each).confirmed_at is not None}

    def _is_at(self, incident: Incident, truth: TruthEvent) -> bool:
        topology = self._watched.utility.topology
        ids = getattr(topology, f"{incident.device_kind}_id", None)
        return ids is not None and np.array_equal(np.flatnonzero(ids == incident.device_id), truth.meters)

    def _placing(self, outcome: Outcome) -> tuple[Placing, ...]:
        lines = []
        outages = [truth for truth in self._truths if truth.kind == "outage"]
        for device in DEVICES:
            here = [truth for truth in outages if truth.device.kind == device]
            found = [incidents for truth in here if (incidents := self._incidents(truth, outcome))]
            placed = sum(
                any(self._is_at(revision, truth) for each in self._incidents(truth, outcome)
                    for revision in outcome.history[each][-1:])
                for truth in here
            )  # fmt: skip
            if here:
                lines.append(Placing(device_kind=device, outages=len(here), found=len(found), placed=placed))
        return tuple(lines)

    def _first(self, truth: TruthEvent, outcome: Outcome) -> str | None:
        """The incident that stands for a truth: the one at its device, else the one with most of its meters."""
        incidents = sorted(self._incidents(truth, outcome))
        at_device = [each for each in incidents if self._is_at(outcome.last(each), truth)]
        shares = Counter(i for anomaly in self._signals(truth) for i in outcome.incidents_of[anomaly.anomaly_id])
        return max(at_device or incidents, key=lambda each: (shares[each], each), default=None)

    def _customers_ratio(self, outcome: Outcome) -> tuple[float, ...]:
        ratios = []
        for truth in self._truths:
            incident = self._first(truth, outcome) if truth.kind == "outage" else None
            if incident is not None:
                confirmed = next(each for each in outcome.history[incident] if each.confirmed_at is not None)
                ratios.append(round(confirmed.customers_out / truth.customers_out, 3))
        return tuple(ratios)

    def _confirmed_s(self, outcome: Outcome) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Seconds from the first signal of a truth to the first confirmation, with a last gasp and without."""
        with_gasp: list[float] = []
        without: list[float] = []
        for truth in self._truths:
            incidents = self._incidents(truth, outcome)
            if not incidents or truth.announcement is not None or truth.kind != "outage":
                continue
            signals = self._signals(truth)
            confirmed = min(outcome.last(each).confirmed_at or 0 for each in incidents)
            waited = float(max(0, confirmed - min(each.raised_at for each in signals)))
            gasped = any(each.signal == Signal.last_gasp for each in signals)
            (with_gasp if gasped else without).append(waited)
        return tuple(with_gasp), tuple(without)

    def _pieces(self, outcome: Outcome) -> tuple[int, ...]:
        counts = []
        for truth in self._watched.utility.truth:
            if truth.kind not in WHOLE or truth.device.kind == "substation":
                continue
            ids = [anomaly.anomaly_id for anomaly in self._signals(truth)]
            named = {incident for each in ids for incident in outcome.incidents_of.get(each, [])[-1:]}
            last = [outcome.last(each) for each in named]
            own = [each for each in last if each.kind is IncidentKind.outage and each.counted and not each.nested_in]
            if own:
                counts.append(len(own))
        return tuple(counts)

    def _messages(self, outcome: Outcome) -> Messages:
        customer_meter = {name: meter for meter, name in enumerate(self._watched.utility.topology.customer_id.tolist())}
        by_meter = _by_meter(each for each in self._watched.utility.truth if each.kind in DARK_INTERRUPTIONS)
        told = Counter[tuple[str, str]]()
        without_outage = 0
        for sent in outcome.sent:
            if sent.kind is not IntentKind.outage_seen:
                continue
            meant = [
                truth
                for truth in by_meter[customer_meter.get(sent.customer_id, -1)]
                if truth.start <= sent.created_at < truth.end + GRACE_S and truth.end - truth.start > SUSTAINED_S
            ]
            if meant:
                # One under way before one that is over by then.
                told[min(meant, key=lambda each: _order(each, sent.created_at)).truth_id, sent.customer_id] += 1
            else:
                without_outage += 1
        everybody = Counter(sent.customer_id for sent in outcome.sent)
        heard = Counter(truth for truth, _ in told)
        return Messages(
            sent=len(outcome.sent),
            customers=len(everybody),
            most_to_one=max(everybody.values(), default=0),
            twice=sum(count - 1 for count in told.values()),
            without_outage=without_outage,
            untold=sum(max(0, each.customers_out - heard[each.truth_id]) for each in self._outermost()),
            to_tell=sum(each.customers_out for each in self._outermost()),
        )

    def _outermost(self) -> list[TruthEvent]:
        """Outages that are not what another one left over: their customers are told with the other's."""
        return [
            truth
            for truth in self._truths
            if not any(
                other is not truth and other.start == truth.start and set(truth.meters) < set(other.meters)
                for other in self._truths
            )
        ]


def _explained(anomaly: Anomaly, cause: Cause, kinds: set[IncidentKind]) -> bool:
    """Whether an incident shows an anomaly as part of something else that is really the matter."""
    if anomaly.kind in OF_SUPPLY:
        return IncidentKind.outage in kinds
    return cause is Cause.collector and kinds == {IncidentKind.communication}


def _order(truth: TruthEvent, at: int) -> tuple[bool, int, int]:
    return at >= truth.end, truth.start, truth.end


def _by_meter(truths: Iterable[TruthEvent]) -> defaultdict[int, list[TruthEvent]]:
    by_meter: defaultdict[int, list[TruthEvent]] = defaultdict(list)
    for truth in truths:
        for meter in truth.meters.tolist():
            by_meter[meter].append(truth)
    return by_meter


def _label(truth: TruthEvent) -> str:
    told = "" if truth.cause != "planned" else " (announced)" if truth.announcement else " (not announced there)"
    device = f", {truth.device.kind}" if truth.kind in {"outage", "momentary"} else ""
    return f"{truth.kind}: {truth.cause}{device}{told}".replace("_", " ")
