"""Baselines: what is usual for a meter."""

from __future__ import annotations

import numpy as np
from detection_bench import NAN, PRIOR, meters

from functions.domain.baselines import CLIP_SD, SD_FLOOR, learn, usual

ROW = np.array([0])


def shown(samples):
    state = meters(2)
    for sample in samples:
        learn(state, ROW, np.float32([sample]), PRIOR)
    return state


def test_a_new_meter_is_assumed_to_be_like_the_population():
    mean, sd = usual(meters(), ROW, PRIOR)
    np.testing.assert_array_equal(mean[0], PRIOR.mean)
    assert (sd[0] >= PRIOR.sd * np.float32(0.999)).all()


def test_a_meter_shrinks_towards_its_own_mean_and_its_neighbour_does_not():
    own = PRIOR.mean + PRIOR.sd
    state = shown([own] * 200)
    mean, sd = usual(state, np.array([0, 1]), PRIOR)
    np.testing.assert_allclose(mean[0], own, atol=0.3 * PRIOR.sd.max())
    assert (sd[0] < PRIOR.sd).all()
    np.testing.assert_array_equal(mean[1], PRIOR.mean)


def test_one_odd_hour_moves_no_more_than_a_clipped_one():
    odd, clipped = shown([PRIOR.mean + 1000]), shown([PRIOR.mean + 100])
    assert odd.tobytes() == clipped.tobytes()
    assert (usual(odd, ROW, PRIOR)[0][0] - PRIOR.mean <= CLIP_SD * 2 * PRIOR.sd).all()


def test_what_was_not_measured_teaches_nothing():
    sample = PRIOR.mean.copy() + PRIOR.sd
    sample[-1] = NAN
    state = shown([sample] * 20)
    mean, _ = usual(state, ROW, PRIOR)
    assert mean[0, -1] == PRIOR.mean[-1]
    assert mean[0, 0] > PRIOR.mean[0]


def test_a_flat_meter_keeps_a_floor_and_can_move_again_within_days():
    state = shown([PRIOR.mean] * 10_000)
    _, sd = usual(state, ROW, PRIOR)
    assert (sd[0] >= np.float32(SD_FLOOR) * PRIOR.sd * np.float32(0.999)).all()
    moved = PRIOR.mean + np.float32(0.3) * PRIOR.sd
    for _ in range(14 * 24):
        learn(state, ROW, moved[None], PRIOR)
    mean, _ = usual(state, ROW, PRIOR)
    assert (mean[0] - PRIOR.mean > 0.15 * PRIOR.sd).all()
