"""The shipped model of restoration times: the one of its manifest, and sane whatever is known."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from functions.adapters.restoration_model import BLOCK, FILE, MANIFEST, MODELS, OnnxRestorationModel
from functions.domain.errors import ModelMismatch
from functions.domain.restoration import Facts, Quantiles, forecast
from functions.domain.restoration_calibration import Calibration
from functions.domain.restoration_features import FEATURES
from functions.domain.restoration_words import Cause, Crew

ROOT = Path(__file__).parents[3]
NOW = 1_760_000_000


@pytest.fixture(scope="module")
def model():
    return OnnxRestorationModel()


@pytest.fixture
def models(tmp_path):
    """A copy of the committed model that a test may spoil."""
    for name in (FILE, MANIFEST):
        shutil.copy(MODELS / name, tmp_path / name)
    return tmp_path


def said(model: OnnxRestorationModel, **facts: object) -> Quantiles:
    known = {"start": NOW - 600, "now": NOW, **facts}
    return forecast(model, Calibration(), [Facts(**known)])[0].quantiles


def test_is_small_and_proven(model):
    assert (MODELS / FILE).stat().st_size <= 3_000_000
    assert model.manifest.parity_rows >= 1000
    assert model.manifest.parity < 1e-4


def test_planned_work_lasts_longer_than_an_outage_of_unknown_cause(model):
    assert said(model, cause=Cause.planned).q50 > said(model, cause=Cause.unknown).q50


def test_what_has_lasted_will_last(model):
    assert said(model, start=NOW - 8 * 3600).q50 > said(model).q50


def test_an_answer_with_nothing_known_is_one_people_would_give(model):
    bare = said(model)
    assert 0.02 < bare.q10 < bare.q50 < bare.q80 < bare.q90 < 24
    assert 0.5 < bare.q50 < 6


def test_words_nobody_knows_are_answered(model):
    strange = said(model, cause=Cause.other, crew=Crew.other)
    assert 0.5 < strange.q50 < 6


def test_a_batch_of_any_size_gives_each_its_own_answer(model):
    rng = np.random.default_rng(2)
    rows = rng.standard_normal((BLOCK + 3, len(FEATURES))).astype(np.float32)
    rows[rng.random(rows.shape) < 0.2] = np.nan
    whole = model(rows)
    assert whole.shape == (BLOCK + 3, 4)
    for place in (0, 5, BLOCK - 1, BLOCK, BLOCK + 2):
        np.testing.assert_array_equal(model(rows[place : place + 1])[0], whole[place])
    assert model(rows[:0]).shape == (0, 4)


def test_a_model_is_loaded_when_it_is_asked(tmp_path):
    absent = OnnxRestorationModel(tmp_path)
    with pytest.raises(ModelMismatch, match="does not exist; train it again"):
        absent(np.zeros((1, len(FEATURES)), np.float32))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        (FILE, b"", b"\0", "has sha256"),
        (MANIFEST, b'"elapsed"', b'"age"', "has features"),
        (MANIFEST, b'"trees"', b'"bushes"', "is not a manifest of this release"),
    ],
)
def test_another_model_is_refused(models: Path, file, old, new, message):
    path = models / file
    path.write_bytes(path.read_bytes().replace(old, new, 1))
    with pytest.raises(ModelMismatch, match=message):
        OnnxRestorationModel(models)(np.zeros((1, len(FEATURES)), np.float32))


def test_a_model_whose_file_is_lost_is_refused(models: Path):
    (models / FILE).unlink()
    with pytest.raises(ModelMismatch, match="though its manifest does"):
        OnnxRestorationModel(models)(np.zeros((1, len(FEATURES)), np.float32))


def test_serving_needs_no_library_of_training():
    code = (
        "import sys, numpy as np; from functions.adapters.restoration_model import *; "
        f"OnnxRestorationModel()(np.zeros((1, {len(FEATURES)}), np.float32)); "
        "print(*{'sklearn', 'torch', 'onnx', 'duckdb'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
