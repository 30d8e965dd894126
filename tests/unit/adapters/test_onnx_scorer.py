"""The scorer as the product uses it: the right model, the same answers, in any batch. Needs no torch."""

import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from functions.adapters.model_manifest import MANIFEST, read_manifest, write_manifest
from functions.adapters.onnx_scorer import BLOCK, MODELS, OUTPUTS, OnnxScorer
from functions.domain.errors import ModelMismatch
from functions.domain.features import ENERGY_FEATURES, FEATURES, LEVELS
from functions.domain.packs import GROUPS, CustomerType

GOLDEN = Path(__file__).parents[2] / "golden" / "detector.npz"  # written by: python -m model_export train
ENERGY = [FEATURES.index(name) for name in ENERGY_FEATURES]
HOME = 2 * CustomerType.residential  # the group of homes on a small service
BATCHES = (1, 2, 3, 7, 16, 17, 64, 100, 1000, BLOCK, BLOCK + 1, 8192)


@pytest.fixture(scope="module")
def scorer():
    return OnnxScorer.load()


@pytest.fixture(scope="module")
def golden():
    with np.load(GOLDEN) as file:
        return dict(file)


@pytest.fixture
def models(tmp_path):
    """A copy of the committed model that a test may spoil."""
    return Path(shutil.copytree(MODELS, tmp_path / "models"))


def many_windows(count, seed=1):
    rng = np.random.default_rng(seed)
    features = rng.standard_t(3, (count, len(FEATURES))).astype(np.float32)
    features[rng.random(features.shape) < 0.03] = np.nan
    mean = rng.normal(0, 0.2, features.shape).astype(np.float32)
    sd = rng.uniform(0.5, 2, features.shape).astype(np.float32)
    return features, mean, sd


def usual_window(scorer, count=1):
    """Windows that are exactly what a new meter is assumed to be like."""
    return tuple(np.tile(each[HOME], (count, 1)) for each in (scorer.prior.mean, scorer.prior.mean, scorer.prior.sd))


def test_gives_the_golden_answers(scorer, golden):
    inputs = golden["features"], golden["usual_mean"], golden["usual_sd"]
    found = dict(zip(OUTPUTS, scorer.outputs(*inputs), strict=True))
    # Near 12, the highest score, float32 itself resolves a millionth of the value.
    np.testing.assert_allclose(found["score"], golden["score"], atol=1e-5, rtol=1e-6)
    np.testing.assert_allclose(found["forest"], golden["forest"], atol=1e-5, rtol=0)
    np.testing.assert_allclose(found["vae"], golden["vae"], atol=1e-5, rtol=1e-5)
    largest = np.maximum(np.abs(golden["contribution"]).max(axis=1, keepdims=True), 1)
    np.testing.assert_allclose(found["contribution"] / largest, golden["contribution"] / largest, atol=1e-5, rtol=0)


def test_golden_answers_belong_to_the_committed_model(scorer, golden):
    assert str(golden["sha256"]) == scorer.manifest.sha256


def test_a_window_scores_the_same_bit_for_bit_in_any_batch(scorer):
    inputs = many_windows(10_000)
    whole = scorer.outputs(*inputs)
    rng = np.random.default_rng(2)
    for size in BATCHES:
        for start in rng.integers(0, 10_000 - size, max(2, min(60, 20_000 // size))):
            part = slice(start, start + size)
            for found, expected in zip(scorer.outputs(*(a[part] for a in inputs)), whole, strict=True):
                assert np.array_equal(found, expected[part]), f"batch of {size} at {start}"


def test_order_within_a_batch_does_not_matter(scorer):
    inputs = many_windows(1000)
    shuffled = np.random.default_rng(3).permutation(1000)
    score, contribution = scorer(*(a[shuffled] for a in inputs))
    expected = scorer(*inputs)
    assert np.array_equal(score, expected.score[shuffled])
    assert np.array_equal(contribution, expected.contribution[shuffled])


def test_columns_of_any_memory_layout_score_the_same(scorer):
    inputs = many_windows(50)
    expected = scorer(*inputs)
    assert np.array_equal(scorer(*(np.asfortranarray(a) for a in inputs)).score, expected.score)
    assert np.array_equal(scorer(*(np.repeat(a, 2, axis=0)[::2] for a in inputs)).score, expected.score)


def test_an_empty_batch_gives_empty_scores(scorer):
    score, contribution = scorer(*(np.empty((0, len(FEATURES)), np.float32),) * 3)
    assert score.shape == (0,)
    assert contribution.shape == (0, len(FEATURES))
    assert score.dtype == contribution.dtype == np.float32


def test_scores_are_finite_and_not_negative(scorer):
    score, contribution = scorer(*many_windows(5000))
    assert np.isfinite(score).all()
    assert np.isfinite(contribution).all()
    assert (score >= 0).all()


def test_a_higher_score_is_more_anomalous(scorer):
    features, mean, sd = usual_window(scorer, 5)
    level = np.isin(FEATURES, LEVELS).astype(np.float32)
    features = features + np.outer(np.float32([0, 2, 4, 6, 8]), level) * sd
    score = scorer(features, mean, sd).score
    assert (np.diff(score) >= 0).all()
    assert score[0] < 1
    assert score[-1] > 4


def test_a_feature_that_was_not_measured_takes_no_part(scorer):
    features, mean, sd = usual_window(scorer)
    features[:, ENERGY] = np.nan
    expected = scorer(features, mean, sd)
    assert (expected.contribution[0, ENERGY] == 0).all()
    assert expected.score[0] < 2
    mean, sd = mean.copy(), sd.copy()
    mean[:, ENERGY], sd[:, ENERGY] = 123, 0.001
    assert np.array_equal(scorer(features, mean, sd).score, expected.score)


def test_a_window_without_any_measurement_is_not_an_anomaly(scorer):
    _, mean, sd = usual_window(scorer)
    score, contribution = scorer(np.full_like(mean, np.nan), mean, sd)
    assert score[0] < 2
    assert (contribution == 0).all()


def test_the_prior_is_of_the_features(scorer):
    assert scorer.prior.mean.shape == scorer.prior.sd.shape == (GROUPS, len(FEATURES))
    assert scorer.prior.mean.dtype == scorer.prior.sd.dtype == np.float32
    assert scorer.prior.mean[:, 0] == pytest.approx(np.ones(GROUPS), abs=0.05)
    assert (scorer.prior.sd > 0).all()


def test_model_id_is_the_start_of_the_hash(scorer):
    assert scorer.manifest.sha256.startswith(scorer.model_id)
    assert len(scorer.model_id) == 12


def test_the_manifest_proves_parity_and_says_what_was_simulated(scorer):
    manifest = scorer.manifest
    assert all(getattr(manifest.parity, name) <= 1e-5 for name in OUTPUTS)
    assert {population.source for population in manifest.training} == {"simulator"}
    seeds = [population.seed for population in manifest.training]
    assert len(set(seeds)) == len(seeds)
    measured = {population.purpose for population in manifest.training if population.season_day in (165, 255)}
    assert measured == {"clean", "measure"}
    assert manifest.metrics.false_alerts == pytest.approx(manifest.metrics.budget, rel=0.3)
    assert manifest.metrics.clean_meter_days >= 10_000


def test_model_and_manifest_are_small():
    assert sum(file.stat().st_size for file in MODELS.iterdir()) < 3_000_000


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"features": (*FEATURES[1:], FEATURES[0])}, "features"),
        ({"inputs": ("x", "usual_mean", "usual_sd")}, "inputs"),
        ({"outputs": ("score",)}, "outputs"),
        ({"opset": 11}, "opset"),
        ({"ml_opset": 1}, "opset"),
        ({"sha256": "0" * 64}, "sha256 "),
    ],
)
def test_another_model_is_refused_by_what_differs(models, change, named):
    write_manifest(models, msgspec.structs.replace(read_manifest(models), **change))
    with pytest.raises(ModelMismatch, match=named) as caught:
        OnnxScorer.load(models)
    assert "python -m model_export train" in str(caught.value)


@pytest.mark.parametrize("file", ["detector.onnx", MANIFEST])
def test_a_missing_file_is_named(models, file):
    (models / file).unlink()
    with pytest.raises(ModelMismatch, match=rf"{file} does not exist.*python -m model_export train"):
        OnnxScorer.load(models)


def test_a_damaged_model_is_refused(models):
    path = models / "detector.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelMismatch, match="sha256"):
        OnnxScorer.load(models)


def test_a_manifest_of_another_form_is_refused(models):
    (models / MANIFEST).write_text('{"file": "detector.onnx"}')
    with pytest.raises(ModelMismatch, match="not a manifest of this release"):
        OnnxScorer.load(models)


def test_a_file_that_is_no_model_is_refused(models):
    import hashlib

    (models / "detector.onnx").write_bytes(b"not a model")
    digest = hashlib.sha256(b"not a model").hexdigest()
    write_manifest(models, msgspec.structs.replace(read_manifest(models), sha256=digest))
    with pytest.raises(ModelMismatch, match="cannot be loaded"):
        OnnxScorer.load(models)


def test_importing_the_scorer_does_not_import_onnxruntime():
    import subprocess
    import sys

    code = "import sys, functions.adapters.onnx_scorer; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
