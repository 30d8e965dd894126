"""The utility as a whole: determinism, shapes, plausibility, and small runs."""

from __future__ import annotations

import re

import numpy as np
import pytest

from functions.domain.errors import InputError
from simulator import Scenario, SimulatedUtility, simulate

CLEAN = Scenario(meters=400, days=7, faults=False)


@pytest.fixture(scope="module")
def clean() -> SimulatedUtility:
    return simulate(CLEAN)


@pytest.fixture(scope="module")
def faulty() -> SimulatedUtility:
    return simulate(Scenario())


def per_unit(utility: SimulatedUtility) -> np.ndarray:
    return utility.voltage_v / utility.topology.nominal_voltage_v


def test_same_seed_gives_the_same_utility(faulty: SimulatedUtility) -> None:
    again = simulate(Scenario())
    for name in ("voltage_v", "energy_kwh", "delay_slots", "duplicated", "slots", "temperature_c"):
        np.testing.assert_array_equal(getattr(faulty, name), getattr(again, name))
    assert faulty.device_events == again.device_events
    assert faulty.work_orders == again.work_orders
    assert faulty.customers == again.customers
    assert faulty.storms == again.storms
    for one, other in zip(faulty.truth, again.truth, strict=True):
        assert (one.truth_id, one.kind, one.start, one.end) == (other.truth_id, other.kind, other.start, other.end)
        np.testing.assert_array_equal(one.meters, other.meters)


def test_another_seed_gives_another_utility() -> None:
    one, other = (simulate(Scenario(meters=50, days=1, seed=seed)) for seed in (1, 2))
    assert not np.array_equal(one.energy_kwh, other.energy_kwh)


def test_shapes_and_types(faulty: SimulatedUtility) -> None:
    shape = (672, 2000)
    assert faulty.voltage_v.shape == faulty.energy_kwh.shape == shape
    assert faulty.delay_slots.shape == faulty.duplicated.shape == shape
    assert faulty.voltage_v.dtype == faulty.energy_kwh.dtype == np.float32
    assert faulty.delay_slots.dtype == np.int8
    assert faulty.duplicated.dtype == np.bool_
    assert faulty.slots.dtype == np.int64
    assert faulty.slots[0] == faulty.scenario.start // 900
    assert np.all(np.diff(faulty.slots) == 1)
    assert len(faulty.customers) == 2000
    assert faulty.topology.nominal_voltage_v.dtype == np.float32


def test_topology_is_a_tree_with_readable_names(faulty: SimulatedUtility) -> None:
    topology = faulty.topology
    assert len(set(topology.meter_id)) == 2000
    assert re.fullmatch(r"MTR-\d{6}", topology.meter_id[0])
    assert re.fullmatch(r"SUB-\d{2}", topology.substation_id[0])
    assert all(re.fullmatch(r"FDR-\d{3}-T\d{3}", name) for name in np.unique(topology.transformer_id))
    assert all(t.startswith(f) for t, f in zip(topology.transformer_id, topology.feeder_id, strict=True))
    for feeder in np.unique(topology.feeder_id):
        assert len(set(topology.substation_id[topology.feeder_id == feeder])) == 1
    feeders, sizes = np.unique(topology.feeder_id, return_counts=True)
    assert 8 <= len(feeders) <= 12
    assert sizes.min() >= 60
    assert sizes.max() <= 500
    assert 2 <= len(np.unique(topology.substation_id)) <= 3
    assert set(topology.customer_type) == {"residential", "commercial", "industrial"}
    assert set(topology.nominal_voltage_v[topology.customer_type == "residential"]) == {240.0}


def test_customers_line_up_with_meters_and_have_fictional_phones(faulty: SimulatedUtility) -> None:
    assert [customer.customer_id for customer in faulty.customers] == faulty.topology.customer_id.tolist()
    assert all(re.fullmatch(r"\+120255501\d\d", customer.phone) for customer in faulty.customers)
    assert 0 < sum(customer.critical for customer in faulty.customers) < 100


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_clean_voltage_stays_inside_ansi_ranges(seed: int) -> None:
    pu = per_unit(simulate(Scenario(meters=400, faults=False, seed=seed)))
    pu = pu[~np.isnan(pu)]
    assert np.mean((pu >= 0.95) & (pu <= 1.05)) >= 0.999
    assert pu.min() >= 0.917
    assert pu.max() <= 1.058


def test_clean_utility_has_no_truth_but_benign_communication(clean: SimulatedUtility) -> None:
    assert clean.truth == clean.device_events == clean.work_orders == clean.storms == ()
    missing = np.isnan(clean.voltage_v)
    assert 0.002 <= missing.mean() <= 0.008
    assert 0.01 <= (clean.delay_slots > 0).mean() <= 0.03
    assert clean.delay_slots.max() <= 12
    assert (clean.delay_slots >= 5).any()
    assert 0.001 <= clean.duplicated.mean() <= 0.004


def test_readings_are_physical_and_rounded_as_meters_report(faulty: SimulatedUtility) -> None:
    voltage, energy = faulty.voltage_v, faulty.energy_kwh
    np.testing.assert_array_equal(np.isnan(voltage), np.isnan(energy))
    there = ~np.isnan(voltage)
    assert energy[there].min() >= 0
    assert voltage[there].min() >= 0
    assert np.all(energy[voltage == 0] == 0)
    np.testing.assert_allclose(voltage[there] * 10, np.round(voltage[there] * 10), atol=1e-3)
    np.testing.assert_allclose(energy[there], np.round(energy[there].astype(np.float64), 3), rtol=1e-6, atol=1e-6)
    assert not faulty.duplicated[~there].any()
    assert not faulty.delay_slots[~there].any()


def test_homes_use_more_in_the_evening_and_shops_by_day(clean: SimulatedUtility) -> None:
    hour = clean.slots * clean.scenario.interval_s % 86_400 // 3600
    kind = clean.topology.customer_type
    home = np.nanmean(clean.energy_kwh[:, kind == "residential"], axis=1)
    shop = np.nanmean(clean.energy_kwh[:, kind == "commercial"], axis=1)
    assert home[(hour >= 18) & (hour < 21)].mean() > 1.5 * home[(hour >= 2) & (hour < 5)].mean()
    assert shop[(hour >= 10) & (hour < 15)].mean() > 1.5 * shop[(hour >= 0) & (hour < 5)].mean()


def test_solar_roofs_push_the_import_to_zero_at_noon(clean: SimulatedUtility) -> None:
    hour = clean.slots * clean.scenario.interval_s % 86_400 // 3600
    noon = np.nanmedian(clean.energy_kwh[(hour >= 11) & (hour < 13)], axis=0)
    evening = np.nanmedian(clean.energy_kwh[hour == 20], axis=0)
    roofs = (noon == 0) & (evening > 0)
    assert 0.03 <= roofs.mean() <= 0.15


@pytest.mark.parametrize("seed", range(12))
def test_a_small_utility_still_has_one_of_the_essentials(seed: int) -> None:
    utility = simulate(Scenario(meters=60, days=2, seed=seed))
    kinds, causes = {event.kind for event in utility.truth}, {event.cause for event in utility.truth}
    assert {"storm", "planned", "theft"} <= causes
    assert {"outage", "sag"} <= kinds
    assert utility.work_orders


@pytest.mark.parametrize(("meters", "days"), [(1, 1), (1, 7), (2, 1), (13, 3)])
def test_tiny_utilities_work(meters: int, days: int) -> None:
    utility = simulate(Scenario(meters=meters, days=days))
    assert utility.voltage_v.shape == (days * 96, meters)


@pytest.mark.parametrize("interval_s", [300, 1800, 3600])
def test_other_intervals_work(interval_s: int) -> None:
    utility = simulate(Scenario(meters=40, days=2, interval_s=interval_s))
    assert utility.voltage_v.shape == (2 * 86_400 // interval_s, 40)
    assert utility.truth


@pytest.mark.parametrize("wrong", [{"meters": 0}, {"days": 0}, {"seed": -1}, {"interval_s": 700}, {"start": 1}])
def test_an_impossible_scenario_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="Scenario"):
        Scenario(**wrong)
