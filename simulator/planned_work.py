"""Planned work: orders that were kept, one that ran over its time, one that was cancelled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus
from simulator.power_cut import cut_power
from simulator.scenario import DAY_S, HOUR_S

if TYPE_CHECKING:
    from simulator.injection import Injection

FIRST_HOUR, LAST_HOUR = 7, 13  # crews start in the morning
ORDER_HOURS = (2, 3, 4)
SLACK_S = 600  # switching begins up to ten minutes early and ends up to ten minutes late
OVERRUN_S = 90 * 60
FEEDERS_FOR_A_FEEDER_ORDER = 3
PLACEMENT_TRIES = 60


def inject_planned_work(injection: Injection) -> None:
    """Write work orders, and the outages of those that were not cancelled; kind `outage`, cause `planned`.

    An overrun's truth lasts until the power is back, 90 minutes after the order's end.
    """
    scenario = injection.scenario
    rng = scenario.stream("planned work")
    for number in range(scenario.occurrences(scenario.planned_orders_per_week)):
        # Every second order is for a feeder: wide and announced, the case that must not alarm anybody.
        _work(injection, rng, of_feeder=number % 2 == 1)
    for _ in range(scenario.occurrences(scenario.overrun_orders_per_week)):
        _work(injection, rng, overrun_s=OVERRUN_S)
    for _ in range(scenario.occurrences(scenario.cancelled_orders_per_week)):
        _work(injection, rng, cancelled=True)
    injection.work_orders.sort(key=lambda order: (order.start, order.work_order_id))


def _work(
    injection: Injection,
    rng: np.random.Generator,
    *,
    of_feeder: bool = False,
    overrun_s: int = 0,
    cancelled: bool = False,
) -> None:
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
            break
    else:
        return
    order = _order(injection, kind, int(meters[0]), start, end, cancelled=cancelled)
    injection.work_orders.append(order)
    if cancelled:
        injection.occupy(meters, start, end)  # nothing else may happen here: the order must explain nothing
        return
    cut_power(injection, rng, meters, cut_from, np.full(len(meters), cut_until))
    injection.book("outage", "planned", meters, cut_from, cut_until, order.work_order_id)


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


def _order(injection: Injection, kind: AssetKind, meter: int, start: int, end: int, *, cancelled: bool) -> WorkOrder:
    topology = injection.network.topology
    feeder_id = str(topology.feeder_id[meter])
    asset_id = feeder_id if kind is AssetKind.feeder else str(topology.transformer_id[meter])
    return WorkOrder(
        work_order_id=f"WO-{len(injection.work_orders) + 1:04d}",
        feeder_id=feeder_id,
        asset_kind=kind,
        asset_id=asset_id,
        start=start,
        end=end,
        status=WorkOrderStatus.cancelled if cancelled else WorkOrderStatus.planned,
        description="Line maintenance" if kind is AssetKind.feeder else "Transformer replacement",
    ).checked()
