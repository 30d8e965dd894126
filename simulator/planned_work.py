"""Planned work: orders that were kept, and those that overran, were cancelled, late, moved, or misplaced."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus
from simulator.orders import Announcement, IssuedOrder
from simulator.power_cut import cut_power
from simulator.scenario import DAY_S, HOUR_S

if TYPE_CHECKING:
    from simulator.injection import Injection

FIRST_HOUR, LAST_HOUR = 7, 13  # crews start in the morning
ORDER_HOURS = (2, 3, 4)
SLACK_S = 600  # switching begins up to ten minutes early and ends up to ten minutes late
OVERRUN_S = 90 * 60
LATE_S = (20 * 60, 50 * 60)  # after the cut: the dispatcher registers what the crew has begun
NOTICE_S = (2 * HOUR_S, 12 * HOUR_S)  # before an order's first start, when it is moved or cancelled
FEEDERS_FOR_A_FEEDER_ORDER = 3
PLACEMENT_TRIES = 60


@dataclass(frozen=True)
class _Plan:
    """Where and when work is announced, and when the power is really away; epoch s."""

    kind: AssetKind
    meters: np.ndarray
    start: int
    end: int
    cut_from: int
    cut_until: int


def inject_planned_work(injection: Injection) -> None:
    """Write work orders, and the outages of those that were not cancelled; kind `outage`, cause `planned`.

    An overrun's truth lasts until the power is back, 90 minutes after the order's end.
    """
    scenario = injection.scenario
    rng = scenario.stream("planned work")
    every = scenario.planned_feeder_every
    for number in range(scenario.occurrences(scenario.planned_orders_per_week)):
        _keep(injection, _plan(injection, rng, of_feeder=number % every == every - 1), rng)
    for _ in range(scenario.occurrences(scenario.overrun_orders_per_week)):
        _keep(injection, _plan(injection, rng, overrun_s=OVERRUN_S), rng)
    for _ in range(scenario.occurrences(scenario.cancelled_orders_per_week)):
        _cancel(injection, _plan(injection, rng))
    rng = scenario.stream("changed orders")
    for _ in range(scenario.occurrences(scenario.late_orders_per_week)):
        _keep(injection, _plan(injection, rng), rng, late=True)
    for _ in range(scenario.occurrences(scenario.moved_orders_per_week)):
        _move(injection, _plan(injection, rng), rng)
    for _ in range(scenario.occurrences(scenario.misplaced_orders_per_week)):
        _misplace(injection, _plan(injection, rng), rng)


def _plan(
    injection: Injection, rng: np.random.Generator, *, of_feeder: bool = False, overrun_s: int = 0
) -> _Plan | None:
    """Draw work where nothing else happens, or None where there is no room."""
    network = injection.network
    feeders = len(network.substation_of_feeder)
    for _ in range(PLACEMENT_TRIES):
        if of_feeder and feeders >= FEEDERS_FOR_A_FEEDER_ORDER:
            kind, meters = AssetKind.feeder, network.below_feeder(int(rng.integers(feeders)))
        else:
            kind, meters = AssetKind.transformer, network.below_transformer(injection.random_transformer(rng))
        start, end = _hours(injection, rng)
        cut_from = start + int(rng.integers(-SLACK_S, SLACK_S))
        cut_until = end + (overrun_s or int(rng.integers(-SLACK_S, SLACK_S)))
        if injection.is_free(meters, min(start, cut_from), max(end, cut_until)):
            return _Plan(kind, meters, start, end, cut_from, cut_until)
    return None


def _keep(injection: Injection, plan: _Plan | None, rng: np.random.Generator, *, late: bool = False) -> None:
    if plan is not None:
        at = plan.cut_from + int(rng.integers(*LATE_S)) if late else injection.scenario.start
        order = _issue(injection, _order(injection, plan), at)
        _cut(injection, plan, rng, order.work_order_id, Announcement(at, plan.end))


def _cancel(injection: Injection, plan: _Plan | None) -> None:
    if plan is not None:
        order = _issue(injection, _order(injection, plan), injection.scenario.start)
        cancelled = msgspec.structs.replace(order, status=WorkOrderStatus.cancelled)
        _issue(injection, cancelled, plan.start - NOTICE_S[0])
        injection.occupy(plan.meters, plan.start, plan.end)  # nothing else may happen here: it must explain nothing


def _move(injection: Injection, plan: _Plan | None, rng: np.random.Generator) -> None:
    """The work takes place as planned in the end; first it was announced for other hours."""
    if plan is None:
        return
    first, until = _hours(injection, rng)
    order = _order(injection, plan)
    _issue(injection, msgspec.structs.replace(order, start=first, end=until), injection.scenario.start)
    at = max(injection.scenario.start + 1, min(first, plan.start) - int(rng.integers(*NOTICE_S)))
    _issue(injection, order, at)
    _cut(injection, plan, rng, order.work_order_id, Announcement(at, plan.end))


def _misplace(injection: Injection, plan: _Plan | None, rng: np.random.Generator) -> None:
    """The order names a transformer of another feeder; so nothing announces what happens, and there nothing happens."""
    network = injection.network
    elsewhere = np.flatnonzero(network.feeder != network.feeder[plan.meters[0]]) if plan is not None else ()
    if plan is None or not len(elsewhere):
        return
    wrong = network.below_transformer(int(network.transformer[rng.choice(elsewhere)]))
    order = _order(injection, plan, place=int(wrong[0]))
    _issue(injection, order, injection.scenario.start)
    _cut(injection, plan, rng, order.work_order_id, None)


def _cut(
    injection: Injection, plan: _Plan, rng: np.random.Generator, order_id: str, announcement: Announcement | None
) -> None:
    cut_power(injection, rng, plan.meters, plan.cut_from, np.full(len(plan.meters), plan.cut_until))
    injection.book("outage", "planned", plan.meters, plan.cut_from, plan.cut_until, order_id, announcement)


def _hours(injection: Injection, rng: np.random.Generator) -> tuple[int, int]:
    """Announced start and end on the hour, epoch s; on a working day when the period has one."""
    scenario = injection.scenario
    midnights = np.arange(scenario.first_fault_at // DAY_S, scenario.end // DAY_S + 1) * DAY_S
    midnights = midnights[midnights + FIRST_HOUR * HOUR_S < scenario.end]
    working = midnights[(midnights // DAY_S + 3) % 7 < 5]  # day 0 of the epoch was a Thursday
    candidates = working if len(working) else midnights
    if not len(candidates):
        candidates = np.array([scenario.first_fault_at // HOUR_S * HOUR_S])
    start = int(rng.choice(candidates) + rng.integers(FIRST_HOUR, LAST_HOUR + 1) * HOUR_S)
    return start, start + int(rng.choice(ORDER_HOURS)) * HOUR_S


def _order(injection: Injection, plan: _Plan, place: int | None = None) -> WorkOrder:
    """The order of a plan, at its own place or, by mistake, at another meter's."""
    topology = injection.network.topology
    meter = int(plan.meters[0]) if place is None else place
    feeder_id = str(topology.feeder_id[meter])
    asset_id = feeder_id if plan.kind is AssetKind.feeder else str(topology.transformer_id[meter])
    known = {each.order.work_order_id for each in injection.orders}
    return WorkOrder(
        work_order_id=f"WO-{len(known) + 1:04d}",
        feeder_id=feeder_id,
        asset_kind=plan.kind,
        asset_id=asset_id,
        start=plan.start,
        end=plan.end,
        description="Line maintenance" if plan.kind is AssetKind.feeder else "Transformer replacement",
    ).checked()


def _issue(injection: Injection, order: WorkOrder, at: int) -> WorkOrder:
    issued = msgspec.structs.replace(order, issued_at=at, updated_at=at)
    injection.orders.append(IssuedOrder(at, issued))
    return issued
