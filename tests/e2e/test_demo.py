"""The demo: one command, and what it leaves behind."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from local.outputs import alerts_per_1000_meters_day

METERS, DAYS = 120, 2
ARGUMENTS = ("demo", "--meters", METERS, "--days", DAYS, "--seed", 11)
Lines = Callable[[Path], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def out(run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    (folder / "stdout").write_text(run(*ARGUMENTS, "--out", folder).stdout, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def summary(out: Path) -> dict[str, Any]:
    return json.loads((out / "summary.json").read_text(encoding="utf-8"))


def test_counts_add_up(summary: dict[str, Any]) -> None:
    assert summary["simulated"] is True
    assert (summary["meters"], summary["days"], summary["seed"]) == (METERS, DAYS, 11)
    assert sum(summary["outcomes"].values()) == summary["received"]
    assert summary["outcomes"]["dead_lettered"] == 0
    assert 0.9 < summary["received"] / (METERS * DAYS * 96) < 1.1
    assert summary["detected"] + summary["missed"] == summary["truths"] > 0
    by_kind = summary["by_kind"].values()
    assert sum(kind["truths"] for kind in by_kind) == summary["truths"]
    assert sum(kind["detected"] for kind in by_kind) == summary["detected"]
    assert summary["false_alarms"] <= summary["alarms"]
    assert summary["readings_per_s"] > 0


def test_most_of_what_is_wrong_is_found(summary: dict[str, Any]) -> None:
    assert summary["detected"] >= 0.7 * summary["truths"]


def test_the_files_agree_with_the_summary(out: Path, summary: dict[str, Any], lines: Lines) -> None:
    anomalies, incidents = lines(out / "anomalies.jsonl"), lines(out / "incidents.jsonl")
    suppressed = {line["anomaly_id"] for line in lines(out / "suppressions.jsonl") if line["released_at"] is None}

    assert len({line["id"] for line in anomalies}) == len(anomalies)
    assert summary["alarms"] + summary["suppressed"] == len(anomalies)
    assert suppressed <= {line["id"] for line in anomalies}
    assert summary["suppressed"] == len(suppressed)
    assert summary["incidents"] == len(incidents) == len({line["id"] for line in incidents})
    assert summary["alerts_per_1000_meters_day"] == alerts_per_1000_meters_day(len(anomalies), METERS, DAYS * 86_400)
    assert summary["messages"]["sent"] == len(lines(out / "notifications.jsonl"))


def test_the_scores_are_those_of_the_windows(out: Path, summary: dict[str, Any]) -> None:
    table = pq.read_table(out / "scores.parquet")

    assert table.num_rows == summary["windows"]
    scores = table.to_pydict()
    # A reading that fills a gap is scored as part of the newest window, whose time then occurs again.
    assert len(set(scores["meter_id"])) == METERS
    flagged = {meter for meter, odd in zip(scores["meter_id"], scores["is_anomaly"], strict=True) if odd}
    assert flagged
    assert {kind is None for kind, odd in zip(scores["kind"], scores["is_anomaly"], strict=True) if odd} == {False}


def test_every_customer_is_told_each_state_of_an_incident_once(out: Path, lines: Lines) -> None:
    once = {"outage_seen", "restored"}  # a changed estimate is told as often as it moves
    messages = [line for line in lines(out / "notifications.jsonl") if line["kind"] in once]
    told = Counter((line["customer_id"], line["incident_id"], line["kind"]) for line in messages)

    assert messages
    assert set(told.values()) == {1}
    seen = {(customer, incident) for customer, incident, kind in told if kind == "outage_seen"}
    restored = {(customer, incident) for customer, incident, kind in told if kind == "restored"}
    assert restored <= seen
    assert {(line["customer_id"], line["incident_id"]) for line in messages} <= seen
    outages = {line["id"] for line in lines(out / "incidents.jsonl") if line["kind"] == "outage"}
    assert {incident for _, incident, _ in told} <= outages


def test_the_inspection_list_is_ranked(out: Path, summary: dict[str, Any]) -> None:
    with (out / "risk_report.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(line for line in file if not line.startswith("#")))

    assert [row["meter_id"] for row in rows[:10]] == summary["inspection_top"]
    assert "<html" in (out / "risk_report.html").read_text(encoding="utf-8")


def test_the_terminal_shows_what_was_found(out: Path, summary: dict[str, Any]) -> None:
    shown = (out / "stdout").read_text(encoding="utf-8")

    assert "Found against the simulator's truth" in shown
    assert f"{summary['outcomes']['applied']:,} applied" in shown
    assert "risk_report.html" in shown


def test_the_same_seed_finds_the_same(out: Path, run: Callable[..., Any], tmp_path: Path) -> None:
    run(*ARGUMENTS, "--out", tmp_path)

    for name in ("anomalies.jsonl", "incidents.jsonl", "suppressions.jsonl", "notifications.jsonl", "risk_report.csv"):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes(), name


def test_a_demo_in_the_same_folder_starts_over(run: Callable[..., Any], lines: Lines, tmp_path: Path) -> None:
    outcomes = []
    for _ in range(2):
        run("demo", "--meters", 12, "--days", 1, "--out", tmp_path)
        summary = json.loads((tmp_path / "summary.json").read_text(encoding="utf-8"))
        outcomes.append(summary["outcomes"])
        assert summary["messages"].get("sent", 0) == len(lines(tmp_path / "notifications.jsonl"))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("arguments", [("--meters", "0"), ("--days", "none"), ("--seed", "-1")])
def test_wrong_numbers_are_refused(run: Callable[..., Any], arguments: tuple[str, ...]) -> None:
    assert arguments[0] in run("demo", *arguments, code=2).stderr
