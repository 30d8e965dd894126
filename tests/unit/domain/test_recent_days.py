"""Recent days: what a ring of three days says, by hand and by what thieves do to it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from detection_bench import NAN
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.features import DAY_FEATURES
from functions.domain.recent_days import (
    BLOCKS_PER_DAY,
    ENOUGH_OF_ALL,
    ENOUGH_OF_DAY,
    HOURS,
    PROFILE_DAYS,
    day_features,
    learn_profile,
)

DAY = BLOCKS_PER_DAY
LAST_DAY = slice(HOURS - DAY, HOURS)
NEWEST = 20 * HOURS - 1
"""A block at the end of the ring: places are then in the order of time."""
USUAL = np.repeat([1.0, 3.0], DAY // 2)
"""kWh of an hour: half a day of one and half a day of three."""
SMALL = 0.05 * 2 + 0.005


def described(hour_v, hour_e, profile=USUAL, newest=NEWEST) -> dict[str, float]:
    """The features of one ring by name."""
    half = (np.float16([each]) for each in (hour_v, hour_e, profile))
    (found,) = day_features(*half, np.array([newest]))
    return dict(zip(DAY_FEATURES, found.tolist(), strict=True))


def rings(seed: int, meters: int):
    """Rings, profiles and newest blocks of homes with habits: the drop of a load shows in the voltage."""
    rng = np.random.default_rng(seed)
    profile = rng.uniform(0.2, 3, (meters, DAY))
    energy = np.tile(profile, (1, 3)) * rng.uniform(0.5, 1.5, (meters, HOURS))
    voltage = rng.normal(0, 0.002, (meters, HOURS)) - 0.004 * energy
    lost = rng.random((2, meters, HOURS)) < rng.choice([0, 0.05, 0.5], (1, meters, 1))
    voltage[lost[0]], energy[lost[1]] = NAN, NAN
    halves = (each.astype(np.float16) for each in (voltage, energy, profile))
    return (*halves, rng.integers(1_000, 500_000, meters))


def habit(seed: int = 7) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voltage, energy and profile of a home that lives by the clock, with nothing lost."""
    rng = np.random.default_rng(seed)
    profile = 0.4 + np.where((np.arange(DAY) >= 17) & (np.arange(DAY) < 22), 2.0, 0.0) + rng.uniform(0, 0.2, DAY)
    energy = np.tile(profile, 3) * rng.uniform(0.9, 1.1, HOURS)
    return 0.01 - 0.01 * energy, energy, profile


def test_three_days_by_hand():
    energy = np.concatenate([USUAL, USUAL, USUAL / 2])
    voltage = 1 / 32 - energy / 128
    steps = 3 * 2**2 + 2.5**2 + 1  # at noon, at midnight, at noon, before and during the last day; squared kWh
    mean, total = 1.0, 5 / 3
    as_usual = np.array([0.5, 1.5]) - np.array([1.0, 3.0]) * (mean + SMALL) / (2 + SMALL)
    assert described(voltage, energy) == pytest.approx(
        {
            "energy_day_log": math.log((mean + SMALL) / (2 + SMALL)),
            "energy_3days_log": math.log((total + SMALL) / (2 + SMALL)),
            "energy_shape": math.sqrt((as_usual**2).mean()) / (mean + SMALL),
            "energy_follows": 60 / math.sqrt(70 * (72 + 72 * SMALL**2)),
            "energy_low_log": math.log((0.5 + SMALL) / (1 + SMALL)),
            "energy_high_log": math.log((1.5 + SMALL) / (3 + SMALL)),
            "energy_zero_share": 0.0,
            "energy_plateau_share": 0.5,
            "energy_rough": (2.5 + 1.0) / 24 / (mean + SMALL),
            "voltage_energy_correlation": -math.sqrt((steps - 0.25 / 71) / (steps - 0.25 / 71 + 71 * SMALL**2)),
            "voltage_energy_slope": steps / 128 / (steps + 71 * SMALL**2) * 2 * 100,
            "voltage_day_pu": 1 / 32 - 1 / 128,
            "voltage_step_pu": 1 / 128,
            "voltage_day_sd_pu": 0.5 / 128,
            "voltage_rough_pu": 3.5 / 24 / 128,
        },
        rel=1e-4,
        abs=1e-6,
    )


def test_hours_that_vanish_are_a_share_of_those_that_usually_draw():
    energy = np.tile(USUAL, 3)
    energy[HOURS - DAY : HOURS - DAY + 6] = 0
    assert described(np.zeros(HOURS), energy)["energy_zero_share"] == 0.25
    solar = np.where(np.arange(DAY) < 8, 0.01, USUAL)  # a roof: empty hours are nothing new
    assert described(np.zeros(HOURS), energy, solar)["energy_zero_share"] == 0


@pytest.mark.parametrize("share", [0.3, 0.5, 0.8])
def test_a_register_that_counts_a_share_makes_the_service_look_weaker(share):
    voltage, energy, profile = habit()
    honest, thief = described(voltage, energy, profile), described(voltage, energy * share, profile)
    stronger = thief["voltage_energy_slope"] / honest["voltage_energy_slope"]
    assert stronger == pytest.approx(1 / share, rel=0.25)
    assert thief["energy_day_log"] - honest["energy_day_log"] == pytest.approx(math.log(share), rel=0.25)
    for name in ("voltage_day_pu", "voltage_step_pu", "voltage_day_sd_pu", "voltage_rough_pu"):
        assert thief[name] == honest[name]
    # Steps as small as a standby draw tell nothing: the slope of a register that hardly counts at all stays bounded.
    assert 4 < described(voltage, energy * 0.1, profile)["voltage_energy_slope"] / honest["voltage_energy_slope"] < 10


def test_a_day_that_runs_backwards_follows_no_habit():
    voltage, energy, profile = habit()
    back = np.concatenate([day[::-1] for day in np.split(energy, 3)])
    honest, thief = described(voltage, energy, profile), described(voltage, back, profile)
    assert honest["energy_follows"] > 0.9
    assert thief["energy_follows"] < 0.2
    assert thief["energy_shape"] > 3 * honest["energy_shape"]
    assert thief["energy_day_log"] == pytest.approx(honest["energy_day_log"], abs=0.01)
    assert thief["voltage_energy_correlation"] > honest["voltage_energy_correlation"] + 0.5


def test_a_flat_day_is_one_plateau_and_a_cap_a_part_of_one():
    voltage, energy, profile = habit()
    flat = energy.copy()
    flat[LAST_DAY] = energy.mean()
    assert described(voltage, energy, profile)["energy_plateau_share"] == pytest.approx(1 / DAY)
    assert described(voltage, flat, profile)["energy_plateau_share"] == 1
    assert described(voltage, flat, profile)["energy_low_log"] > 0.3
    capped = np.minimum(energy, 1.0)
    found = described(voltage, capped, profile)
    assert found["energy_plateau_share"] == pytest.approx(5 / DAY)
    assert found["energy_high_log"] < math.log(0.6)


ENERGY_OF_DAY = {name for name in DAY_FEATURES if name.startswith("energy")} - {"energy_3days_log", "energy_follows"}
VOLTAGE_OF_DAY = {"voltage_day_pu", "voltage_day_sd_pu", "voltage_rough_pu", "voltage_step_pu"}


def unknown(hour_v, hour_e) -> set[str]:
    return {name for name, value in described(hour_v, hour_e).items() if math.isnan(value)}


def test_too_few_hours_of_the_last_day_describe_no_day():
    voltage, energy = np.zeros(HOURS), np.tile(USUAL, 3)
    voltage[LAST_DAY], energy[LAST_DAY] = NAN, NAN
    enough, short = slice(HOURS - ENOUGH_OF_DAY, HOURS), slice(HOURS - ENOUGH_OF_DAY + 1, HOURS)
    voltage[enough], energy[enough] = 0, 1
    assert unknown(voltage, energy) == set()
    voltage[HOURS - ENOUGH_OF_DAY] = energy[HOURS - ENOUGH_OF_DAY] = NAN
    assert np.isfinite(energy[short]).all()
    assert unknown(voltage, energy) == ENERGY_OF_DAY | VOLTAGE_OF_DAY


def test_too_few_hours_of_three_days_tell_no_habit_and_no_answer_to_load():
    voltage, energy = np.zeros(HOURS), np.tile(USUAL, 3)
    energy[: HOURS - ENOUGH_OF_ALL] = NAN
    of_all = {"energy_3days_log", "energy_follows"}
    # Forty hours have thirty-nine steps between them.
    assert unknown(voltage, energy) == {"voltage_energy_correlation", "voltage_energy_slope"}
    energy[HOURS - ENOUGH_OF_ALL] = NAN
    assert unknown(voltage, energy) == {"voltage_energy_correlation", "voltage_energy_slope"} | of_all


def test_a_step_of_voltage_needs_days_before():
    voltage = np.zeros(HOURS)
    voltage[: HOURS - DAY - ENOUGH_OF_DAY] = NAN
    assert "voltage_step_pu" not in unknown(voltage, np.tile(USUAL, 3))
    voltage[: HOURS - DAY - ENOUGH_OF_DAY + 1] = NAN
    assert "voltage_step_pu" in unknown(voltage, np.tile(USUAL, 3))


def test_a_meter_that_sends_one_of_the_two_has_only_its_features():
    nothing = np.full(HOURS, NAN)
    assert {name for name in DAY_FEATURES if "energy" in name} == unknown(np.zeros(HOURS), nothing)
    assert {name for name in DAY_FEATURES if "voltage" in name} == unknown(nothing, np.tile(USUAL, 3))
    assert set(DAY_FEATURES) == unknown(nothing, nothing)


def test_without_a_profile_nothing_is_compared_with_one():
    voltage, energy, _ = habit()
    found = described(voltage, energy, np.full(DAY, NAN))
    assert {name for name, value in found.items() if not math.isnan(value)} == {"energy_plateau_share", *VOLTAGE_OF_DAY}


def test_an_hour_of_the_day_nobody_knows_yet_counts_like_the_others():
    voltage, energy, profile = habit()
    partly = profile.copy()
    partly[:4] = NAN
    known, guessed = described(voltage, energy, profile), described(voltage, energy, partly)
    assert guessed["energy_day_log"] == pytest.approx(known["energy_day_log"], abs=0.15)
    assert all(map(math.isfinite, guessed.values()))


def test_the_newest_hour_is_no_neighbour_of_the_oldest():
    voltage, energy = np.zeros(HOURS), np.tile(USUAL, 3)
    voltage[0], energy[0] = 0.5, 100
    calm = described(np.zeros(HOURS), np.tile(USUAL, 3))
    found = described(voltage, energy)
    for name in ("voltage_rough_pu", "energy_rough"):
        assert found[name] == calm[name]
    # Between the newest and the oldest hour there are three days, not one step of a hundred kWh.
    voltage[0], energy[0] = 0, 1
    voltage[-1], energy[-1] = 0.5, 100
    steps = np.abs(np.diff(np.float16(energy), prepend=np.float16(3))).astype(np.float32)[LAST_DAY]
    mean = energy[LAST_DAY].mean()
    assert described(voltage, energy)["energy_rough"] == pytest.approx(steps.mean() / (mean + SMALL), rel=1e-3)
    assert described(voltage, energy)["voltage_rough_pu"] == pytest.approx(0.5 / DAY)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(-1_000, 1_000))
def test_where_the_ring_begins_does_not_matter(seed, days):
    """Moved by whole days, the seam lies elsewhere; sums are taken in another order, so the last bits may differ."""
    voltage, energy, profile, newest = rings(seed, 4)
    moved = (np.roll(each, days * DAY, axis=1) for each in (voltage, energy))
    found = day_features(*moved, profile, newest + days * DAY)
    np.testing.assert_allclose(found, day_features(voltage, energy, profile, newest), rtol=1e-3, atol=1e-5)


@settings(deadline=None, derandomize=True, max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.data())
def test_a_meter_does_not_notice_its_company_bit_for_bit(seed, meters, data):
    columns = rings(seed, meters)
    together = day_features(*columns)
    some = data.draw(st.lists(st.integers(0, meters - 1), min_size=1, max_size=5))
    assert day_features(*(each[some] for each in columns)).tobytes() == together[some].tobytes()


def test_no_meters_no_work():
    assert day_features(*(each[:0] for each in rings(1, 1))).shape == (0, len(DAY_FEATURES))


def learnt(values, first: float = NAN) -> float:
    """The profile's value of one place after these days."""
    profile = np.float16([first])
    for days, kwh in enumerate(values):
        profile = learn_profile(profile, np.float16([kwh]), np.array([days]))
    return float(profile[0])


def test_a_profile_is_the_mean_of_the_days_so_far():
    assert learnt([1.0]) == 1
    assert learnt([1.0, 2.0, 1.5, 3.5]) == pytest.approx(2.0, rel=1e-2)


def test_a_profile_follows_a_lasting_change_within_its_memory_and_not_within_a_week():
    before = [1.0] * PROFILE_DAYS
    assert learnt(before + [0.5] * 7) > 0.85
    assert learnt(before + [0.5] * 3 * PROFILE_DAYS) == pytest.approx(0.5, rel=0.06)


def test_one_odd_day_counts_as_three_times_the_usual_at_most():
    before = [1.0] * PROFILE_DAYS
    assert learnt([*before, 1000.0]) == learnt([*before, 3.5])
    assert learnt([*before, 1000.0]) == pytest.approx(1 + 2.5 / PROFILE_DAYS, rel=1e-3)
