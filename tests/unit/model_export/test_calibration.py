"""Calibration: scores that mean a probability, and never turn round."""

import numpy as np
import pytest

from functions.domain.errors import InputError
from model_export.calibration import RAW_ROUNDINGS, SECOND_SLOPE, fit_calibration
from model_export.golden import TOLERANCE


@pytest.fixture(scope="module")
def raw():
    return np.random.default_rng(1).gamma(2.0, 3.0, 400_000)


def test_scores_are_tail_probabilities(raw):
    calibrate = fit_calibration(raw)
    unseen = np.random.default_rng(2).gamma(2.0, 3.0, 400_000)
    for level in (1, 2, 3, 4):
        assert np.mean(calibrate(unseen) > level) == pytest.approx(10.0**-level, rel=0.35)


def test_rises_everywhere_and_goes_on_beyond_the_data(raw):
    line = np.linspace(raw.min() - 5, raw.max() * 4, 20_000)
    score = fit_calibration(raw)(line)
    assert (np.diff(score) >= -1e-6).all()
    assert score[0] == 0
    assert score[-1] > score[line <= raw.max()][-1] + 3


def test_a_raw_score_of_few_values_is_calibrated_without_infinite_slopes():
    raw = np.repeat([0.1, 0.2, 0.5], [90_000, 9_000, 1_000])
    calibration = fit_calibration(raw)
    assert np.isfinite(calibration.slope).all()
    assert (np.diff(calibration(np.linspace(0, 1, 100))) >= -1e-6).all()


def test_a_raw_score_of_two_values_goes_on_beyond_them():
    score = fit_calibration(np.repeat([0.1, 0.5], [99_900, 100]))(np.array([0.1, 0.5, 2.0]))
    assert score[0] == 0
    assert score[2] > score[1] > 2


@pytest.mark.parametrize("weight", [0.05, 0.65, 1.0])
@pytest.mark.parametrize("centre", [-3.0, 0.0, 500.0])
def test_nearly_equal_raw_scores_make_no_score_of_what_float32_cannot_tell(weight, centre):
    raw = centre + np.random.default_rng(3).normal(0, 1e-5 * max(1, abs(centre)), 100_000)
    calibrate = fit_calibration(raw, weight)
    off_by = RAW_ROUNDINGS * 2.0**-24 * max(1, np.abs(raw).max())
    error = weight * np.abs(calibrate(raw + off_by) - calibrate(raw))
    assert 0 < error.max() * SECOND_SLOPE <= TOLERANCE * 1.001


def test_the_bounded_line_meets_the_quantiles_again_where_they_lie_apart():
    rng = np.random.default_rng(3)
    raw = np.concatenate([rng.normal(3, 1e-3, 99_000), rng.uniform(4, 9, 1_000)])
    calibrate = fit_calibration(raw, 0.65)
    assert calibrate(np.quantile(raw, [0.5])) < 0.1  # −log10 of a half is 0.3: the quantiles there lie too close
    np.testing.assert_allclose(calibrate(np.quantile(raw, 1 - 10.0 ** -np.array([2.5, 3.0]))), [2.5, 3.0], atol=1e-3)


def test_scores_that_never_differ_are_refused():
    with pytest.raises(InputError, match="all score the same"):
        fit_calibration(np.ones(100_000))
