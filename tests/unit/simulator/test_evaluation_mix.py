"""The month that context and incidents are measured on: every event of it stands in the readings and in the truth."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from functions.domain.limits import RANGE_A, RANGE_B
from functions.domain.work_orders import WorkOrderStatus
from simulator import Scenario, SimulatedUtility, TruthEvent, simulate
from simulator.mix import evaluation_mix

SMALL = evaluation_mix(meters=1500, days=14)
BUFFER_S = 15 * 60


@pytest.fixture(scope="module")
def utility() -> SimulatedUtility:
    return simulate(SMALL)


def truths(utility: SimulatedUtility, cause: str) -> list[TruthEvent]:
    found = [event for event in utility.truth if event.cause == cause]
    assert found, cause
    return found


def whole_slots(utility: SimulatedUtility, event: TruthEvent) -> np.ndarray:
    opens = utility.slots * utility.scenario.interval_s
    return (opens >= event.start) & (opens + utility.scenario.interval_s <= event.end)


def test_the_same_seed_gives_the_same_month(utility: SimulatedUtility) -> None:
    again = simulate(SMALL)
    np.testing.assert_array_equal(utility.voltage_v, again.voltage_v)
    np.testing.assert_array_equal(utility.wind_mps, again.wind_mps)
    assert (utility.orders, utility.swaps) == (again.orders, again.swaps)
    assert [event.device for event in utility.truth] == [event.device for event in again.truth]


def test_the_month_has_every_sort_of_trouble(utility: SimulatedUtility) -> None:
    causes = Counter(event.cause for event in utility.truth)
    for cause in ("storm", "planned", "equipment", "service", "transmission", "recloser", "contact", "collector"):
        assert causes[cause], cause
    assert {event.device.kind for event in utility.truth if event.kind == "outage"} >= {
        *("meter", "transformer", "lateral", "feeder", "substation"),
    }
    assert {event.kind for event in utility.benign} == {"heat", "swapped", "disconnected"}


def test_what_the_demo_simulates_has_none_of_the_new_trouble() -> None:
    usual = simulate(Scenario(meters=300, days=2))
    assert not {"service", "transmission", "recloser", "contact"} & {event.cause for event in usual.truth}
    assert usual.swaps == ()
    assert not {"heat", "swapped"} & {event.kind for event in usual.benign}


def test_an_outage_has_the_meters_of_its_device(utility: SimulatedUtility) -> None:
    topology = utility.topology
    for event in utility.truth:
        if event.kind in {"outage", "momentary", "flapping"}:
            ids = getattr(topology, f"{event.device.kind}_id")
            np.testing.assert_array_equal(np.flatnonzero(ids == event.device.id), event.meters)
            assert event.customers_out == len(set(topology.customer_id[event.meters]))


def test_a_momentary_interruption_hardly_shows_in_the_readings(utility: SimulatedUtility) -> None:
    for event in truths(utility, "recloser"):
        assert 0 < event.end - event.start < 300
        row = (event.start - utility.scenario.start) // utility.scenario.interval_s
        seen = utility.voltage_v[row, event.meters]
        assert np.nanmin(seen / utility.topology.nominal_voltage_v[event.meters]) > 0.6
        gasps = {each.meter for each in utility.device_events if each.code == "last_gasp" and each.at >= event.start}
        assert gasps & set(event.meters.tolist())


def test_a_flapping_transformer_goes_out_more_than_twice(utility: SimulatedUtility) -> None:
    for event in truths(utility, "contact"):
        back = [
            each.at
            for each in utility.device_events
            if each.code == "power_restored" and each.meter in event.meters and event.start < each.at < event.end + 180
        ]
        assert len({at // 300 for at in back}) >= 2
        assert event.end - event.start < 3 * 3600


def test_nested_outages_start_with_their_feeder_and_end_later(utility: SimulatedUtility) -> None:
    storms = truths(utility, "storm")
    feeders = [event for event in storms if event.device.kind == "feeder"]
    nested = [
        (inner, outer)
        for outer in feeders
        for inner in storms
        if inner is not outer and inner.start == outer.start and set(inner.meters) < set(outer.meters)
    ]
    assert len(nested) >= len(feeders)
    assert all(inner.end > outer.end for inner, outer in nested)


def test_orders_are_known_from_their_issue_and_the_last_one_holds(utility: SimulatedUtility) -> None:
    issued = Counter(each.order.work_order_id for each in utility.orders)
    cancelled = [order for order in utility.work_orders if order.status is WorkOrderStatus.cancelled]
    assert cancelled
    assert all(issued[order.work_order_id] == 2 for order in cancelled)
    assert [each.at for each in utility.orders] == sorted(each.at for each in utility.orders)
    assert all(each.order.issued_at == each.order.updated_at == each.at for each in utility.orders)
    orders = {order.work_order_id: order for order in utility.work_orders}
    for event in truths(utility, "planned"):
        order, told = orders[event.work_order_id], event.announcement
        if told is None:
            assert order.feeder_id not in set(utility.topology.feeder_id[event.meters])
        else:
            assert (told.known_at, told.until) == (order.issued_at, order.end)
            assert order.asset_id in {*utility.topology.transformer_id[event.meters], order.feeder_id}
            assert abs(event.start - order.start) <= 600


def test_late_orders_are_registered_when_it_is_dark_already_and_moved_ones_before(utility: SimulatedUtility) -> None:
    planned = [event for event in truths(utility, "planned") if event.announcement is not None]
    late = [event for event in planned if event.announcement.known_at > event.start]
    assert len(late) == 2
    assert all(20 * 60 <= event.announcement.known_at - event.start < 50 * 60 for event in late)
    moved = [event for event in planned if utility.scenario.start < event.announcement.known_at < event.start]
    assert len(moved) == 2
    firsts = {each.order.work_order_id: each.order for each in reversed(utility.orders)}
    assert any(firsts[event.work_order_id].start != event.start for event in moved)


def test_some_work_is_registered_on_the_wrong_feeder(utility: SimulatedUtility) -> None:
    assert sum(event.announcement is None for event in truths(utility, "planned")) == 1


def test_an_overrun_outlasts_its_order_and_the_buffer(utility: SimulatedUtility) -> None:
    planned = [event for event in truths(utility, "planned") if event.announcement is not None]
    assert sum(event.end > event.announcement.until + BUFFER_S for event in planned) >= 2


def test_a_heat_wave_lifts_temperature_and_load_and_sags_are_mild(utility: SimulatedUtility) -> None:
    cool = simulate(replace(SMALL, heat_waves_per_week=0.0))
    hot = utility.temperature_c - cool.temperature_c
    assert 6 <= hot.max() <= 9
    assert (hot == 0).mean() > 0.5
    rows = hot > 1
    assert np.nansum(utility.energy_kwh[rows]) > 1.05 * np.nansum(cool.energy_kwh[rows])
    for event in (each for each in utility.benign if each.kind == "heat"):
        seen = utility.voltage_v[np.ix_(whole_slots(utility, event), event.meters)]
        pu = seen / utility.topology.nominal_voltage_v[event.meters]
        assert np.nanmin(pu) > RANGE_B[0]
        assert np.nanmedian(pu) < RANGE_A[0]


def test_storms_are_windy_and_wet_and_other_days_are_not(utility: SimulatedUtility) -> None:
    times = utility.slots * utility.scenario.interval_s
    stormy = np.zeros(len(times), bool)
    for storm in utility.storms:
        stormy |= (times >= storm.start) & (times < storm.end)
    assert stormy.any()
    assert utility.wind_mps[stormy].min() >= 15
    assert np.median(utility.wind_mps[~stormy]) < 5
    assert utility.precipitation_mm[stormy].mean() > 20 * utility.precipitation_mm[~stormy].mean()


def test_a_replaced_meter_reports_by_its_new_id_from_the_change_on(utility: SimulatedUtility) -> None:
    assert len(utility.swaps) == 3
    for swap in utility.swaps:
        meters = np.array([swap.meter])
        assert utility.ids(meters, swap.at - 1).tolist() == [utility.topology.meter_id[swap.meter]]
        assert utility.ids(meters, swap.at).tolist() == [swap.new_meter_id]
        row = (swap.at - utility.scenario.start) // utility.scenario.interval_s
        assert np.isnan(utility.voltage_v[row : row + 2, swap.meter]).all()
        assert swap.registered_at > swap.at
