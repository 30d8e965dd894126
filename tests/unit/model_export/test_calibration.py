"""Calibration: scores that mean a probability, and never turn round."""

import numpy as np
import pytest

from functions.domain.errors import InputError
from model_export.calibration import fit_calibration


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


def test_scores_that_never_differ_are_refused():
    with pytest.raises(InputError, match="all score the same"):
        fit_calibration(np.ones(100_000))
