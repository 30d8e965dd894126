"""Replay: history files through the product, continued, interrupted, and refused."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

METERS, DAYS, INTERVAL_S = 40, 3, 900
START = 1_718_582_400
OUT_AT, BACK_AT = 150, 158
"""Slots between which four meters of a transformer have no power."""
ABSENT = range(20, 30)
"""Slots for which one meter's row has neither voltage nor energy."""
NAN_VOLTAGE = range(40, 44)
"""Slots for which one meter's voltage is missing and its energy is not."""


@pytest.fixture(scope="module")
def table() -> pa.Table:
    """Readings of two feeders in no order at all, with an outage, a sag and gaps."""
    random = np.random.default_rng(5)
    slots = np.arange(DAYS * 96)
    slot, meter = (grid.ravel() for grid in np.meshgrid(slots, np.arange(METERS), indexing="ij"))
    volts = 240 + random.normal(0, 0.8, len(slot)) + 2 * np.sin(slot / 96 * 2 * np.pi)
    energy = np.abs(random.normal(0.25, 0.05, len(slot)))
    dark = (slot >= OUT_AT) & (slot < BACK_AT) & (meter < 4)
    volts[dark], energy[dark] = 0, 0
    volts[(slot >= 200) & (slot < 212) & (meter == 9)] = 205
    gone = np.isin(slot, ABSENT) & (meter == 12)
    volts[gone | (np.isin(slot, NAN_VOLTAGE) & (meter == 13))] = np.nan
    energy[gone] = np.nan
    order = random.permutation(len(slot))
    columns = {
        "meter_id": np.char.add("M", np.char.zfill(meter.astype(str), 3)),
        "feeder_id": np.char.add("F", (meter // 20).astype(str)),
        "transformer_id": np.char.add("T", (meter // 4).astype(str)),
        "customer_id": np.char.add("C", meter.astype(str)),
        "timestamp": (START + slot * INTERVAL_S).astype("datetime64[s]"),
        "voltage_v": np.round(volts, 2),
        "energy_kwh": np.round(energy, 4),
    }
    return pa.table({name: values[order] for name, values in columns.items()})


READINGS = METERS * DAYS * 96 - len(ABSENT)


@pytest.fixture(scope="module")
def history(table: pa.Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "unsorted.parquet"
    pq.write_table(table, path)
    return path


@pytest.fixture(scope="module")
def undisturbed(run: Callable[..., Any], history: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of one whole replay with a store."""
    folder = tmp_path_factory.mktemp("undisturbed")
    run("replay", history, "--out", folder, "--store", f"sqlite:///{folder / 'store.db'}")
    return folder


def summary_of(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "summary.json").read_text(encoding="utf-8"))


def state_of(store: Path) -> tuple[dict[str, object], set[str]]:
    """Every pack's bytes and due time, and the ids of all anomaly records."""
    with closing(sqlite3.connect(store)) as connection:
        packs = {row[0]: row[1:] for row in connection.execute("SELECT id, data, due_at FROM packs")}
        ids = connection.execute("SELECT id FROM documents WHERE container = 'anomalies'")
        return packs, {name for (name,) in ids}


def test_every_row_of_the_file_is_accounted_for(undisturbed: Path) -> None:
    summary = summary_of(undisturbed)

    assert (summary["meters"], summary["absent"], summary["unusable"]) == (METERS, len(ABSENT), 0)
    assert summary["received"] == sum(summary["outcomes"].values()) == READINGS
    assert summary["outcomes"]["applied"] == READINGS
    assert pq.read_table(undisturbed / "scores.parquet").num_rows == summary["windows"]


def test_what_happened_is_found_and_told(undisturbed: Path, lines: Callable[[Path], list[dict[str, Any]]]) -> None:
    anomalies = lines(undisturbed / "anomalies.jsonl")
    off = [line for line in anomalies if line["kind"] == "power_off"]
    assert sorted(line["meter_id"] for line in off) == ["M000", "M001", "M002", "M003"]
    assert {(line["start"], line["end"]) for line in off} == {("2024-06-18T13:30:00Z", "2024-06-18T15:30:00Z")}
    assert "sag" in {line["kind"] for line in anomalies if line["meter_id"] == "M009"}
    assert "no_reads" in {line["kind"] for line in anomalies if line["meter_id"] == "M012"}

    (outage,) = [line for line in lines(undisturbed / "incidents.jsonl") if line["kind"] == "outage"]
    assert (outage["state"], outage["device_id"], outage["customers_affected"]) == ("closed", "T0", 4)
    messages = lines(undisturbed / "notifications.jsonl")
    told = sorted((line["customer_id"], line["kind"]) for line in messages)
    of_customers = [(f"C{n}", kind) for n in range(4) for kind in ("estimate_changed", "outage_seen", "restored")]
    assert told == [*of_customers, ("operators", "voltage_quality")]


def test_a_csv_file_gives_the_same_as_parquet(
    run: Callable[..., Any], table: pa.Table, undisturbed: Path, tmp_path: Path
) -> None:
    path = tmp_path / "history.csv"
    connection = duckdb.connect()
    connection.register("readings", table)
    connection.execute(f"COPY (SELECT * FROM readings ORDER BY timestamp) TO '{path}'")
    connection.close()
    run("replay", path, "--out", tmp_path)

    for name in ("anomalies.jsonl", "incidents.jsonl", "notifications.jsonl"):
        assert (tmp_path / name).read_bytes() == (undisturbed / name).read_bytes(), name


def test_the_same_file_into_the_same_store_applies_nothing(
    run: Callable[..., Any], history: Path, undisturbed: Path, tmp_path: Path
) -> None:
    store = tmp_path / "store.db"
    shutil.copy(undisturbed / "store.db", store)
    run("replay", history, "--out", tmp_path, "--store", f"sqlite:///{store}")

    outcomes = summary_of(tmp_path)["outcomes"]
    assert outcomes["applied"] == 0
    assert outcomes["duplicate"] + outcomes["late"] == READINGS
    assert state_of(store) == state_of(undisturbed / "store.db")
    for name in ("anomalies.jsonl", "incidents.jsonl"):
        assert (tmp_path / name).read_bytes() == (undisturbed / name).read_bytes(), name
    assert (tmp_path / "notifications.jsonl").read_bytes() == b""
    assert set(summary_of(tmp_path)["messages"].values()) <= {0}


def test_a_replay_killed_in_the_middle_ends_like_an_undisturbed_one(
    command: Callable[..., subprocess.Popen[str]],
    run: Callable[..., Any],
    history: Path,
    undisturbed: Path,
    tmp_path: Path,
) -> None:
    store = tmp_path / "store.db"
    arguments = ("replay", history, "--out", tmp_path, "--store", f"sqlite:///{store}")
    with closing(sqlite3.connect(undisturbed / "store.db")) as connection:
        (commits,) = connection.execute("SELECT sum(version) FROM packs").fetchone()
    with command(*arguments) as process:
        while process.poll() is None and commits_in(store) < commits / 2:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert commits / 2 <= commits_in(store) < commits

    run(*arguments)
    assert state_of(store) == state_of(undisturbed / "store.db")
    assert 0 < summary_of(tmp_path)["outcomes"]["applied"] < READINGS


def commits_in(store: Path) -> int:
    try:
        with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT coalesce(sum(version), 0) FROM packs").fetchone()[0]
    except sqlite3.OperationalError:  # not there yet
        return 0


REAL_FILES = {
    "spl/ami_15min_sample.parquet": [],
    "pt_smartmeter_voltage_raw.parquet": [
        *("--map", "meter_id=device", "--map", "voltage_v=voltage_l1_v"),
        *("--map", "energy_kwh=p_import_w/60000", "--map", "interval_s=60"),
    ],
    "uci_household_1min_33days.parquet": [
        *("--map", "timestamp=datetime", "--map", "voltage_v=Voltage"),
        *("--map", "energy_kwh=Global_active_power/60"),
    ],
}
SLICE_ROWS = 40_000
"""The first rows of each file: enough for days, and the suite stays short."""


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_records_replay(run: Callable[..., Any], name: str, tmp_path: Path) -> None:
    folder = os.environ.get("METERSENTRY_BENCHMARK_DATA")
    if not folder:
        pytest.skip("METERSENTRY_BENCHMARK_DATA does not name the folder of the benchmark data")
    source = Path(folder) / name
    if not source.is_file():
        pytest.skip(f"{name} is not in the folder METERSENTRY_BENCHMARK_DATA names")
    part = tmp_path / source.name
    duckdb.sql(f"SELECT * FROM '{source}' LIMIT {SLICE_ROWS}").write_parquet(str(part))
    run("replay", part, *REAL_FILES[name], "--out", tmp_path)

    summary = summary_of(tmp_path)
    assert summary["received"] + summary["absent"] + summary["unusable"] == SLICE_ROWS
    assert sum(summary["outcomes"].values()) == summary["received"]
    assert summary["outcomes"]["dead_lettered"] == 0
    assert summary["outcomes"]["applied"] > 0.95 * summary["received"]


CSV = "meter_id,feeder_id,timestamp,voltage_v,energy_kwh\nM1,F,2024-06-17T00:00:00Z,240.1,0.2\n"


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.csv"
    path.write_text(CSV, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("content", "arguments", "named"),
    [
        (None, [], "is not a file"),
        ("not,a,reading\n1,2,3\n", [], "has no column timestamp"),
        (CSV, ["--map", "voltage_v"], "KEY=COLUMN"),
        (CSV, ["--map", "volts=voltage_v"], "names no column"),
        (CSV, ["--map", "voltage_v=Spannung"], "Spannung"),
        (CSV.replace("240.1", "").replace(",0.2", ","), [], "holds no readings"),
        (CSV, ["--store", "store.db"], "sqlite:///"),
    ],
)
def test_wrong_usage_is_one_sentence_and_exit_code_2(
    run: Callable[..., Any], tmp_path: Path, content: str | None, arguments: list[str], named: str
) -> None:
    path = tmp_path / "history.csv"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    error = run("replay", path, *arguments, "--out", tmp_path / "out", code=2).stderr

    assert named in error
    assert "Traceback" not in error
    assert error.count("error: ") == len(error.strip().splitlines()) == 1


def test_a_store_that_is_no_database_is_one_sentence_and_stays_as_it_is(
    run: Callable[..., Any], small: Path, tmp_path: Path
) -> None:
    store = tmp_path / "letter.txt"
    store.write_text("Dear customer, " * 50, encoding="utf-8")
    error = run("replay", small, "--store", f"sqlite:///{store}", "--out", tmp_path / "out", code=2).stderr

    assert "letter.txt is not a MeterSentry store" in error
    assert "Traceback" not in error
    assert store.read_text(encoding="utf-8").startswith("Dear customer")


def test_one_reading_is_a_history(run: Callable[..., Any], small: Path, tmp_path: Path) -> None:
    run("replay", small, "--out", tmp_path / "out")
    assert summary_of(tmp_path / "out")["outcomes"]["applied"] == 1


def test_one_meter_id_that_no_store_takes_is_quarantined_and_its_neighbour_is_scored(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    rows = [f"{meter},F,2024-06-17T{hour:02}:00:00,240.1,0.5" for hour in range(6) for meter in ("M1", "MAC:00:11")]
    path = tmp_path / "readings.csv"
    path.write_text("\n".join(["meter_id,feeder_id,timestamp,voltage_v,energy_kwh", *rows]), encoding="utf-8")
    run("replay", path, "--out", tmp_path)
    summary = summary_of(tmp_path)
    assert (summary["received"], summary["outcomes"]["applied"], summary["outcomes"]["quarantined"]) == (12, 6, 6)
    assert summary["reasons"] == {"bad_id": 6}
