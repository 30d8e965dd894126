"""Replay with what the utility knew: the example of the docs, and files that are wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "replay.md"
CONTEXT = ("roster", "work-orders", "weather", "device-events")
Lines = Callable[[Path], list[dict[str, Any]]]


def options(folder: Path) -> list[object]:
    return [argument for name in CONTEXT for argument in (f"--{name}", folder / f"{name}.csv")]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("example")
    subprocess.run([sys.executable, ROOT / "docs" / "examples" / "replay_files.py", folder], check=True)
    return folder


@pytest.fixture(scope="module")
def results(files: Path, run: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results")
    run("replay", files / "readings.csv", *options(files), "--out", out)
    return out


def test_every_line_that_the_page_shows_is_in_the_results(results: Path, lines: Lines) -> None:
    found = [*lines(results / "incidents.jsonl"), *lines(results / "suppressions.jsonl")]
    shown = [
        json.loads(block) for block in re.findall(r"```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    ]
    assert len(shown) == 4
    for line in shown:
        assert any(all(each.get(name) == value for name, value in line.items()) for each in found), line


def test_there_are_no_other_incidents_and_their_fields_are_complete(results: Path, lines: Lines) -> None:
    incidents = lines(results / "incidents.jsonl")
    assert sorted(line["device_id"] for line in incidents) == ["K2B", "T12", "T21"]
    fields = "id kind device_kind device_id feeder_id started_at confirmed_at restored_at state severity customers_out"
    assert all({*fields.split(), "restoration_estimate", "anomaly_ids"} <= line.keys() for line in incidents)
    anomalies = {line["id"] for line in lines(results / "anomalies.jsonl")}
    assert all(line["anomaly_ids"] and set(line["anomaly_ids"]) <= anomalies for line in incidents)


def test_planned_work_is_in_the_ledger_and_the_withdrawn_order_is_not(results: Path, lines: Lines) -> None:
    ledger = lines(results / "suppressions.jsonl")
    assert {line["meter_id"] for line in ledger if line["source_id"] == "WO-17"} == {"M011", "M012", "M013", "M014"}
    assert all(line["released_at"] is None for line in ledger)
    assert "WO-18" not in {line["source_id"] for line in ledger}


def test_customers_hear_of_what_was_not_announced_once_at_its_start_and_once_at_its_end(
    results: Path, lines: Lines
) -> None:
    told = sorted((line["customer_id"], line["kind"]) for line in lines(results / "notifications.jsonl"))
    out = [f"C{transformer}{number}" for transformer in ("02", "07") for number in (1, 2, 3, 4)]
    longer = [(f"C07{number}", "estimate_changed") for number in (1, 2, 3, 4)]
    assert [each for each in told if each[1] in ("outage_seen", "restored", "estimate_changed")] == sorted(
        [(customer, kind) for customer in out for kind in ("outage_seen", "restored")] + longer
    )


def test_customers_below_planned_work_hear_of_it_ahead_and_when_it_is_withdrawn(results: Path, lines: Lines) -> None:
    told = Counter((line["customer_id"], line["kind"]) for line in lines(results / "notifications.jsonl"))
    planned = {each: count for each, count in told.items() if each[1].startswith("planned")}
    assert planned == {
        **{(f"C01{number}", "planned_ahead"): 2 for number in (1, 2, 3, 4)},
        **{(f"C02{number}", kind): 1 for number in (1, 2, 3, 4) for kind in ("planned_ahead", "planned_cancelled")},
    }


def test_without_the_orders_the_work_is_told_as_an_outage(
    files: Path, run: Callable[..., Any], lines: Lines, tmp_path: Path
) -> None:
    known = [f"--{name}={files / name}.csv" for name in ("roster", "device-events")]
    run("replay", files / "readings.csv", *known, "--out", tmp_path)
    outages = {line["device_id"] for line in lines(tmp_path / "incidents.jsonl") if line["kind"] == "outage"}
    assert outages >= {"T11", "T12", "T21"}


ORDERS = "work_order_id,asset_kind,asset_id,start,end,status,issued_at\n"
GOOD = "WO-1,transformer,T11,2024-06-18T09:00:00Z,2024-06-18T11:00:00Z,planned,2024-06-17T08:00:00Z\n"


@pytest.mark.parametrize(
    ("name", "content", "named"),
    [
        ("roster", "meter_id,feeder_id,nominal_voltage_v\nM011,F1,240\nM012,F1,none\n", "row 3, nominal_voltage_v"),
        ("device-events", "meter_id,timestamp,code\nM011,2024-06-18 09:00:00,last_gasp\n", "row 2, timestamp"),
        ("work-orders", ORDERS + GOOD + GOOD.replace("T11:", "T08:").replace("11:00", "08:00"), "row 3, end"),
        ("work-orders", ORDERS + GOOD.replace("T11,", "T99,"), "row 2, asset_id"),
        ("work-orders", ORDERS + GOOD.replace("09:00:00Z", "09:00:00"), "row 2, start"),
        ("weather", "timestamp,temperature_c\n2024-06-18T09:00:00Z,warm\n", "row 2, temperature_c"),
        ("weather", None, "weather.csv"),
    ],
)
def test_a_wrong_file_is_one_sentence_and_nothing_is_applied(
    files: Path, run: Callable[..., Any], tmp_path: Path, name: str, content: str | None, named: str
) -> None:
    wrong, store = tmp_path / f"{name}.csv", tmp_path / "store.db"
    if content is not None:
        wrong.write_text(content, encoding="utf-8")
    arguments = [*options(files), f"--{name}", wrong]
    out = run("replay", files / "readings.csv", *arguments, "--out", tmp_path, "--store", f"sqlite:///{store}", code=2)

    assert named in out.stderr
    assert f"{name}.csv" in out.stderr
    assert "Traceback" not in out.stderr
    assert out.stderr.count("error: ") == len(out.stderr.strip().splitlines()) == 1
    assert not store.exists()
