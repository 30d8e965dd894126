"""Real series: how episodes of low voltage are counted, and that a missing file says so."""

from __future__ import annotations

from pathlib import Path

import duckdb
import numpy as np
import pytest

from local.real_series import (
    FILES,
    VARIABLE,
    RealFile,
    Series,
    benchmark_data,
    count_covered,
    low_episodes,
    poisson_bound,
    real_series,
)

NAN = np.nan
MINUTE, HOUR = 60, 3_600


def series(volts: list[float], times: list[int] | None = None, meter: int = 0) -> Series:
    times = [nth * MINUTE for nth in range(len(volts))] if times is None else times
    return Series(np.full(len(volts), meter, np.int32), np.array(times, np.int64), np.array(volts, np.float64))


def silent(_stage: str):
    return lambda _share: None


@pytest.mark.parametrize(
    ("volts", "expected"),
    [
        ([230, 206.9, 230], [(60, 60)]),
        ([230, 200, 201, 230, 199], [(60, 120), (240, 240)]),
        ([200, 201], [(0, 60)]),
        ([207.0, 230], []),  # the limit itself is allowed
        ([200, NAN, 201, 230], [(0, 120)]),
        ([NAN, NAN], []),
        ([], []),
    ],
)
def test_an_episode_is_a_run_of_readings_below_the_limit(volts: list[float], expected: list[tuple[int, int]]) -> None:
    assert low_episodes(series(volts), 0, 207.0).tolist() == [list(each) for each in expected]


def test_a_long_silence_ends_an_episode() -> None:
    times = [0, HOUR, 2 * HOUR + 1, 2 * HOUR + 61]
    assert low_episodes(series([200] * 4, times), 0, 207.0).tolist() == [[0, HOUR], [2 * HOUR + 1, 2 * HOUR + 61]]


def test_meters_do_not_share_episodes() -> None:
    first, second = series([200, 230]), series([200, 200], meter=1)
    names = Series.__dataclass_fields__
    both = Series(**{name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in names})
    assert low_episodes(both, 0, 207.0).tolist() == [[0, 0]]
    assert low_episodes(both, 1, 207.0).tolist() == [[0, 60]]


def test_an_episode_is_covered_by_a_sag_of_the_same_time() -> None:
    episodes = np.array([[60, 120], [600, 600], [900, 960]])
    assert count_covered(episodes, [(120, 180), (540, 600)]) == 1  # an anomaly's end is the first moment it is over
    assert count_covered(episodes, [(0, np.inf)]) == 3
    assert count_covered(episodes, []) == 0


@pytest.mark.parametrize(("expected", "bound"), [(0.0, 0), (0.05, 0), (0.1, 1), (3.8, 7), (17.5, 25), (700.0, 744)])
def test_the_bound_is_the_95th_percentile_of_a_poisson_count(expected: float, bound: int) -> None:
    assert poisson_bound(expected) == bound


def test_without_the_variable_every_file_says_why_it_was_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    found = real_series(benchmark_data(), tmp_path, silent)
    assert [each.file for each in found] == [file.name for file in FILES]
    assert all(VARIABLE in each.skipped for each in found)
    assert all(each.meter_days == 0 for each in found)


def test_a_missing_file_is_skipped_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path))
    (found,) = real_series(benchmark_data(), tmp_path, silent, FILES[:1])
    assert found.skipped == f"the file is not in the folder {VARIABLE} names"


def test_a_made_up_file_is_replayed_and_counted(tmp_path: Path) -> None:
    # Half a day at 230 V with a sag of three minutes and one of a minute; the second reading of a minute is a repeat.
    duckdb.sql(
        """SELECT 'M1' AS meter_id, TIMESTAMP '2024-06-17' + to_seconds(n * 30) AS timestamp, 0.01 AS energy_kwh,
                  CASE WHEN n // 2 IN (500, 501, 502, 600) THEN 190.0 ELSE 229.5 + (n // 2) % 7 / 10 END AS voltage_v
           FROM range(1440) AS t(n)"""
    ).write_parquet(str(tmp_path / "made_up.parquet"))
    file = RealFile("made_up.parquet", "made up", ("nominal_voltage_v=230", "interval_s=60"), 207.0)
    shares: list[float] = []
    (found,) = real_series(tmp_path, tmp_path / "out", lambda _name: shares.append, [file])
    assert (found.meters, found.readings, found.meter_days) == (1, 720, 0.5)
    assert (found.episodes, found.episodes_covered) == (2, 2)
    assert found.other_kinds["sag"] == 2
    assert found.unusual_bound == 0
    assert sum(shares) == pytest.approx(1)


def test_real_files_are_replayed_where_there_are_any(tmp_path: Path) -> None:
    data = benchmark_data()
    if data is None:
        pytest.skip(f"{VARIABLE} does not name the folder of the benchmark data")
    file = next(file for file in FILES if file.name.startswith("uci"))
    if not (data / file.name).is_file():
        pytest.skip(f"{file.name} is not in the folder {VARIABLE} names")
    (found,) = real_series(data, tmp_path, silent, [file])
    assert (found.meters, found.readings) == (1, 47_955)
    assert found.episodes_covered == found.episodes
