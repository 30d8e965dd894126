"""Training, conversion and export. Needs the training extra: `make test-training` installs it."""

import numpy as np
import onnx
import pytest

from functions.adapters.onnx_scorer import OnnxScorer
from functions.domain.errors import ModelMismatch
from functions.domain.features import FEATURES
from model_export import training
from model_export.calibration import IDENTITY
from model_export.forest import fit_forest
from model_export.golden import difference
from model_export.graph import Calibrations
from model_export.reference import Detector
from model_export.vae import train_vae
from model_export.windows import UNKNOWN_PRIOR, collect, population_prior
from simulator import Scenario, simulate

SMALL = training.Plan(meters=60, days=3, seed=11, epochs=1)


def silent(_stage):
    return lambda _share: None


@pytest.fixture(scope="module")
def z():
    rng = np.random.default_rng(4)
    return (rng.normal(size=(20_000, 2)) @ rng.normal(size=(2, 6)) + rng.normal(0, 0.3, (20_000, 6))).astype(np.float32)


@pytest.fixture(scope="module")
def forest(z):
    return fit_forest(z, seed=5)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return folder, training.train(SMALL, folder / "models", folder / "golden.npz", silent)


def test_converted_trees_score_as_scikit_learn_does(forest, z):
    np.testing.assert_allclose(forest(z[:3000]), -forest.sklearn.score_samples(z[:3000]), atol=1e-5, rtol=0)


def test_every_leaf_sum_is_exact_in_float32(forest):
    deepest = sum(float(tree.weight.max()) for tree in forest.trees)
    assert deepest * 2**10 < 2**24
    assert all(np.array_equal(np.round(tree.weight * 2**10), tree.weight * 2**10) for tree in forest.trees)


def test_thresholds_in_float32_send_every_float32_the_same_way(forest):
    for tree, estimator in zip(forest.trees, forest.sklearn.estimators_, strict=True):
        exact = estimator.tree_.threshold
        inner = tree.feature >= 0
        assert (tree.threshold[inner] <= exact[inner]).all()
        assert (np.nextafter(tree.threshold[inner], np.float32(np.inf)) > exact[inner]).all()


def test_the_graph_is_one_tree_ensemble_and_few_nodes(forest, z):
    vae = train_vae(z[:4096], seed=1, epochs=1)
    graph = onnx.load_from_string(Detector(vae, forest, Calibrations(IDENTITY, IDENTITY, IDENTITY)).to_onnx()).graph
    operators = [node.op_type for node in graph.node]
    assert operators.count("TreeEnsembleRegressor") == 1
    assert len(operators) < 80


def test_the_autoencoder_uses_its_latent_space(z):
    from model_export.vae import active_latents

    assert active_latents(train_vae(z, seed=1, epochs=12), z) >= 2  # the windows were made from two


def test_windows_are_collected_after_the_first_day_and_give_a_prior():
    utility = simulate(Scenario(meters=50, days=3, seed=2, faults=False))
    windows = collect(utility, UNKNOWN_PRIOR)
    assert windows.slot.min() == utility.scenario.slots_per_day
    assert len(windows) > 0.97 * 50 * 2 * utility.scenario.slots_per_day
    prior = population_prior(windows)
    level = windows.features[:, FEATURES.index("voltage_mean_pu")]
    assert prior.mean[0] == pytest.approx(level.mean(), abs=1e-5)
    assert 0 < prior.sd[0] < level.std()


def test_training_leaves_a_model_the_product_loads(trained):
    folder, result = trained
    scorer = OnnxScorer.load(folder / "models")
    assert scorer.manifest == result.manifest
    assert sorted(file.name for file in (folder / "models").iterdir()) == ["detector.onnx", "manifest.json"]
    assert result.manifest.metrics.faults[0].kind == "all"


def test_the_graph_answers_as_torch_and_scikit_learn_do(trained):
    parity = trained[1].manifest.parity
    assert max(parity.score, parity.contribution, parity.vae, parity.forest) <= parity.tolerance


def test_the_same_seed_gives_the_same_model_and_metrics(trained, tmp_path):
    again = training.train(SMALL, tmp_path, tmp_path / "golden.npz", silent).manifest
    first = trained[1].manifest
    assert (again.sha256, again.metrics, again.prior) == (first.sha256, first.metrics, first.prior)
    assert (tmp_path / "golden.npz").read_bytes() == (trained[0] / "golden.npz").read_bytes()


def test_a_failed_proof_leaves_the_old_model(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "holds", lambda _parity: False)
    (tmp_path / "detector.onnx").write_text("old")
    with pytest.raises(ModelMismatch, match="nothing was replaced"):
        training.train(SMALL, tmp_path, tmp_path / "golden.npz", silent)
    assert [file.name for file in tmp_path.iterdir()] == ["detector.onnx"]
    assert (tmp_path / "detector.onnx").read_text() == "old"


def test_difference_accepts_equal_arrays():
    assert difference(np.ones((3, 6)), np.ones((3, 6))) == 0
