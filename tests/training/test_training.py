"""Training, conversion and export. Needs the training extra: `make test-training` installs it."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from functions.adapters.onnx_scorer import OUTPUTS, OnnxScorer
from functions.domain.errors import InputError, ModelMismatch
from functions.domain.features import ENERGY_FEATURES, FEATURES
from functions.domain.packs import GROUPS
from model_export import export as exporting
from model_export import training
from model_export.calibration import IDENTITY
from model_export.fitting import SILENT, Lesson, lesson
from model_export.forest import fit_forest
from model_export.gathering import LONG_AGO, gather
from model_export.golden import difference, worst
from model_export.graph import Calibrations
from model_export.head import Head, score_head, train_head
from model_export.mahalanobis import fit_mahalanobis
from model_export.metrics import alerts, average_precision, meter_hours
from model_export.plan import history_plan, simulated_plan
from model_export.population import SimulatedPopulation, population_prior
from model_export.reference import Detector
from model_export.vae import active_latents, train_vae
from simulator import THEFT_KINDS, TRIAL_KINDS, VOLTAGE_KINDS

SMALL = replace(simulated_plan(meters=40, days=14, seed=11, epochs=1), processes=1)


def silent(_stage):
    return lambda _share: None


@pytest.fixture(scope="module")
def z():
    rng = np.random.default_rng(4)
    mixed = rng.normal(size=(20_000, 2)) @ rng.normal(size=(2, len(FEATURES)))
    return (mixed + rng.normal(0, 0.3, mixed.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def forest(z):
    return fit_forest(z, seed=5)


@pytest.fixture(scope="module")
def trained():
    return training.train(SMALL, silent)


@pytest.fixture(scope="module")
def exported(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    return folder, exporting.export(trained, folder / "models", folder / "golden.npz")


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
    detector = Detector(vae, forest, fit_mahalanobis(z), Head(), Calibrations(SILENT, IDENTITY))
    operators = [node.op_type for node in onnx.load_from_string(detector.to_onnx()).graph.node]
    assert operators.count("TreeEnsembleRegressor") == 1
    assert len(operators) < 120


def test_the_autoencoder_uses_its_latent_space(z):
    assert active_latents(train_vae(z, seed=1, epochs=12), z) >= 2  # the windows were made from two


def test_the_linear_score_counts_what_moves_together_once(z):
    score = fit_mahalanobis(z)
    direction = np.linalg.svd(z[:2000], full_matrices=False)[2]
    common, odd = (4 * z.std() * direction[[row]].astype(np.float32) for row in (0, -1))
    assert score(odd)[0] > 3 * score(common)[0]


def test_the_head_learns_what_it_is_shown_and_is_silent_before():
    rng = np.random.default_rng(1)
    windows = rng.normal(size=(6000, len(FEATURES))).astype(np.float32)
    kind = np.zeros(6000, np.int8)
    kind[:1000] = 1 + TRIAL_KINDS.index("flicker")
    windows[:1000, FEATURES.index("voltage_jitter_pu")] += 6
    head = train_head(windows, kind, np.ones(6000, np.float32), seed=1, epochs=40)
    score = score_head(head, windows)
    assert np.median(score[:1000]) > np.quantile(score[1000:], 0.99)
    assert np.ptp(score_head(Head().silence(), windows)) == 0


def test_a_lesson_can_leave_a_kind_out_and_hides_no_energy_of_a_thief():
    population = SimulatedPopulation("faults", 40, 14, 3, 0, 5, 0.3)
    (gathered,) = gather([population], population_prior(population.readings()), None, lambda _: None, processes=1)
    taught = lesson([gathered], seed=1)
    thefts = np.isin(taught.kind, [1 + TRIAL_KINDS.index(kind) for kind in THEFT_KINDS])
    energy = [FEATURES.index(name) for name in ENERGY_FEATURES]
    hidden = (taught.z[:, energy] == 0).all(axis=1)
    assert hidden[~thefts].mean() > 0.05
    assert not hidden[thefts].any()
    left = taught.without("sag")
    assert isinstance(left, Lesson)
    assert 1 + TRIAL_KINDS.index("sag") not in left.kind
    assert len(left.kind) == (taught.kind != 1 + TRIAL_KINDS.index("sag")).sum()


def test_windows_know_what_is_true_of_them_and_what_was():
    population = SimulatedPopulation("faults", 40, 14, 3, 0, 5, 0.3)
    (gathered,) = gather([population], population_prior(population.readings()), None, lambda _: None, processes=1)
    windows, trial = gathered.windows, gathered.trial
    assert windows.slot.min() == 5 * 96
    np.testing.assert_array_equal(gathered.kind, trial.truth[windows.slot, windows.meter])
    assert (gathered.since[gathered.kind > 0] == 0).all()
    quiet = ~trial.truth.any(axis=0)
    assert (gathered.since[quiet[windows.meter]] == LONG_AGO).all()


def test_the_prior_has_a_row_for_every_group_and_no_deviation_of_zero():
    prior = population_prior(SimulatedPopulation("prior", 60, 14, 2, 0, 0).readings())
    assert prior.mean.shape == (GROUPS, len(FEATURES))
    assert all(np.isfinite(values).all() for values in prior)
    assert (prior.sd > 0).all()
    assert (prior.spread > 0).all()
    level = prior.mean[:, FEATURES.index("voltage_mean_pu")]
    assert (np.abs(level - 1) < 0.02).all()


def test_average_precision_is_stated_for_two_per_cent_whatever_the_share():
    population = SimulatedPopulation("faults", 40, 14, 3, 0, 5, 0.3)
    (gathered,) = gather([population], population_prior(population.readings()), None, lambda _: None, processes=1)
    hours = meter_hours(gathered.windows, gathered.trial)
    perfect, blind = (hours.kind > 0).astype(float), np.zeros(len(hours.kind))
    assert average_precision(hours, perfect, TRIAL_KINDS) == pytest.approx(1)
    assert average_precision(hours, blind, VOLTAGE_KINDS) == pytest.approx(0.02)
    assert np.isnan(average_precision(hours, perfect, []))


def test_windows_that_alarm_together_are_one_alert():
    population = SimulatedPopulation("clean", 40, 14, 3, 0, 12)
    (gathered,) = gather([population], population_prior(population.readings()), None, lambda _: None, processes=1)
    windows = gathered.windows
    first = windows.slot.min()
    raised = (windows.meter == 3) & np.isin(windows.slot, [first, first + 1, first + 40, first + 120])
    raised |= (windows.meter == 4) & (windows.slot == first + 1)
    assert alerts(windows, raised, 96) == 3
    assert alerts(windows, raised & False, 96) == 0


def test_training_leaves_a_model_the_product_loads(exported):
    folder, manifest = exported
    scorer = OnnxScorer.load(folder / "models")
    assert scorer.manifest == manifest
    assert sorted(file.name for file in (folder / "models").iterdir()) == ["detector.onnx", "manifest.json"]
    assert [kind.kind for kind in manifest.metrics.kinds] == list(TRIAL_KINDS)
    assert manifest.alerts_per_window > 0


def test_the_graph_answers_as_torch_and_scikit_learn_do(exported):
    parity = exported[1].parity
    assert worst(parity) <= parity.tolerance
    assert all(hasattr(parity, name) for name in OUTPUTS)


def test_the_same_seed_gives_the_same_model_and_metrics(exported, trained, tmp_path):
    again = exporting.export(training.train(SMALL, silent), tmp_path, tmp_path / "golden.npz")
    first = exported[1]
    assert (again.sha256, again.metrics, again.prior) == (first.sha256, first.metrics, first.prior)
    assert (tmp_path / "golden.npz").read_bytes() == (exported[0] / "golden.npz").read_bytes()


def test_a_failed_proof_leaves_the_old_model(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(exporting, "holds", lambda _parity: False)
    (tmp_path / "detector.onnx").write_text("old")
    with pytest.raises(ModelMismatch, match="nothing was replaced"):
        exporting.export(trained, tmp_path, tmp_path / "golden.npz")
    assert [file.name for file in tmp_path.iterdir()] == ["detector.onnx"]
    assert (tmp_path / "detector.onnx").read_text() == "old"


def test_what_was_trained_can_be_kept_and_exported_later(trained, exported, tmp_path):
    trained.write(tmp_path / "kept" / "trained.pickle")
    kept = training.Trained.read(tmp_path / "kept" / "trained.pickle")
    manifest = exporting.export(kept, tmp_path / "models", tmp_path / "golden.npz")
    assert manifest.sha256 == exported[1].sha256


@pytest.mark.parametrize("content", [None, b"", b"text", b"\x80\x04K\x01."])
def test_what_was_not_kept_by_training_is_refused_in_one_sentence(tmp_path, content):
    path = tmp_path / "trained.pickle"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"trained\.pickle (does not exist|is not what)"):
        training.Trained.read(path)


def test_a_history_gives_a_plan_whose_populations_share_no_meter():
    readings = SimulatedPopulation("history", 50, 15, 8, 0, 0).readings()
    plan = history_plan(readings, "history.parquet", seed=2, epochs=1)
    learns, calibrates, measures = (each.readings() for each in (plan.healthy[0], plan.calibrate[0], plan.clean))
    assert [each.voltage_v.shape[1] for each in (learns, calibrates, measures)] == [30, 10, 10]
    ways = [tuple(np.nan_to_num(each.voltage_v[:50, 0])) for each in (learns, calibrates, measures)]
    assert len(set(ways)) == 3


def test_difference_accepts_equal_arrays():
    assert difference(np.ones((3, 6)), np.ones((3, 6))) == 0
