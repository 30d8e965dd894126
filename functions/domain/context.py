"""Context: what the utility knows already. `assess` decides whether an anomaly is news.

Planned work explains what happens to supply below its asset, whatever it measures. Weather and the feeder's own history
explain less: they only ask for more. An unusual pattern must then score `threshold × weight`, up to the highest score
there is, which always counts. A sag or swell must break its range by so much more; but beyond range B (ANSI C84.1-2020;
EN 50160 in Europe, which knows one range) equipment is at risk whatever the weather, and it is always raised. Darkness,
silence, tampering and a stuck register are never a matter of weather or of habit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import msgspec

from functions.domain import alarm_profile
from functions.domain.alarm_profile import SUBJECTS, AlarmProfile, Subject
from functions.domain.anomalies import Anomaly, Kind
from functions.domain.limits import RANGE_A_SCORE, RANGE_B_SCORE
from functions.domain.thresholds import HIGHEST_SCORE
from functions.domain.weather import Influence, WeatherSeries
from functions.domain.work_orders import AssetKind, WorkOrder

DEFAULT_BUFFER_S = 15 * 60
"""Crews start early and finish late: `PLANNED_OUTAGE_BUFFER_MIN`."""
DEFAULT_WEIGHT_MAX = 2.0
"""`CONTEXT_WEIGHT_MAX`: weather and history together ask for no more than twice the usual."""
EXPLAINED_BY_WORK = frozenset(kind.name for kind in (Kind.power_off, Kind.no_reads, Kind.sag, Kind.swell, Kind.unusual))
"""Planned work explains what happens to supply; it does not explain tampering or a stuck register."""
_SPOKEN = {Subject.voltage: "voltage", Subject.pattern: "unusual patterns"}
HABIT_HOLDS_S = {Subject.voltage: 2 * 3_600, Subject.pattern: 24 * 3_600}
"""What lasts longer than this on a noisy feeder is worth a look all the same. Patterns describe the last day, among
other things: what was unusual once is so for a day."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the ledger: an anomaly that was not raised, why, and until when that holds."""

    anomaly_id: str
    meter_id: str
    feeder_id: str
    reason: str
    source_id: str
    start: int
    until: int
    suppressed_at: int
    released_at: int | None = None


class Verdict(msgspec.Struct, frozen=True):
    """`source_id` is None when the anomaly is raised; otherwise it names what explains it until `until`."""

    source_id: str | None = None
    reason: str = ""
    until: int = 0

    @property
    def raised(self) -> bool:
        """Whether the anomaly is news."""
        return self.source_id is None


RAISED = Verdict()


@dataclass(frozen=True)
class GridContext:
    """What is known of one feeder at one moment."""

    orders: Sequence[WorkOrder] = ()
    """Of the feeder and of its substation."""
    weather: WeatherSeries = field(default_factory=WeatherSeries)
    profile: AlarmProfile = field(default_factory=AlarmProfile)
    substation_id: str = ""
    buffer_s: int = DEFAULT_BUFFER_S
    weight_max: float = DEFAULT_WEIGHT_MAX

    @cached_property
    def orders_of(self) -> dict[tuple[AssetKind, str], list[WorkOrder]]:
        """Orders that explain something, by asset: a storm asks for every meter."""
        by_asset: dict[tuple[AssetKind, str], list[WorkOrder]] = defaultdict(list)
        for order in self.orders:
            if order.explains:
                by_asset[order.asset_kind, order.asset_id].append(order)
        return dict(by_asset)


def assess(anomaly: Anomaly, context: GridContext) -> Verdict:
    """Judge one anomaly against what is known of its feeder; pure."""
    if anomaly.kind in EXPLAINED_BY_WORK:
        verdict = _planned(anomaly, context)
        if not verdict.raised:
            return verdict
    subject = SUBJECTS.get(anomaly.kind)
    return RAISED if subject is None else _weighed(anomaly, subject, context)


def _planned(anomaly: Anomaly, context: GridContext) -> Verdict:
    """Orders that cover the meter act as one where they, with their buffers, overlap or follow without a gap.

    An anomaly that starts inside is explained until the last of them ends; that one is named as the source.
    """
    assets = (
        (AssetKind.meter, anomaly.meter_id),
        (AssetKind.transformer, anomaly.transformer_id),
        (AssetKind.feeder, anomaly.feeder_id),
        (AssetKind.substation, context.substation_id),
    )
    covering = [order for asset in assets if asset[1] for order in context.orders_of.get(asset, ())]
    if not covering:
        return RAISED
    run = _run(covering, anomaly.began_at, context.buffer_s)
    if not run:
        return RAISED
    last = max(run, key=lambda order: (order.over_at, order.work_order_id))
    names = [order.work_order_id for order in run if order.over_at + context.buffer_s > anomaly.began_at]
    return Verdict(last.work_order_id, f"planned work {', '.join(names)}", last.over_at + context.buffer_s)


def _run(orders: Sequence[WorkOrder], moment: int, buffer_s: int) -> list[WorkOrder]:
    """The orders without a gap between them that hold at a moment; none if none does."""
    run: list[WorkOrder] = []
    until = 0
    for order in sorted(orders, key=lambda each: (each.start, each.work_order_id)):
        if order.start - buffer_s > until:
            if run and moment < until:
                break
            run = []
        run.append(order)
        until = max(until, order.over_at + buffer_s)
    return run if run and run[0].start - buffer_s <= moment < until else []


def _weighed(anomaly: Anomaly, subject: Subject, context: GridContext) -> Verdict:
    """Ask for more in hard weather and on a noisy feeder, for less on one that is always right."""
    weather = context.weather.influence(anomaly.start)
    habit = alarm_profile.weight(context.profile, subject, anomaly.start)
    weight = max(1 / context.weight_max, min(weather.weight * habit, context.weight_max))
    if weight <= 1.0 or anomaly.score >= _bar(anomaly, subject, weight):
        return RAISED
    causes = [weather] if weather.weight > 1.0 else []
    if habit > 1.0:
        causes.append(_noisy(anomaly, subject, context.profile, habit))
    causes.sort(key=lambda cause: -cause.weight)
    return Verdict(causes[0].source_id, "; ".join(cause.reason for cause in causes), causes[0].until)


def _bar(anomaly: Anomaly, subject: Subject, weight: float) -> float:
    """The score that counts as news at a weight."""
    if subject is Subject.voltage:
        return min(RANGE_A_SCORE * weight, RANGE_B_SCORE)
    return min(anomaly.threshold * weight, HIGHEST_SCORE)


def _noisy(anomaly: Anomaly, subject: Subject, profile: AlarmProfile, weight: float) -> Influence:
    share = alarm_profile.confirmed_share(profile, subject, anomaly.start)
    about = f"feeder {anomaly.feeder_id}: {share:.0%} of its alarms on {_SPOKEN[subject]} at this hour were real"
    reason = f"{about}, weight {weight:.1f}"
    return Influence(weight, reason, f"profile:{anomaly.feeder_id}", anomaly.start + HABIT_HOLDS_S[subject])
