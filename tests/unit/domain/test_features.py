"""Features of a window: what each of them says, by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from detection_bench import NAN

from functions.domain.features import (
    DAY_FEATURES,
    ENERGY_FEATURES,
    FEATURES,
    LEVELS,
    READING_FEATURES,
    SMALL_POWER_KW,
    WINDOW_FEATURES,
    hour_features,
    reading_features,
)


def described(volts, kwh=(0.1,) * 4, nominal_v=200.0, interval_s=900, repeats=0, gap=0) -> dict[str, float]:
    """The features of one window by name."""
    found = reading_features(
        np.float32([volts]),
        np.float32([kwh]),
        np.float32([nominal_v]),
        np.array([interval_s]),
        np.array([repeats]),
        np.array([gap]),
    )
    assert found.shape == (1, READING_FEATURES)
    assert found.dtype == np.float32
    return dict(zip(FEATURES, found[0].tolist(), strict=False))


def compared(mean_pu, kwh, *, usual_kwh, usual_voltage, slots=4, block_h=1.0) -> list[float]:
    """The two features that compare a window with the same hour of other days."""
    (found,) = hour_features(
        np.float32([mean_pu]),
        np.float32([kwh]),
        np.array([slots]),
        np.float32([usual_kwh]),
        np.float32([usual_voltage]),
        np.float32([block_h]),
    )
    return found.tolist()


def test_there_are_28_names_those_of_the_window_before_those_of_recent_days():
    assert len(FEATURES) == len(set(FEATURES)) == 28
    assert FEATURES == WINDOW_FEATURES + DAY_FEATURES
    assert (len(WINDOW_FEATURES), len(DAY_FEATURES)) == (13, 15)
    assert set(LEVELS) < set(WINDOW_FEATURES[:READING_FEATURES])
    assert len(ENERGY_FEATURES) == 14


def test_a_window_by_hand():
    assert described([200, 202, 198, 204], [0.25, 0.5, 0.25, 1.0], repeats=3, gap=7) == pytest.approx(
        {
            "voltage_mean_pu": 1.005,
            "voltage_sd_pu": math.sqrt(5) / 200,
            "voltage_range_pu": 0.03,
            "voltage_min_pu": 0.99,
            "voltage_max_pu": 1.02,
            "voltage_last_pu": 1.02,
            "voltage_jitter_pu": 0.02,  # of steps of 2, 4 and 6 V
            "energy_log": math.log1p(2.0),
            "energy_spread_log": math.log((4 + SMALL_POWER_KW) / (1 + SMALL_POWER_KW)),
            "repeats_log": math.log(4),
            "gap_log": math.log(8),
        },
        rel=1e-4,
    )


@pytest.mark.parametrize(
    ("volts", "jitter"),
    [
        ([200, 200, 202, 202], 0),  # one tap step
        ([200, 202, 202, 202], 0),
        ([200, 202, 200, 200], 2),  # there and back counts as two
        ([200, 202, 200, 202], 2),
        ([200, 201, 210, 200], 9),
        ([200, 200, 200, 200], 0),
    ],
)
def test_jitter_is_the_middle_step_so_that_flicker_has_it_and_a_tap_change_has_not(volts, jitter):
    for window in (volts, volts[::-1]):
        assert described(window)["voltage_jitter_pu"] == pytest.approx(jitter / 200, abs=1e-6)


@pytest.mark.parametrize("missing", range(4))
def test_jitter_needs_all_four_readings(missing):
    volts = [200.0, 202.0, 200.0, 202.0]
    volts[missing] = NAN
    found = described(volts)
    assert math.isnan(found["voltage_jitter_pu"])
    assert found["voltage_range_pu"] == pytest.approx(0.01, abs=1e-6)
    assert math.isnan(found["voltage_last_pu"]) == (missing == 3)


def test_a_slot_without_a_reading_takes_no_part():
    found = described([NAN, 200, NAN, 204], [NAN, 0.25, NAN, NAN])
    assert found["voltage_mean_pu"] == pytest.approx(1.01)
    assert found["voltage_sd_pu"] == pytest.approx(0.01, rel=1e-4)
    assert found["voltage_min_pu"] == pytest.approx(1.0)
    assert found["energy_log"] == pytest.approx(math.log1p(1.0))
    assert found["energy_spread_log"] == 0


def test_what_was_not_measured_has_no_features():
    energy_only = described([NAN] * 4, [0.1] * 4)
    voltage_only = described([200] * 4, [NAN] * 4)
    nothing = described([NAN] * 4, [NAN] * 4)
    unknown = {name for name, value in energy_only.items() if math.isnan(value)}
    assert unknown == set(WINDOW_FEATURES[:7])
    assert {name for name, value in voltage_only.items() if math.isnan(value)} == {"energy_log", "energy_spread_log"}
    assert {name for name, value in nothing.items() if not math.isnan(value)} == {"repeats_log", "gap_log"}


def test_intervals_of_any_length_compare():
    quarterly, hourly = (
        described([200] * 4, [0.5, 0.25, 0.5, 0.25]),
        described([200] * 4, [2, 1, 2, 1], interval_s=3600),
    )
    assert quarterly == pytest.approx(hourly)


def test_an_empty_register_has_no_spread_and_a_standby_little():
    assert described([200] * 4, [0] * 4)["energy_spread_log"] == 0
    assert described([200] * 4, [0, 0, 0, 0.005])["energy_spread_log"] == pytest.approx(math.log(2))


def test_an_hour_is_compared_with_the_same_hour_of_other_days():
    energy, voltage = compared(1.01, [0.5] * 4, usual_kwh=1.0, usual_voltage=0.03)
    assert energy == pytest.approx(math.log(2.02 / 1.02))
    assert voltage == pytest.approx(-0.02, abs=1e-6)
    half_sent, _ = compared(1.01, [NAN, 0.5, NAN, 0.5], usual_kwh=1.0, usual_voltage=0.0)
    assert half_sent == pytest.approx(energy)


def test_without_another_day_there_is_nothing_to_compare_with():
    assert np.isnan(compared(1.0, [0.5] * 4, usual_kwh=NAN, usual_voltage=NAN)).all()
    assert np.isnan(compared(NAN, [NAN] * 4, usual_kwh=1.0, usual_voltage=0.0)).all()


def test_a_block_of_four_hours_is_compared_with_one():
    energy, _ = compared(1.0, [2.0] * 4, usual_kwh=8.0, usual_voltage=0.0, slots=4, block_h=4.0)
    assert energy == pytest.approx(0)
