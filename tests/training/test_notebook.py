"""The notebook's detectors: their windows, and that each of them tells an absurd window from a usual one."""

import numpy as np
import pytest

from model_export import notebook
from model_export.notebook import NotebookDetectors, raw_features

NAMES = ["isolation forest", "autoencoder", "VAE"]
NAN = np.nan


@pytest.fixture(scope="module")
def windows():
    rng = np.random.default_rng(3)
    voltage_v = (240 + rng.normal(0, 2, 30) + rng.normal(0, 1, (300, 30))).astype(np.float32)
    voltage_v[rng.random(voltage_v.shape) < 0.01] = NAN
    return raw_features(voltage_v, rng.gamma(2, 0.3, voltage_v.shape).astype(np.float32)).reshape(-1, 6)


@pytest.fixture(scope="module")
def detectors(windows):
    return NotebookDetectors.fit(windows, seed=1)


def features_of(volts, energy):
    return raw_features(np.array(volts, np.float32)[:, None], np.array(energy, np.float32)[:, None])[:, 0]


def test_features_are_volts_and_kilowatt_hours_of_four_readings():
    found = features_of([240, 242, 238, 244, 240], [1, 2, 3, 4, 5])
    assert found.dtype == np.float32
    assert np.isnan(found[:3]).all()
    np.testing.assert_allclose(found[3], [241, np.sqrt(5), 6, 238, 244, 2.5], rtol=1e-6)
    np.testing.assert_allclose(found[4], [241, np.sqrt(5), 6, 238, 244, 3.5], rtol=1e-6)


@pytest.mark.parametrize("missing", ["voltage", "energy"])
def test_the_buffer_holds_what_came_and_sees_no_gap(missing):
    volts, energy = [240.0, 242, 7, 238, 244], [1.0, 2, 7, 3, 4]
    (volts if missing == "voltage" else energy)[2] = NAN
    found = features_of(volts, energy)
    assert np.isnan(found[:4]).all()
    np.testing.assert_allclose(found[4], [241, np.sqrt(5), 6, 238, 244, 2.5], rtol=1e-6)


def test_meters_do_not_meet_in_a_window():
    volts = np.array([[240, 120]] * 4, np.float32)
    found = raw_features(volts, np.ones_like(volts))
    assert found.shape == (4, 2, 6)
    assert found[3, :, 0].tolist() == [240, 120]
    assert found[3, :, 2].tolist() == [0, 0]


def test_a_utility_without_energy_is_judged_by_its_voltages(windows):
    volts = np.random.default_rng(5).normal(240, 2, (200, 5)).astype(np.float32)
    found = raw_features(volts, np.full_like(volts, NAN)).reshape(-1, 6)
    assert (found[~np.isnan(found[:, 0]), 5] == 0).all()
    scores = NotebookDetectors.fit(found, seed=1).scores(found)
    assert all(np.isfinite(values).all() and values.any() for values in scores.values())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("absurd", [[120, 50, 120, 30, 240, 0.5], [0, 0, 0, 0, 0, 0], [290, 3, 8, 285, 295, 0.5]])
def test_an_absurd_window_scores_higher_than_usual_ones(detectors, windows, name, absurd):
    usual = detectors.scores(windows)[name]
    assert detectors.scores(np.array([absurd], np.float32))[name][0] > np.quantile(usual, 0.999)


@pytest.mark.parametrize("name", NAMES)
def test_an_absurd_energy_scores_higher_than_the_usual_window(detectors, windows, name):
    # The forest cuts at one of six features at random: an outlier in one moves it little, here not into the top tenth.
    absurd = detectors.scores(np.array([[240, 1, 3, 238, 241, 90]], np.float32))[name][0]
    assert absurd > np.median(detectors.scores(windows)[name])


def test_every_window_has_a_score_and_those_with_a_gap_have_zero(detectors, windows):
    scores = detectors.scores(windows)
    gaps = np.isnan(windows).any(axis=1)
    assert gaps.any()
    assert list(scores) == NAMES
    for values in scores.values():
        assert values.shape == (len(windows),)
        assert (values[gaps] == 0).all()
        assert (values[~gaps] > 0).all()
    assert not any(values.any() for values in detectors.scores(np.full((3, 6), NAN, np.float32)).values())


def test_scores_of_monstrous_windows_are_numbers(detectors):
    scores = detectors.scores(np.full((2, 6), 1e6, np.float32))
    assert all(np.isfinite(values).all() for values in scores.values())


def test_the_same_seed_gives_the_same_scores_and_another_seed_others(detectors, windows):
    again, other = (NotebookDetectors.fit(windows, seed).scores(windows) for seed in (1, 2))
    for name, values in detectors.scores(windows).items():
        np.testing.assert_array_equal(values, again[name])
        assert not np.array_equal(values, other[name])


def test_windows_beyond_what_is_scored_at_once_are_scored_too(detectors, windows, monkeypatch):
    whole = detectors.scores(windows)
    monkeypatch.setattr(notebook, "SCORED_AT_ONCE", 1000)
    for name in ("isolation forest", "autoencoder"):
        np.testing.assert_allclose(detectors.scores(windows)[name], whole[name], rtol=1e-4)


def test_progress_adds_up_to_the_whole(windows):
    shares = []
    NotebookDetectors.fit(windows[:500], seed=1, advance=shares.append)
    assert sum(shares) == pytest.approx(1)


def test_nothing_but_gaps_is_refused():
    with pytest.raises(ValueError, match="no complete window"):
        NotebookDetectors.fit(np.full((10, 6), NAN, np.float32), seed=1)
