"""Baselines: what is usual for a meter."""

from __future__ import annotations

import numpy as np
import pytest
from detection_bench import NAN, PRIOR, meters

from functions.domain.baselines import (
    CLIP_SD,
    DAILY,
    DAY_MEMORY,
    HOURLY,
    MEMORY,
    SD_FLOOR,
    SETTLED_DAYS,
    WARM_UP,
    learn_day,
    learn_hour,
    usual,
)
from functions.domain.features import FEATURES
from functions.domain.packs import CustomerType, Prior

ROW = np.array([0])
MEAN, SD = PRIOR.mean[0], PRIOR.sd[0]
HALF = np.float32(0.999)
"""A standard deviation is kept in two bytes: three digits."""


def show(state, sample):
    """Show a sample of all features, hour and day, to the first meter."""
    learn_hour(state, ROW, np.float32([sample[HOURLY]]), PRIOR)
    state["days"][0] = sample[DAILY]
    learn_day(state, ROW, PRIOR)


def shown(samples):
    state = meters(2)
    for sample in samples:
        show(state, sample)
    return state


def test_a_new_meter_is_assumed_to_be_like_the_population():
    mean, sd = usual(meters(), ROW, PRIOR)
    np.testing.assert_array_equal(mean[0], MEAN)
    assert (sd[0] >= SD * HALF).all()


def test_a_new_meter_is_assumed_to_be_like_its_own_group():
    groups = np.arange(8, dtype=np.float32)[:, None] + np.zeros((8, len(FEATURES)), np.float32)
    population = Prior(groups, groups / 10 + 1, groups / 10 + 1)
    for kind in CustomerType:
        for nominal_v, large in ((120.0, 0), (240.0, 0), (NAN, 0), (277.0, 1), (480.0, 1)):
            mean, sd = usual(meters(1, nominal_v, kind, population), ROW, population)
            assert set(mean[0].tolist()) == {2 * kind + large}
            own = (1 + 0.1 * (2 * kind + large)) * np.sqrt(2)
            np.testing.assert_allclose(sd[0, HOURLY], own, rtol=1e-3)
            np.testing.assert_allclose(sd[0, DAILY], own * SETTLED_DAYS, rtol=1e-3)  # nobody knows its days yet


def test_a_meters_days_are_believed_once_it_has_had_some():
    state = meters()
    state["day_n"] = SETTLED_DAYS // 2
    young = usual(state, ROW, PRIOR)[1][0, DAILY]
    state["day_n"] = SETTLED_DAYS
    settled = usual(state, ROW, PRIOR)[1][0, DAILY]
    assert (young > 1.9 * settled).all()


def test_a_meter_shrinks_towards_its_own_mean_and_its_neighbour_does_not():
    own = MEAN + SD
    state = shown([own] * 200)
    mean, sd = usual(state, np.array([0, 1]), PRIOR)
    np.testing.assert_allclose(mean[0], own, atol=0.3 * SD.max())
    assert (sd[0] < SD).all()
    np.testing.assert_array_equal(mean[1], MEAN)


def test_hours_teach_the_window_and_days_the_recent_days():
    own = MEAN + SD
    by_hour, by_day = meters(), meters()
    by_day["days"][0] = own[DAILY]
    for _ in range(20):
        learn_hour(by_hour, ROW, own[None, HOURLY], PRIOR)
        learn_day(by_day, ROW, PRIOR)
    for state, taught, untaught in ((by_hour, HOURLY, DAILY), (by_day, DAILY, HOURLY)):
        mean, sd = usual(state, ROW, PRIOR)
        assert (mean[0, taught] > MEAN[taught] + SD[taught] / 2).all()
        np.testing.assert_array_equal(mean[0, untaught], MEAN[untaught])
        assert (sd[0, untaught] >= SD[untaught] * HALF).all()
    assert (by_hour["base_n"][0], by_hour["day_n"][0]) == (20, 0)
    assert (by_day["base_n"][0], by_day["day_n"][0]) == (0, 20)


def test_a_meters_own_week_counts_as_much_as_the_population():
    state = meters()
    state["days"][0] = MEAN[DAILY]
    for _ in range(7):
        learn_day(state, ROW, PRIOR)
    np.testing.assert_allclose(state["base_sd"][0, DAILY] ** 2, SD[DAILY] ** 2 / 2, rtol=0.02)


def test_one_odd_hour_moves_no_more_than_a_clipped_one():
    known = [MEAN] * (WARM_UP + 6)
    odd, clipped = shown([*known, MEAN + 1000]), shown([*known, MEAN + 100])
    odd["days"] = clipped["days"]
    assert odd.tobytes() == clipped.tobytes()
    assert (usual(odd, ROW, PRIOR)[0][0] - MEAN <= CLIP_SD * 2 * SD / WARM_UP).all()


def test_a_meter_unlike_the_population_is_believed_while_it_is_young():
    far = MEAN + 20 * SD
    mean, sd = usual(shown([far] * 3), ROW, PRIOR)
    assert (np.abs(far - mean[0]) < 4 * sd[0]).all()


@pytest.mark.parametrize("column", [FEATURES.index("energy_log"), len(FEATURES) - 1])
def test_what_was_not_measured_teaches_nothing(column):
    sample = MEAN + SD
    sample[column] = NAN
    state = shown([sample] * 20)
    mean, sd = usual(state, ROW, PRIOR)
    assert mean[0, column] == MEAN[column]
    assert state["base_sd"][0, column] == np.float16(SD[column])
    assert mean[0, 0] > MEAN[0]
    assert np.isfinite(mean).all()
    assert np.isfinite(sd).all()


def test_a_flat_meter_keeps_a_floor_and_can_move_again_within_its_memory():
    state = shown([MEAN] * 10_000)
    assert (state["base_n"][0], state["day_n"][0]) == (MEMORY, DAY_MEMORY)
    _, sd = usual(state, ROW, PRIOR)
    assert (sd[0] >= np.float32(SD_FLOOR) * SD * HALF).all()
    moved = MEAN + np.float32(0.3) * SD
    for _ in range(DAY_MEMORY):
        show(state, moved)
    for _ in range(MEMORY - DAY_MEMORY):
        learn_hour(state, ROW, moved[None, HOURLY], PRIOR)
    mean, _ = usual(state, ROW, PRIOR)
    assert (mean[0] - MEAN > 0.15 * SD).all()
