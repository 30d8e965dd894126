"""What the truth says really stands in the raw readings, and nothing else does."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from functions.domain.device_events import Meaning, code_table
from functions.domain.work_orders import WorkOrderStatus
from simulator import TRUTH_KINDS, Scenario, SimulatedUtility, TruthEvent, simulate, truth_hours

PICKUP_S = 2 * 3600


@pytest.fixture(scope="module")
def utility() -> SimulatedUtility:
    return simulate(Scenario())


@pytest.fixture(scope="module")
def clean() -> SimulatedUtility:
    return simulate(Scenario(faults=False))


def whole_slots(utility: SimulatedUtility, event: TruthEvent) -> np.ndarray:
    """Slots wholly inside the event, `[T] bool`."""
    opens = utility.slots * utility.scenario.interval_s
    return (opens >= event.start) & (opens + utility.scenario.interval_s <= event.end)


def during(utility: SimulatedUtility, event: TruthEvent, values: np.ndarray) -> np.ndarray:
    return values[np.ix_(whole_slots(utility, event), event.meters)]


def events(utility: SimulatedUtility, *, kind: str = "", cause: str = "") -> list[TruthEvent]:
    found = [event for event in utility.truth if kind in ("", event.kind) and cause in ("", event.cause)]
    assert found
    return found


def mean_pu(utility: SimulatedUtility, event: TruthEvent) -> float:
    voltage = during(utility, event, utility.voltage_v)
    return float(np.nanmean(voltage / utility.topology.nominal_voltage_v[event.meters]))


def test_every_event_lies_in_the_period_and_has_an_identity(utility: SimulatedUtility) -> None:
    ids = [event.truth_id for event in utility.truth]
    assert len(set(ids)) == len(ids)
    for event in utility.truth:
        assert utility.scenario.start < event.start < event.end <= utility.scenario.end
        assert len(event.meters)
        assert np.all(np.diff(event.meters) > 0)
        assert (event.work_order_id is not None) == (event.cause == "planned")


def test_the_default_week_shows_every_kind(utility: SimulatedUtility) -> None:
    kinds = Counter(event.kind for event in utility.truth)
    assert set(kinds) == {
        "outage", "communication", "sag", "swell", "regulator", "flicker", "loose_neutral", "drift", "stuck",
        "theft_scale", "theft_zero_hours", "theft_random_scale", "theft_random_mean", "theft_mean", "theft_reverse",
        "theft_cap", "tamper",
    }  # fmt: skip
    causes = Counter(event.cause for event in utility.truth)
    assert causes["theft"] == 20
    assert kinds["tamper"] == causes["bypass"] == 2
    assert causes["storm"] >= 3
    assert causes["planned"] == 3
    assert causes["equipment"] == 2


def test_outages_are_zero_or_silent_and_only_silent_meters_gasp(utility: SimulatedUtility) -> None:
    gasps = {(event.meter, event.at) for event in utility.device_events if event.code == "last_gasp"}
    for event in events(utility, kind="outage"):
        voltage = during(utility, event, utility.voltage_v)
        assert np.all(np.isnan(voltage) | (voltage == 0))
        silent = np.isnan(voltage).all(axis=0)
        gasped = np.isin(event.meters, [meter for meter, at in gasps if event.start <= at < event.start + 60])
        assert not (gasped & ~silent).any()
    storms = events(utility, cause="storm")
    widest = max(storms, key=lambda event: len(event.meters))
    assert len(widest.meters) >= 60
    silent = np.isnan(during(utility, widest, utility.voltage_v)).all(axis=0)
    assert 0.5 <= silent.mean() <= 0.8
    gasped = {meter for meter, at in gasps if widest.start <= at < widest.start + 60}
    assert 0.65 <= len(gasped & set(widest.meters.tolist())) / silent.sum() <= 0.95


def test_meters_say_when_power_is_back(utility: SimulatedUtility) -> None:
    for event in events(utility, cause="planned"):
        back = [e for e in utility.device_events if e.code == "power_restored" and e.meter in event.meters]
        assert all(event.end <= e.at <= event.end + 180 for e in back if event.start < e.at < event.end + PICKUP_S)


def test_intervals_with_some_power_have_a_part_of_it(utility: SimulatedUtility, clean: SimulatedUtility) -> None:
    interval_s = utility.scenario.interval_s
    partial = {"reports zeros": 0, "silent": 0}
    for event in events(utility, kind="outage"):
        dark = np.isnan(during(utility, event, utility.voltage_v)).all(axis=0)
        for second, share in ((event.start, event.start % interval_s), (event.end, -event.end % interval_s)):
            row = (second - (second == event.end) - utility.scenario.start) // interval_s
            if not share or row >= len(utility.slots):
                continue
            seen, there = utility.voltage_v[row, event.meters], clean.voltage_v[row, event.meters]
            lives_on = ~dark & ~np.isnan(seen) & (seen > 0) & ~nested_later(utility, event)
            np.testing.assert_allclose(seen[lives_on], there[lives_on] * share / interval_s, atol=6)
            partial["reports zeros"] += lives_on.sum()
            back = dark & ~np.isnan(seen) & ~nested_later(utility, event)
            np.testing.assert_allclose(seen[back], there[back], atol=0.02 * there[back].max(initial=1))
            partial["silent"] += back.sum()
    assert min(partial.values()) > 10


def nested_later(utility: SimulatedUtility, event: TruthEvent) -> np.ndarray:
    """Meters of an outage that another one of the same start, or a communication fault, holds longer, `[n] bool`."""
    others = [other for other in utility.truth if other is not event and other.kind in {"outage", "communication"}]
    held = [other.meters for other in others if other.start < event.end and event.start < other.end]
    return np.isin(event.meters, np.concatenate(held)) if held else np.zeros(len(event.meters), bool)


def test_one_transformer_stays_out_after_its_feeder_is_back(utility: SimulatedUtility) -> None:
    storms = events(utility, cause="storm")
    feeder = max(storms, key=lambda event: len(event.meters))
    nested = [e for e in storms if e is not feeder and set(e.meters) <= set(feeder.meters) and e.start == feeder.start]
    assert len(nested) == 1
    assert nested[0].end > feeder.end


def test_storms_are_in_the_evening_under_their_weather(utility: SimulatedUtility) -> None:
    (storm,) = utility.storms
    for event in events(utility, cause="storm"):
        assert 17 <= event.start % 86_400 / 3600 <= 22
        assert storm.start <= event.start < storm.end
        assert set(utility.topology.feeder_id[event.meters]) <= set(storm.feeder_ids)


def test_planned_outages_follow_their_orders(utility: SimulatedUtility) -> None:
    orders = {order.work_order_id: order for order in utility.work_orders}
    overruns = 0
    for event in events(utility, cause="planned"):
        order = orders[event.work_order_id]
        assert order.status is WorkOrderStatus.planned
        assert abs(event.start - order.start) <= 600
        if event.end - order.end == 90 * 60:
            overruns += 1
        else:
            assert abs(event.end - order.end) <= 600
        column = getattr(utility.topology, f"{order.asset_kind}_id")
        np.testing.assert_array_equal(event.meters, np.flatnonzero(column == order.asset_id))
    assert overruns == 1


def test_nothing_happens_under_a_cancelled_order(utility: SimulatedUtility) -> None:
    cancelled = [order for order in utility.work_orders if order.status is WorkOrderStatus.cancelled]
    assert len(cancelled) == 1
    below = np.flatnonzero(utility.topology.transformer_id == cancelled[0].asset_id)
    for event in utility.truth:
        if event.cause not in {"theft", "bypass"} and np.isin(below, event.meters).any():
            assert event.end <= cancelled[0].start or event.start >= cancelled[0].end


def test_communication_outages_are_silent_without_a_gasp(utility: SimulatedUtility) -> None:
    for event in events(utility, kind="communication"):
        assert np.isnan(during(utility, event, utility.voltage_v)).all()
        assert not any(
            e.code == "last_gasp" and e.meter in event.meters and event.start - 900 <= e.at < event.end
            for e in utility.device_events
        )
    (collector,) = events(utility, cause="collector")
    assert len(collector.meters) > 20
    assert len(set(utility.topology.feeder_id[collector.meters])) == 1
    assert all(event.end == utility.scenario.end for event in events(utility, cause="radio"))


def test_sags_and_swells_leave_range_a(utility: SimulatedUtility) -> None:
    assert all(0.84 <= mean_pu(utility, event) <= 0.945 for event in events(utility, kind="sag"))
    assert all(1.055 <= mean_pu(utility, event) <= 1.16 for event in events(utility, kind="swell"))


def test_a_stuck_regulator_shifts_its_whole_feeder(utility: SimulatedUtility, clean: SimulatedUtility) -> None:
    (event,) = events(utility, kind="regulator")
    ratio = during(utility, event, utility.voltage_v) / during(utility, event, clean.voltage_v)
    assert 0.038 <= abs(np.nanmean(ratio) - 1) <= 0.072
    assert np.nanstd(ratio) < 0.001
    assert len(set(utility.topology.feeder_id[event.meters])) == 1


def test_loose_neutrals_grow_and_flicker_flickers(utility: SimulatedUtility, clean: SimulatedUtility) -> None:
    for event in events(utility, kind="loose_neutral"):
        pu = during(utility, event, utility.voltage_v) / utility.topology.nominal_voltage_v[event.meters]
        half = len(pu) // 2
        assert np.nanstd(pu[half:]) > 1.3 * np.nanstd(pu[:half])
    changes = []
    for event in events(utility, kind="flicker"):
        factor = during(utility, event, utility.voltage_v) / during(utility, event, clean.voltage_v)
        changes.append(factor[~np.isnan(factor)])
    assert 0.015 <= np.concatenate(changes).std() <= 0.045


def test_drift_ends_far_from_where_it_began(utility: SimulatedUtility, clean: SimulatedUtility) -> None:
    for event in events(utility, kind="drift"):
        ratio = during(utility, event, utility.voltage_v) / during(utility, event, clean.voltage_v)
        ratio = ratio[~np.isnan(ratio)]
        assert abs(ratio[0] - 1) < 0.005
        assert 0.045 <= abs(ratio[-1] - 1) <= 0.095


def test_energy_follows_voltage_through_a_sag(utility: SimulatedUtility, clean: SimulatedUtility) -> None:
    event = max(events(utility, kind="sag"), key=lambda e: len(e.meters))
    honest = [m for m in event.meters if not any(e.cause == "theft" and m in e.meters for e in utility.truth)]
    rows = whole_slots(utility, event)
    used, wanted = (np.nansum(u.energy_kwh[np.ix_(rows, honest)]) for u in (utility, clean))
    assert 0.82 * wanted <= used < wanted


def test_stuck_registers_repeat_to_the_last_digit(utility: SimulatedUtility) -> None:
    for event in events(utility, kind="stuck"):
        for values in (utility.voltage_v, utility.energy_kwh):
            seen = during(utility, event, values)
            assert len(np.unique(seen[~np.isnan(seen)])) == 1
        assert 6 * 3600 <= event.end - event.start <= 30 * 3600 + 900


def test_thieves_report_less_and_their_voltage_tells_the_true_load(
    utility: SimulatedUtility, clean: SimulatedUtility
) -> None:
    for event in events(utility, cause="theft"):
        quiet = whole_slots(utility, event)
        for other in utility.truth:
            if other is not event and event.meters[0] in other.meters:
                opens = utility.slots * utility.scenario.interval_s
                quiet &= ~((opens > other.start - 900) & (opens < other.end + PICKUP_S))
        reported, true = (np.nansum(u.energy_kwh[quiet][:, event.meters]) for u in (utility, clean))
        if event.kind == "theft_reverse":
            assert reported == pytest.approx(true, rel=0.15)
        else:
            assert reported < (1.01 if event.kind == "theft_mean" else 0.97) * true
        np.testing.assert_array_equal(
            utility.voltage_v[quiet][:, event.meters], clean.voltage_v[quiet][:, event.meters]
        )
        assert event.end == utility.scenario.end


def test_some_thefts_start_with_a_tamper_event(utility: SimulatedUtility) -> None:
    starts = {(int(event.meters[0]), event.start) for event in utility.truth if event.cause in {"theft", "bypass"}}
    tampers = [e for e in utility.device_events if code_table()[e.code] is Meaning.tamper]
    assert 0 < len(tampers) < 20
    assert all(any(m == e.meter and s <= e.at < s + 900 for m, s in starts) for e in tampers)


def test_a_bridged_switch_brings_the_load_back_but_not_the_count(
    utility: SimulatedUtility, clean: SimulatedUtility
) -> None:
    off_times = {int(event.meters[0]): event for event in utility.benign}
    for event in events(utility, kind="tamper"):
        off = off_times[int(event.meters[0])]
        said = [e for e in utility.device_events if e.meter == event.meters[0] and "service" in e.code]
        assert [(e.code, e.at) for e in said] == [("service_disconnected", off.start)]
        assert off.kind == "disconnected"
        assert off.end == event.start
        assert event.end == utility.scenario.end
        for each in (off, event):
            assert not np.nansum(during(utility, each, utility.energy_kwh))
        lifted = during(utility, off, utility.voltage_v) - during(utility, off, clean.voltage_v)
        assert np.nanmean(lifted) > 0.2
        used, volts = during(utility, event, clean.energy_kwh), during(utility, event, utility.voltage_v)
        there = ~np.isnan(used) & ~np.isnan(volts)
        assert np.corrcoef(used[there], volts[there])[0, 1] < -0.2


def test_outside_every_truth_the_readings_are_the_clean_ones(
    utility: SimulatedUtility, clean: SimulatedUtility
) -> None:
    untouched = np.ones(utility.voltage_v.shape, dtype=bool)
    opens = utility.slots * utility.scenario.interval_s
    for event in (*utility.truth, *utility.benign):
        until = event.end + (PICKUP_S if event.kind == "outage" else 0)
        rows = (opens + utility.scenario.interval_s > event.start) & (opens < until)
        untouched[np.ix_(rows, event.meters)] = False
    assert untouched.mean() > 0.9
    np.testing.assert_array_equal(utility.voltage_v[untouched], clean.voltage_v[untouched])
    np.testing.assert_array_equal(utility.energy_kwh[untouched], clean.energy_kwh[untouched])


def test_a_rate_of_zero_switches_a_fault_off() -> None:
    quiet = simulate(Scenario(meters=60, days=2, theft_share=0, storms_per_week=0, sags_per_1000_meter_weeks=0))
    assert not {event.cause for event in quiet.truth} & {"theft", "storm", "overload"}


def test_the_truth_of_hours_is_that_of_the_events(utility: SimulatedUtility) -> None:
    hours = truth_hours(utility)
    assert hours.shape == (7 * 24, 2000)
    assert hours.dtype == np.int8
    for event in utility.truth:
        first = (event.start - utility.scenario.start) // 3600
        assert np.all(hours[first, event.meters] > 0)
    counted = {TRUTH_KINDS[code] for code in np.unique(hours)}
    assert counted == {"", *(event.kind for event in utility.truth)}
    for event in events(utility, kind="outage"):
        first = -(-(event.start - utility.scenario.start) // 3600)
        assert np.all(hours[first, event.meters] == TRUTH_KINDS.index("outage")) or event.end - event.start < 7200
    assert not truth_hours(simulate(Scenario(meters=20, days=1, faults=False))).any()
