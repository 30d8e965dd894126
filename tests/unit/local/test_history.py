"""History files: what comes out of `History`, whatever shape the files are in."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pytest

from functions.domain.errors import InputError
from local.history import Chunk, History, MeterEntry, parse_mapping

T0 = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp())
NAN = float("nan")


@pytest.fixture
def csv(tmp_path):
    def write(text: str, name: str = "readings.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def parquet(tmp_path):
    def write(query: str, name: str = "readings.parquet") -> Path:
        path = tmp_path / name
        quoted = str(path).replace("'", "''")
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'").fetchall()
            con.execute(f"COPY ({query}) TO '{quoted}' (FORMAT parquet)").fetchall()
        return path

    return write


def grid(meters: int = 3, slots: int = 8, step_s: int = 900, extra: str = "") -> str:
    """Readings sorted by meter, as exports are."""
    return (
        f"SELECT 'm' || m AS meter_id, 'F' || m % 2 AS feeder_id, "
        f"make_timestamp({T0}::BIGINT * 1000000 + s * {step_s} * 1000000) AS timestamp, "
        f"230.0 + m AS voltage_v, s / 10 AS energy_kwh {extra} "
        f"FROM range({meters}) a(m), range({slots}) b(s) ORDER BY m, s"
    )


def all_of(history: History, span_s: int = 3600) -> Chunk:
    chunks = list(history.chunks(span_s))
    return Chunk(
        *(np.concatenate([getattr(c, f) for c in chunks]) for f in ("meter", "timestamp", "voltage_v", "energy_kwh"))
    )


def refusal(files: list[Path], mapping: dict[str, str] | None = None) -> str:
    with pytest.raises(InputError) as caught, History(files, mapping or {}):
        pass
    return str(caught.value)


def test_a_file_sorted_by_meter_comes_out_in_time_order(parquet):
    with History([parquet(grid())]) as history:
        assert history.meters == (
            MeterEntry("m0", "m0", "", "F0", None, 900),
            MeterEntry("m2", "m2", "", "F0", None, 900),
            MeterEntry("m1", "m1", "", "F1", None, 900),
        )
        assert (history.rows, history.absent, history.unusable) == (24, 0, 0)
        assert (history.start, history.end) == (T0, T0 + 7 * 900)
        rows = all_of(history)
    assert rows.timestamp.tolist() == [T0 + s * 900 for s in range(8) for _ in range(3)]
    assert rows.meter.tolist() == [0, 1, 2] * 8
    assert rows.voltage_v.tolist() == [230.0, 232.0, 231.0] * 8
    assert [array.dtype.name for array in (rows.meter, rows.timestamp, rows.voltage_v, rows.energy_kwh)] == [
        "int32",
        "int64",
        "float64",
        "float64",
    ]


def test_chunks_are_aligned_to_the_span_and_gaps_are_skipped(parquet):
    with History([parquet(f"SELECT * FROM ({grid(1, 48, 1000)}) WHERE energy_kwh NOT BETWEEN 1.1 AND 2.9")]) as history:
        chunks = list(history.chunks(3600))
        assert sum(map(len, chunks)) == history.rows
    hours = [set((chunk.timestamp // 3600).tolist()) for chunk in chunks]
    assert all(len(hour) == 1 for hour in hours)
    firsts = [hour.pop() for hour in hours]
    assert firsts == sorted(set(firsts))
    assert firsts[-1] - firsts[0] + 1 > len(firsts)


@pytest.mark.parametrize("span_s", [1, 60, 86_400, 10**9])
def test_spans_larger_and_smaller_than_a_batch_hold_every_reading_once(parquet, monkeypatch, span_s):
    monkeypatch.setattr("local.history.BATCH_ROWS", 2048)
    with History([parquet(grid(7, 2000, 60))]) as history:
        chunks = list(history.chunks(span_s))
        again = all_of(history)
    stamps = np.concatenate([chunk.timestamp for chunk in chunks])
    assert all(len(set((chunk.timestamp // span_s).tolist())) == 1 for chunk in chunks)
    assert len(chunks) == len(np.unique(stamps // span_s))
    assert stamps.tolist() == again.timestamp.tolist()
    assert np.concatenate([chunk.meter for chunk in chunks]).tolist() == [0, 1, 2, 3, 4, 5, 6] * 2000


def test_a_stream_may_be_left_early_and_started_again(parquet):
    with History([parquet(grid())]) as history:
        first = next(history.chunks(900))
        assert len(first) == 3
        assert len(all_of(history)) == 24


def test_csv_with_names_that_look_like_numbers_keeps_their_zeros(csv):
    path = csv("meter_id,feeder_id,timestamp,voltage_v,energy_kwh\n00123,7,2024-03-01 00:00:00,230.5,0.25\n")
    with History([path]) as history:
        assert history.meters == (MeterEntry("00123", "00123", "", "7", None, 900),)
        assert all_of(history).voltage_v.tolist() == [230.5]


def test_names_stored_as_floats_lose_their_point(parquet):
    path = parquet(f"SELECT CAST(17 AS DOUBLE) AS meter_id, {T0} AS timestamp, 230 AS voltage_v")
    with History([path]) as history:
        assert [meter.meter_id for meter in history.meters] == ["17"]


@pytest.mark.parametrize(
    "stamp",
    ["2024-03-01T00:00:00", "2024-03-01T00:00:00Z", "2024-03-01 02:00:00+02:00", "2024-02-29T19:00:00-05:00", str(T0)],
)
def test_times_in_text_are_utc_unless_they_say_otherwise(csv, stamp):
    with History([csv(f"meter_id,timestamp,voltage_v\nm1,{stamp},230\n")]) as history:
        assert history.start == T0


@pytest.mark.parametrize(
    "stamp",
    [
        "TIMESTAMPTZ '2024-03-01 02:00:00+02'",
        "TIMESTAMP '2024-03-01'",
        "TIMESTAMP_NS '2024-03-01 00:00:00.000000001'",
        "DATE '2024-03-01'",
        "TIMESTAMP '2024-02-29 23:59:59.999'",
        f"{T0}",
        f"{T0}.75::DOUBLE",
        f"CAST({T0} AS UINTEGER)",
        "'2024-03-01T00:00:00Z'",
    ],
)
def test_typed_times_become_seconds_since_the_epoch(parquet, stamp):
    with History([parquet(f"SELECT 'm' AS meter_id, {stamp} AS timestamp, 230.0 AS voltage_v")]) as history:
        assert all_of(history).timestamp.tolist() == [T0]


def test_a_local_time_is_mapped_through_its_zone(csv):
    path = csv("meter_id,local,voltage_v\nm1,2024-07-01 01:00:00,230\n")
    with History([path], {"timestamp": "local AT TIME ZONE 'Europe/Lisbon'"}) as history:
        assert datetime.fromtimestamp(history.start, UTC) == datetime(2024, 7, 1, tzinfo=UTC)


def test_a_row_without_both_numbers_never_came_and_one_number_is_enough(csv):
    path = csv(
        "meter_id,timestamp,voltage_v,energy_kwh\n"
        "m,2024-03-01 00:00:00,230,\nm,2024-03-01 00:15:00,nan,0.5\n"
        "m,2024-03-01 00:30:00,,\nm,2024-03-01 00:45:00,NaN,nan\nm,2024-03-01 01:00:00,n/a,1\n"
    )
    with History([path]) as history:
        assert (history.rows, history.absent, history.unusable) == (3, 2, 0)
        rows = all_of(history)
    np.testing.assert_array_equal(rows.voltage_v, [230, NAN, NAN])
    np.testing.assert_array_equal(rows.energy_kwh, [NAN, 0.5, 1])


@pytest.mark.parametrize(("present", "missing"), [("voltage_v", "energy_kwh"), ("energy_kwh", "voltage_v")])
def test_a_number_the_file_does_not_have_is_nan_throughout(csv, present, missing):
    with History([csv(f"meter_id,timestamp,{present}\nm,{T0},1\nm,{T0 + 900},2\n")]) as history:
        rows = all_of(history)
    assert getattr(rows, present).tolist() == [1, 2]
    assert np.isnan(getattr(rows, missing)).all()


def test_sentinels_and_infinities_are_passed_on(parquet):
    values = "(4294967.295), (-1), ('inf'::DOUBLE), ('-inf'::DOUBLE)"
    path = parquet(f"SELECT 'm' AS meter_id, {T0} AS timestamp, v AS voltage_v FROM (VALUES {values}) t(v)")
    with History([path]) as history:
        assert sorted(all_of(history).voltage_v.tolist()) == [-np.inf, -1, 4294967.295, np.inf]


def test_rows_without_time_or_meter_and_broken_lines_are_counted_with_their_reason(csv):
    path = csv(
        "meter_id,timestamp,voltage_v,energy_kwh\n"
        f"m,{T0},230,1\n,{T0},230,1\n  ,{T0},230,1\nm,,230,1\nm,{T0 + 900},230,1,too,many\nm\nm,{T0 + 900},231,1\n"
    )
    with History([path]) as history:
        assert history.rows == 2
        assert history.unusable_reasons == {"no timestamp": 1, "no meter id": 2, "a line that is not a CSV row": 2}
        assert history.unusable == 5


def test_duplicates_are_kept_in_a_settled_order(parquet):
    path = parquet(
        f"SELECT 'm' AS meter_id, {T0} AS timestamp, v AS voltage_v FROM (VALUES (231), (230), (230), (229)) t(v)"
    )
    with History([path]) as history:
        assert all_of(history).voltage_v.tolist() == [229, 230, 230, 231]


@pytest.mark.parametrize(
    ("step_s", "interval_s"), [(60, 60), (58, 60), (300, 300), (905, 900), (3540, 3600), (120, 120), (7200, 7200)]
)
def test_the_interval_is_the_common_spacing_snapped_to_the_usual_ones(parquet, step_s, interval_s):
    with History([parquet(grid(1, 20, step_s))]) as history:
        assert history.meters[0].interval_s == interval_s


def test_gaps_and_duplicates_do_not_mislead_the_interval(parquet):
    rows = f"SELECT * FROM ({grid(1, 40, 900)}) WHERE energy_kwh NOT BETWEEN 1 AND 2"
    with History([parquet(f"{rows} UNION ALL {rows}".replace("ORDER BY m, s", ""))]) as history:
        assert history.meters[0].interval_s == 900


def test_each_meter_has_its_own_interval_and_a_lone_reading_takes_that_of_the_others(csv):
    lines = [f"a,{T0 + 60 * s},1" for s in range(5)]
    lines += [f"b,{T0 + 1800 * s},1" for s in range(5)] + [f"c,{T0 + 1800 * s},1" for s in range(5)] + [f"d,{T0},1"]
    with History([csv("meter_id,timestamp,voltage_v\n" + "\n".join(lines))]) as history:
        assert [meter.interval_s for meter in history.meters] == [60, 1800, 1800, 1800]


def test_an_interval_that_cannot_be_told_is_that_of_the_wire(csv):
    with History([csv(f"meter_id,timestamp,voltage_v\nm,{T0},230\nm,{T0 + 7 * 86400},230\n")]) as history:
        assert history.meters[0].interval_s == 900


def test_a_stated_interval_is_taken_as_it_is(parquet):
    with History([parquet(grid())], {"interval_s": "840"}) as history:
        assert {meter.interval_s for meter in history.meters} == {840}


def test_what_the_file_says_of_a_meter_is_kept_the_latest_holding(csv):
    path = csv(
        "meter_id,customer_id,transformer_id,feeder_id,nominal_voltage_v,timestamp,voltage_v\n"
        f"m,new,T2,F1,240,{T0 + 900},230\nm,old,T1,F1,230,{T0},230\nn,,,,0,{T0},230\n"
    )
    with History([path]) as history:
        assert history.meters == (
            MeterEntry("m", "new", "T2", "F1", 240.0, 900),
            MeterEntry("n", "n", "", "unassigned", None, 900),
        )


def test_a_customer_type_is_known_however_it_is_written_and_any_other_is_unknown(csv):
    lines = [("a", 0, "Residential"), ("b", 0, " INDUSTRIAL "), ("c", 0, "castle"), ("d", 0, "")]
    lines += [("e", 0, "commercial"), ("e", 1, "residential"), ("e", 2, "")]  # the latest that says anything
    rows = "".join(f"{meter},{T0 + 900 * slot},230,{kind}\n" for meter, slot, kind in lines)
    with History([csv("meter_id,timestamp,voltage_v,customer_type\n" + rows)]) as history:
        kinds = {meter.meter_id: meter.customer_type for meter in history.meters}
    assert kinds == {"a": "residential", "b": "industrial", "c": None, "d": None, "e": "residential"}


def test_a_customer_type_can_be_mapped_and_need_not_be_text(csv):
    path = csv(f"meter_id,timestamp,voltage_v,sector\na,{T0},230,1\nb,{T0},230,2\n")
    for mapping, known in (
        ({"customer_type": "CASE sector WHEN 1 THEN 'Commercial' END"}, ["commercial", None]),
        ({"customer_type": "sector"}, [None, None]),
    ):
        with History([path], mapping) as history:
            assert [meter.customer_type for meter in history.meters] == known


def test_the_customer_names_the_meter_where_no_meter_is_named(csv):
    with History([csv(f"customer_id,timestamp,voltage_v\nc1,{T0},230\n")]) as history:
        assert history.meters == (MeterEntry("c1", "c1", "", "unassigned", None, 900),)


def test_one_meter_on_two_feeders_is_two_meters(csv):
    with History([csv(f"meter_id,feeder_id,timestamp,voltage_v\nm,B,{T0},1\nm,A,{T0},2\n")]) as history:
        assert [(meter.feeder_id, meter.meter_id) for meter in history.meters] == [("A", "m"), ("B", "m")]
        assert all_of(history).voltage_v.tolist() == [2, 1]


def test_a_mapping_names_a_column_before_it_is_an_expression(csv):
    path = csv(f'device,t,"p_w/1000",p_w,Volt age\nd1,{T0},5,9000,230\n')
    mapping = parse_mapping(
        ["meter_id=DEVICE", "timestamp=t", "energy_kwh=p_w/1000", "voltage_v=Volt age", "feeder_id='F1'"]
    )
    with History([path], mapping) as history:
        assert history.meters[0].feeder_id == "F1"
        rows = all_of(history)
    assert (rows.energy_kwh.tolist(), rows.voltage_v.tolist()) == ([5], [230])


def test_an_expression_computes_over_the_columns(parquet):
    with History([parquet(grid(1, 2))], {"energy_kwh": "voltage_v * 2 -- twice", "meter_id": "'x'"}) as history:
        assert history.meters[0].meter_id == "x"
        assert all_of(history).energy_kwh.tolist() == [460, 460]


def test_several_files_of_both_kinds_and_odd_names_are_one_history(csv, parquet):
    paths = [
        parquet(grid(1, 2), "it's [1]*.parquet"),
        csv(f"timestamp,energy_kwh,meter_id,feeder_id\n{T0 + 1800},0.5,m0,F0\n", "b?.csv"),
        csv(f"timestamp;voltage_v;meter_id;feeder_id\n{T0};229.5;m9;F9\n", "c.txt"),
    ]
    with History(paths) as history:
        assert [(meter.feeder_id, meter.meter_id) for meter in history.meters] == [("F0", "m0"), ("F9", "m9")]
        rows = all_of(history)
    assert rows.timestamp.tolist() == [T0, T0, T0 + 900, T0 + 1800]
    assert rows.meter.tolist() == [0, 1, 0, 0]


def test_a_file_without_meters_is_one_meter_named_after_it(csv):
    lines = f"timestamp,voltage_v\n{T0},230\n{T0 + 900},231\n"
    with History([csv(lines, "house 1.csv"), csv(lines, "house 2.csv")]) as history:
        assert [meter.meter_id for meter in history.meters] == ["house 1", "house 2"]


def test_a_file_without_meters_but_with_one_time_twice_is_refused(csv):
    path = csv(f"timestamp,voltage_v\n{T0},230\n{T0},231\n", "it's.csv")
    message = refusal([path])
    assert "it's.csv has no meter_id or customer_id" in message
    assert "--map meter_id=COLUMN" in message
    with History([path], {"meter_id": "'one'"}) as history:
        assert history.rows == 2


def test_a_missing_file_is_named(tmp_path):
    assert "nowhere.csv is not a file" in refusal([tmp_path / "nowhere.csv"])
    assert "no history file is given" in refusal([])


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "book.xlsx"
    path.write_bytes(b"PK\x03\x04")
    assert "neither parquet nor CSV" in refusal([path])


def test_a_broken_parquet_file_is_refused(tmp_path):
    path = tmp_path / "half.parquet"
    path.write_bytes(b"PAR1" + b"\x00" * 100)
    assert f"{path} cannot be read" in refusal([path])


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "noise.csv"
    path.write_bytes(bytes(np.random.default_rng(1).integers(0, 256, 3000, dtype=np.uint8)))
    assert str(path) in refusal([path])


def test_an_unknown_key_lists_the_known_ones(parquet):
    message = refusal([parquet(grid())], {"volts": "voltage_v"})
    assert "--map volts=" in message
    assert "voltage_v, energy_kwh" in message


@pytest.mark.parametrize("wanted", ["voltage", "voltage_v +", "sum(voltage_v)", "1), (2", "F1"])
def test_a_mapping_that_is_neither_column_nor_expression_is_refused(parquet, wanted):
    message = refusal([parquet(grid())], {"voltage_v": wanted})
    assert f"--map voltage_v={wanted} is neither a column of" in message
    assert "meter_id, feeder_id, timestamp" in message


def test_an_expression_that_fails_on_a_row_names_the_file(csv):
    path = csv(f"meter_id,timestamp,v\nm,{T0},abc\n")
    message = refusal([path], {"voltage_v": "CAST(v AS DOUBLE)"})
    assert f"{path} cannot be read" in message
    assert "abc" in message


def test_a_file_without_a_time_shows_its_columns_and_the_way_out(csv):
    message = refusal([csv("meter_id,read_date,voltage_v\nm,x,230\n")])
    assert "no column timestamp but meter_id, read_date, voltage_v" in message
    assert "--map timestamp=read_date" in message


def test_a_file_without_voltage_and_energy_is_refused(csv):
    assert "neither voltage_v nor energy_kwh" in refusal([csv(f"meter_id,timestamp\nm,{T0}\n")])


@pytest.mark.parametrize("stamp", ["'soon'", "true", "TIME '12:00:00'", "'nan'::DOUBLE"])
def test_a_timestamp_that_is_no_time_is_refused(parquet, stamp):
    message = refusal([parquet(f"SELECT 'm' AS meter_id, {stamp} AS timestamp, 230.0 AS voltage_v")])
    assert "is not a time" in message
    assert "--map timestamp=" in message


def test_milliseconds_are_not_taken_for_seconds(parquet):
    path = parquet(f"SELECT 'm' AS meter_id, {T0}000 AS timestamp, 230.0 AS voltage_v")
    assert "--map timestamp=COLUMN/1000" in refusal([path])
    with History([path], {"timestamp": "timestamp/1000"}) as history:
        assert history.start == T0


@pytest.mark.parametrize("lines", ["", f"m,{T0},,\n", f"m,{T0},'230,5',\n", f",{T0},230,1\n"])
def test_a_file_without_a_reading_is_refused(csv, lines):
    assert "holds no readings" in refusal([csv("meter_id,timestamp,voltage_v,energy_kwh\n" + lines)])


def test_an_empty_file_is_refused(csv):
    assert "readings.csv" in refusal([csv("")])


def test_a_memory_limit_that_is_no_size_is_refused(parquet):
    with pytest.raises(InputError, match="memory limit 'lots'"):
        History([parquet(grid())], memory_limit="lots")


def test_a_span_is_a_second_or_longer(parquet):
    with History([parquet(grid())]) as history, pytest.raises(ValueError, match="span_s is 0"):
        next(history.chunks(0))


def test_nothing_stays_behind(parquet, tmp_path, monkeypatch):
    path = parquet(grid())
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    with History([path]) as history:
        assert any(folder.iterdir())
        next(history.chunks(900))
    refusal([path], {"timestamp": "'never'"})
    assert not any(folder.iterdir())


@pytest.mark.parametrize(("item"), ["timestamp", "=datetime", "timestamp=", ""])
def test_a_malformed_item_of_a_mapping_is_refused(item):
    with pytest.raises(InputError, match="is not KEY=COLUMN"):
        parse_mapping([item])


def test_a_mapping_is_read_up_to_the_first_equals_sign():
    assert parse_mapping(["energy_kwh = CASE WHEN a = 1 THEN b END", "meter_id=id"]) == {
        "energy_kwh": "CASE WHEN a = 1 THEN b END",
        "meter_id": "id",
    }
    with pytest.raises(InputError, match="given twice"):
        parse_mapping(["meter_id=a", "meter_id=b"])
    with pytest.raises(InputError, match="names no column of a reading"):
        parse_mapping(["volts=a"])


REAL_FILES = {
    "spl/ami_15min_sample.parquet": ([], 336_000, 0, 500, 900),
    "pt_smartmeter_voltage_raw.parquet": (
        ["meter_id=device", "voltage_v=voltage_l1_v", "energy_kwh=p_import_w/60000", "interval_s=60"],
        1_092_642,
        102_919,
        2,
        60,
    ),
    "uci_household_1min_33days.parquet": (
        ["timestamp=datetime", "voltage_v=Voltage", "energy_kwh=Global_active_power/60"],
        47_955,
        5,
        1,
        60,
    ),
}


@pytest.mark.parametrize("name", REAL_FILES)
def test_real_records_stream_whole_and_in_order(name):
    folder = os.environ.get("METERSENTRY_BENCHMARK_DATA")
    if not folder:
        pytest.skip("METERSENTRY_BENCHMARK_DATA does not name the folder of the benchmark data")
    path = Path(folder) / name
    if not path.is_file():
        pytest.skip(f"{name} is not in the folder METERSENTRY_BENCHMARK_DATA names")
    items, rows, absent, meters, interval_s = REAL_FILES[name]
    with History([path], parse_mapping(items)) as history:
        assert (history.rows, history.absent, history.unusable) == (rows, absent, 0)
        assert len(history.meters) == meters
        assert {meter.interval_s for meter in history.meters} == {interval_s}
        streamed = all_of(history)
        assert (streamed.timestamp[0], streamed.timestamp[-1]) == (history.start, history.end)
    assert len(streamed) == rows
    order = streamed.timestamp * meters + streamed.meter
    assert (np.diff(order) >= 0).all()
    assert not (np.isnan(streamed.voltage_v) & np.isnan(streamed.energy_kwh)).any()
