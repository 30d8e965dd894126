"""The files a run leaves behind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from functions.ports import ScoreBatch
from local import outputs
from local.outputs import ScoresFile, alerts_per_1000_meters_day, iso, write_summary


def batch(*meters: str, kind: str | None = None) -> ScoreBatch:
    count = len(meters)
    return ScoreBatch(
        meter_id=list(meters),
        timestamp=np.arange(count, dtype=np.int64) * 900,
        score=np.linspace(0, 1, count, dtype=np.float32),
        threshold=np.full(count, 3.5, np.float32),
        is_anomaly=np.full(count, kind is not None),
        kind=[kind] * count,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "new" / "scores.parquet"


def test_scores_are_read_back_as_they_were_taken(path: Path) -> None:
    file = ScoresFile(path)
    file.take(batch("M1", "M2"))
    file.take(batch())
    file.take(batch("M2", "M3", kind="sag"))
    file.close()

    table = pq.read_table(path)
    assert table.schema.names == ["meter_id", "timestamp", "score", "threshold", "is_anomaly", "kind"]
    assert table.schema.field("timestamp").type.tz == "UTC"
    assert table["meter_id"].to_pylist() == ["M1", "M2", "M2", "M3"]
    assert table["kind"].to_pylist() == [None, None, "sag", "sag"]
    assert table["is_anomaly"].to_pylist() == [False, False, True, True]
    assert [moment.timestamp() for moment in table["timestamp"].to_pylist()] == [0, 900, 0, 900]


def test_many_scores_are_written_as_they_come(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outputs, "ROWS_A_GROUP", 10)
    file = ScoresFile(path)
    for number in range(7):
        file.take(batch(*(f"M{number}-{nth}" for nth in range(4))))
    file.close()

    written = pq.ParquetFile(path)
    assert written.metadata.num_rows == 28
    assert written.metadata.num_row_groups >= 2
    assert len(set(written.read()["meter_id"].to_pylist())) == 28


def test_a_run_without_scores_leaves_an_empty_table(path: Path) -> None:
    ScoresFile(path).close()
    assert pq.read_table(path).num_rows == 0


def test_times_are_written_as_utc() -> None:
    assert iso(1_718_582_400) == "2024-06-17T00:00:00Z"
    assert iso(None) is None


@pytest.mark.parametrize(
    ("anomalies", "meters", "seconds", "rate"),
    [(10, 1_000, 86_400, 10.0), (3, 500, 2 * 86_400, 3.0), (0, 0, 0, 0.0), (1, 3, 7 * 86_400, 47.619)],
)
def test_the_alert_rate_is_per_1000_meters_and_day(anomalies: int, meters: int, seconds: int, rate: float) -> None:
    assert alerts_per_1000_meters_day(anomalies, meters, seconds) == rate


def test_the_summary_is_json_that_people_can_read(tmp_path: Path) -> None:
    write_summary(tmp_path / "summary.json", {"meters": 3, "by_kind": {"sag": 1}})

    text = (tmp_path / "summary.json").read_text()
    assert json.loads(text) == {"meters": 3, "by_kind": {"sag": 1}}
    assert text.count("\n") > 3
