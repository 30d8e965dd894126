"""Evaluation: a small run tells everything, and the docs get its tables and nothing else."""

import msgspec
import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from functions.domain.errors import InputError
from model_export import evaluation, plots, report, rivals
from model_export.alerting import raised_alone
from model_export.evaluation import evaluate, precision_at
from model_export.metrics import PREVALENCE, Hours
from model_export.plan import simulated_plan
from model_export.report import BEGIN, END, write_docs
from model_export.results import RECALLS, RealSeriesResult, Spread, read_results, spread
from model_export.windows import Windows
from simulator import TRIAL_KINDS

LEFT_OUT = ("sag", "flicker")
REAL = (
    RealSeriesResult(file="a.parquet", about="a file", skipped="it is not here"),
    RealSeriesResult(file="b.parquet", about="one meter", meter_days=740.9, low_v=207, episodes=3, episodes_covered=2),
)
DETECTORS = {
    *rivals.NOTEBOOK.values(),
    *(rivals.SIX_FOREST, rivals.SIX_VAE, rivals.FOREST, rivals.MAHALANOBIS, rivals.VAE, rivals.HEAD, rivals.HEALTH),
    *(rivals.BOOSTED, rivals.MODEL, rivals.RULES, rivals.PRODUCT),
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out, stages = tmp_path_factory.mktemp("out") / "evaluation", {}

    def stage(name):
        stages[name] = []
        return stages[name].append

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("model_export.notebook.EPOCHS", 1)
        patch.setattr(rivals, "BOOSTING_ROUNDS", 10)
        plan = simulated_plan(60, 24, 4, 1)
        found = evaluate([plan], out, stage, kinds=LEFT_OUT, real_series=REAL)
    return found, out, stages


def test_the_result_is_complete(run):
    (seed,) = run[0].seeds
    assert {each.name for each in seed.detectors} == DETECTORS
    wanted = {"all", "voltage", "theft", *TRIAL_KINDS}
    came = {kind.result.kind for kind in seed.kinds if kind.result.hours}
    for each in seed.detectors:
        assert set(each.average_precision) == wanted
        told = {name for name, value in each.average_precision.items() if value is not None}
        assert told - {"theft"} == came | {"all", "voltage"}
        assert len(each.precision["all"]) == len(RECALLS)
    assert [kind.result.kind for kind in seed.kinds] == list(TRIAL_KINDS)
    assert {kind.result.kind for kind in seed.kinds if kind.left_out is not None} == came & set(LEFT_OUT)
    assert all(0 <= kind.caught_by_model <= kind.result.events for kind in seed.kinds)
    assert seed.alerting.meter_days > 0
    assert seed.alerting.calibration[0].nominal == 1
    assert seed.windows_per_second > 0
    assert run[0].origin.cores >= 1


def test_results_are_read_back_as_they_were_written(run):
    assert read_results(run[1]) == run[0]
    assert {file.name for file in run[1].iterdir()} == {"results.json", "tables.md", *plots.PLOTS}


def test_every_stage_tells_its_whole_progress(run):
    assert len(run[2]) > 8
    for name, shares in run[2].items():
        assert sum(shares) == pytest.approx(1, abs=1e-6), name


def test_rules_and_model_together_score_what_the_product_does(run):
    (seed,) = run[0].seeds
    by_name = {each.name: each.average_precision for each in seed.detectors}
    for kind in seed.kinds:
        product = by_name[rivals.PRODUCT][kind.result.kind]
        assert product is None or product == kind.result.average_precision
    # Sags break a limit: a head that never saw one takes nothing from the rules.
    sag = next(kind for kind in seed.kinds if kind.result.kind == "sag")
    assert sag.left_out > 0.8 * by_name[rivals.RULES]["sag"]


def test_the_docs_change_between_the_markers_only(run, tmp_path):
    page, images = tmp_path / "docs" / "detection.md", tmp_path / "docs" / "images"
    page.parent.mkdir()
    page.write_text(f"# Title\n\nBefore.\n\n{BEGIN}\nold tables\n{END}\n\nAfter.\n", encoding="utf-8")
    write_docs(run[0], page, images)
    text = page.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    tables, _, after = rest.partition(END)
    assert (before, after) == ("# Title\n\nBefore.\n\n", "\n\nAfter.\n")
    assert "old tables" not in text
    for said in (run[0].origin.cpu, run[0].origin.date, run[0].origin.command, "not replayed: it is not here"):
        assert said in tables
    assert all(name in tables for name in DETECTORS)
    for plot in plots.PLOTS:
        assert f"](images/{plot})" in tables
        assert (images / plot).read_bytes().startswith(b"\x89PNG")


def test_writing_the_docs_again_changes_nothing(run, tmp_path):
    page, images = tmp_path / "detection.md", tmp_path / "images"
    write_docs(run[0], page, images)
    first = page.read_bytes(), {file.name: file.read_bytes() for file in images.iterdir()}
    assert first[0].startswith(b"# Detection\n")
    write_docs(run[0], page, images)
    assert (page.read_bytes(), {file.name: file.read_bytes() for file in images.iterdir()}) == first


@pytest.mark.parametrize("text", ["no markers\n", f"{BEGIN}\nno end\n", f"{END}\n{BEGIN}\n"])
def test_a_page_without_markers_stays_as_it_is(run, tmp_path, text):
    page = tmp_path / "detection.md"
    page.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"detection\.md has no line"):
        write_docs(run[0], page, tmp_path / "images")
    assert page.read_text(encoding="utf-8") == text
    assert not (tmp_path / "images").exists()


def test_tables_of_several_seeds_have_ranges(run, tmp_path):
    (seed,) = run[0].seeds
    other = msgspec.structs.replace(seed, seed=5, windows_per_second=seed.windows_per_second + 2_000)
    both = msgspec.structs.replace(run[0], seeds=(seed, other))
    text = report.fragment(both, "images")
    low, high = f"{seed.windows_per_second:,}", f"{other.windows_per_second:,}"
    assert f"{seed.windows_per_second + 1_000:,} ({low}–{high})" in text
    plots.draw_plots(both, tmp_path)


def test_a_spread_leaves_out_what_is_unknown():
    assert spread([1.0, None, 3.0]) == Spread(2.0, 1.0, 3.0)
    assert spread([None]) is None


def test_precision_at_a_recall_is_that_of_the_highest_bar_that_reaches_it():
    kind = np.array([1, 1, 0, 0, 0, 0], np.int8)
    hours = Hours(kind, np.arange(6), np.arange(6))
    score = np.array([6.0, 3.0, 5.0, 2.0, 1.0, 0.0])
    healthy = (1 - PREVALENCE) / 4
    wanted = PREVALENCE / 2
    expected = [1.0 if recall <= 0.5 else 2 * wanted / (2 * wanted + healthy) for recall in RECALLS]
    assert precision_at(hours, score, ["sag"]) == pytest.approx(expected, abs=1e-4)
    weight = np.where(kind > 0, wanted, healthy)
    assert average_precision_score(kind > 0, score, sample_weight=weight) == pytest.approx(np.mean(expected), abs=1e-4)
    assert precision_at(hours, score, ["swell"]) == ()


def test_where_a_rule_has_spoken_the_bar_stands_for_the_model():
    slots, nothing = np.arange(8, dtype=np.int32), np.zeros(8, np.float32)
    rule = nothing.copy()
    rule[2] = 4.0
    windows = Windows(
        z=np.zeros((8, 28), np.float16),
        meter=np.zeros(8, np.int32),
        slot=slots,
        score=nothing,
        rule=rule,
        unusual=slots == 7,
    )
    raised = raised_alone(windows, np.ones(8, bool), (8, 1))
    assert raised.tolist() == [False, False, True, True, True, True, False, True]


def test_the_machine_is_named_where_the_system_does_not_tell(tmp_path, monkeypatch):
    monkeypatch.setattr(evaluation, "CPU_INFO", tmp_path / "none")
    assert evaluation._origin().cpu
