"""The simulator against measured series: the median home moves as they do, and homes differ from each other.

Two metered homes in Portugal and France, as means over 15 minutes, on a 240 V base: standard deviation within an hour
2.8 V and 1.1 V, correlation of neighbours 0.77 and 0.92, of voltage with load -0.66 and -0.64, of their changes -0.56
and -0.55, of a load with the next one 0.77 and 0.86.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from simulator import RawReadings, Scenario, raw_readings, simulate
from simulator.calibration import Statistics, statistics


@pytest.fixture(scope="module")
def readings() -> RawReadings:
    return raw_readings(simulate(Scenario(meters=800, days=21, faults=False)))


@pytest.fixture(scope="module")
def homes(readings: RawReadings) -> Statistics:
    home = readings.customer_type == "residential"
    return statistics(
        replace(
            readings,
            voltage_v=readings.voltage_v[:, home],
            energy_kwh=readings.energy_kwh[:, home],
            nominal_v=readings.nominal_v[home],
            customer_type=readings.customer_type[home],
        )
    )


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("hourly_sd_v", 0.8, 1.2),
        ("sd_v", 2.7, 4.0),
        ("lag_1", 0.90, 0.96),
        ("correlation", -0.8, -0.6),
        ("change_correlation", -0.75, -0.5),
        ("energy_lag_1", 0.74, 0.88),
    ],
)
def test_the_median_home_moves_as_measured_ones_do(homes: Statistics, name: str, low: float, high: float) -> None:
    assert low <= np.median(getattr(homes, name)) <= high


def test_homes_differ_as_far_as_the_measured_ones_and_further(homes: Statistics) -> None:
    quiet, restless = np.quantile(homes.hourly_sd_v, (0.03, 0.99))
    assert quiet < 0.65
    assert restless > 2.2
    forgetful, steady = np.quantile(homes.lag_1, (0.02, 0.9))
    assert forgetful < 0.77
    assert steady > 0.94
    loose, tight = np.quantile(homes.correlation, (0.97, 0.05))
    assert loose > -0.45
    assert tight < -0.75


def test_some_displays_are_coarse(readings: RawReadings) -> None:
    for values, decimals in ((readings.voltage_v, 0), (readings.energy_kwh, 2)):
        off = np.abs(values - np.round(values, decimals))
        assert 0.005 <= (np.nanmax(off, axis=0) < 1e-4).mean() <= 0.06


def test_statistics_of_a_known_series() -> None:
    rng = np.random.default_rng(1)
    load = rng.normal(1, 0.1, 4000)
    readings = RawReadings(
        first_slot=2,
        interval_s=900,
        voltage_v=np.stack((120 - 5 * load, np.where(np.arange(4000) % 7, 240 + rng.normal(0, 1, 4000), np.nan)), 1),
        energy_kwh=np.stack((load, load), 1),
        nominal_v=np.array([120.0, 240.0]),
        customer_type=np.array(["residential", "residential"]),
    )
    found = statistics(readings)
    assert found.correlation == pytest.approx([-1, 0], abs=0.05)
    assert found.change_correlation == pytest.approx([-1, 0], abs=0.06)
    assert found.lag_1 == pytest.approx([0, 0], abs=0.05)
    assert found.sd_v == pytest.approx([1, 1], abs=0.05)
    assert found.hourly_sd_v[0] == pytest.approx(0.92, abs=0.05)  # a standard deviation of four is biased
