"""Limits: supply standards to the digit, power off, stuck meters, and the service a meter is on."""

from __future__ import annotations

import numpy as np
import pytest
from detection_bench import NAN, feed, meters

from functions.domain.anomalies import Kind


def kinds_of(volts, nominal_v, before=()):
    state = meters(nominal_v=nominal_v)
    rows = [(0, 100 + n, v, 0.1 * n) for n, v in enumerate([*before, volts])]
    _, _, found = feed(state, rows)
    return {kind for kind in Kind if kind is not Kind.unusual and found.kinds[-1, kind]}, float(found.rule[-1])


@pytest.mark.parametrize(
    ("nominal_v", "low", "high"),
    [(120.0, 110.0, 127.0), (240.0, 220.0, 254.0), (480.0, 440.0, 508.0), (230.0, 207.0, 253.0), (400.0, 360.0, 440.0)],
)
def test_a_reading_on_the_line_of_ansi_range_b_or_en_50160_is_inside(nominal_v, low, high):
    beyond = nominal_v * 0.0005
    assert kinds_of(low, nominal_v)[0] == set()
    assert kinds_of(high, nominal_v)[0] == set()
    assert kinds_of(low - beyond, nominal_v)[0] == {Kind.sag}
    assert kinds_of(high + beyond, nominal_v)[0] == {Kind.swell}


def test_ansi_range_a_must_be_left_for_three_readings():
    assert kinds_of(113, 120, [120, 113])[0] == set()
    assert kinds_of(113, 120, [113, 113])[0] == {Kind.sag}
    assert kinds_of(114, 120, [114, 114])[0] == set()
    assert kinds_of(126.5, 120, [126.5, 126.5])[0] == {Kind.swell}
    assert kinds_of(120, 120, [113, 113, 113])[0] == set()


def test_a_mild_sag_is_less_urgent_than_a_deep_one():
    mild, deep = kinds_of(113, 120, [113, 113])[1], kinds_of(100, 120)[1]
    assert mild < deep < kinds_of(0, 120)[1]


@pytest.mark.parametrize("volts", [(109, 105, 100, 95, 13), (128, 132, 140), (112, 111)])
def test_a_voltage_is_the_more_urgent_the_further_it_is_beyond_its_range(volts):
    urgency = [kinds_of(each, 120, [113, 113] if each < 120 else [])[1] for each in volts]
    assert urgency == sorted(set(urgency))
    assert urgency[0] > 0
    assert urgency[-1] < kinds_of(0, 120)[1]


def test_a_voltage_within_its_range_is_not_urgent_at_all():
    assert [kinds_of(volts, 120)[1] for volts in (113, 120, 127, NAN)] == [0] * 4


def test_below_a_tenth_the_power_is_off_and_not_sagging():
    assert kinds_of(22.9, 230)[0] == {Kind.power_off}
    assert kinds_of(23.1, 230)[0] == {Kind.sag}
    assert kinds_of(0, 230)[0] == {Kind.power_off}


def test_an_unmeasured_voltage_breaks_no_limit():
    assert kinds_of(NAN, 230)[0] == set()


@pytest.mark.parametrize(("interval_s", "needed"), [(900, 16), (3600, 8), (60, 240)])
def test_a_register_is_stuck_after_four_hours_and_eight_repeats(interval_s, needed):
    state = meters()
    _, entries, found = feed(state, [(0, 1000 + n, 231.5, 0.25) for n in range(needed + 2)], interval_s)
    assert found.kinds[:, Kind.stuck].tolist() == [False] * needed + [True] * 2
    assert entries.repeats[-1] == needed + 1


def test_a_stuck_register_with_a_mild_sag_keeps_the_more_urgent_score():
    state = meters(nominal_v=120)
    _, _, found = feed(state, [(0, 1000 + n, 113, 0.25) for n in range(17)])
    assert found.kinds[-1, Kind.stuck]
    assert found.kinds[-1, Kind.sag]
    assert found.rule[-1] == 5.0


def test_zero_volts_for_days_is_an_outage_and_not_a_stuck_register():
    state = meters()
    _, _, found = feed(state, [(0, 1000 + n, 0, 0) for n in range(40)])
    assert not found.kinds[:, Kind.stuck].any()
    assert found.kinds[:, Kind.power_off].all()


@pytest.mark.parametrize(("volts", "nominal"), [(119, 120), (233, 230), (243, 240), (405, 400), (476, 480), (212, 208)])
def test_an_unknown_service_is_told_by_the_first_three_readings(volts, nominal):
    state = meters(nominal_v=NAN)
    _, _, found = feed(state, [(0, 100 + n, volts + n / 10, 1) for n in range(4)])
    np.testing.assert_array_equal(found.nominal_v, np.float32([NAN, NAN, nominal, nominal]))
    assert state["nominal_v"][0] == nominal


def test_the_rest_voltage_of_an_outage_tells_no_service():
    state = meters(nominal_v=NAN)
    feed(state, [(0, 100 + n, 3.0 + n, 0) for n in range(6)])
    assert np.isnan(state["nominal_v"][0])
    feed(state, [(0, 110 + n, 230.0 + n, 1) for n in range(3)])
    assert state["nominal_v"][0] == 230


def test_each_meter_of_a_batch_is_told_by_its_own_readings():
    state = meters(3, NAN)
    rows = [(row, 100 + n, volts, 1) for n in range(3) for row, volts in enumerate((120, 230, NAN))]
    feed(state, rows)
    np.testing.assert_array_equal(state["nominal_v"], np.float32([120, 230, NAN]))


def test_a_meter_whose_service_nobody_has_told_is_seen_dark_from_its_first_readings():
    assert kinds_of(0, NAN)[0] == {Kind.power_off}
    assert kinds_of(0, NAN, [240])[0] == {Kind.power_off}
    assert kinds_of(60, NAN)[0] == set()
