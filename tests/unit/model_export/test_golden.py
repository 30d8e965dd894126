"""`verify`: a person asks whether the model in a folder is right."""

import numpy as np
import pytest
from typer.testing import CliRunner

from functions.adapters.onnx_scorer import OnnxScorer
from functions.domain.errors import InputError
from model_export.__main__ import GOLDEN, app
from model_export.golden import Golden, difference, holds, parity

run = CliRunner().invoke


def test_committed_model_is_verified():
    result = run(app, ["verify"])
    assert result.exit_code == 0, result.output
    assert "gives its golden answers" in result.output


def test_wrong_answers_fail_with_one_sentence(tmp_path):
    golden = Golden.read(GOLDEN)
    values = {name: getattr(golden, name) for name in Golden.__dataclass_fields__}
    changed = Golden(**{**values, "score": golden.score + np.float32(1e-3)})
    assert not holds(parity(OnnxScorer.load(), changed))
    changed.write(tmp_path / "golden.npz")
    result = run(app, ["verify", "--golden", str(tmp_path / "golden.npz")])
    assert result.exit_code == 1
    assert "differs from its golden answers" in result.stderr


def test_golden_answers_of_another_model_are_told_apart(tmp_path):
    golden = Golden.read(GOLDEN)
    values = {name: getattr(golden, name) for name in Golden.__dataclass_fields__}
    Golden(**{**values, "sha256": "0" * 64}).write(tmp_path / "golden.npz")
    result = run(app, ["verify", "--golden", str(tmp_path / "golden.npz")])
    assert result.exit_code == 2
    assert "belongs to model 000000000000" in result.stderr


def test_a_folder_without_a_model_is_named(tmp_path):
    result = run(app, ["verify", "--models", str(tmp_path)])
    assert result.exit_code == 1
    assert "manifest.json does not exist" in result.stderr
    assert "Traceback" not in result.output


def test_a_missing_golden_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere\.npz is not a readable golden file"):
        Golden.read(tmp_path / "nowhere.npz")


def test_equal_values_give_equal_bytes(tmp_path):
    Golden.read(GOLDEN).write(tmp_path / "a.npz")
    assert (tmp_path / "a.npz").read_bytes() == GOLDEN.read_bytes()


def test_difference_is_relative_above_one_and_never_hides_nan():
    assert difference(np.array([0.5, 200.0]), np.array([0.5, 100.0])) == 1.0
    assert difference(np.array([0.25]), np.array([0.5])) == 0.25
    assert difference(np.array([np.nan]), np.array([0.5])) == np.inf


def test_help_reads_well():
    assert "Prove" in run(app, ["--help"]).output
