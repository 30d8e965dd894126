"""A utility's own readings to train on: what the arrays hold, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime

import duckdb
import numpy as np
import pytest

from functions.domain.errors import InputError
from model_export import history
from model_export.history import MINIMUM_DAYS, MINIMUM_METERS, read_history

T0 = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp())
STEP_S = 3600
SLOTS = MINIMUM_DAYS * 86_400 // STEP_S
GRID = f"""
    SELECT format('m{{:02d}}', m) AS meter_id, to_timestamp({T0} + s * {STEP_S}) AS timestamp,
           230.0 + m + s / 1000 AS voltage_v, m / 10 + s / 1000 AS energy_kwh,
           m, s
    FROM range({MINIMUM_METERS}) a(m), range({SLOTS}) b(s)"""


@pytest.fixture
def written(tmp_path):
    def write(query: str = f"FROM ({GRID})", name: str = "history.parquet"):
        path = tmp_path / name
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'").fetchall()
            con.execute(f"COPY (SELECT * EXCLUDE (m, s) {query}) TO '{path}'").fetchall()
        return path

    return write


def refusal(path, **options) -> str:
    with pytest.raises(InputError) as caught:
        read_history(path, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", ["history.parquet", "history.csv"])
def test_every_reading_is_in_its_place_whatever_the_order_of_the_rows(written, name):
    shares = []
    found = read_history(written(f"FROM ({GRID}) ORDER BY hash(m * 1000 + s)", name), advance=shares.append)
    readings = found.readings
    slot, meter = np.arange(SLOTS)[:, None], np.arange(MINIMUM_METERS)
    assert found.meter_id == tuple(f"m{number:02d}" for number in meter)
    assert found.left_out == 0
    assert (readings.first_slot, readings.interval_s) == (T0 // STEP_S, STEP_S)
    assert readings.voltage_v.dtype == readings.energy_kwh.dtype == readings.nominal_v.dtype == np.float32
    np.testing.assert_allclose(readings.voltage_v, 230 + meter + slot / 1000, rtol=1e-6)
    np.testing.assert_allclose(readings.energy_kwh, meter / 10 + slot / 1000, rtol=1e-6)
    assert np.isnan(readings.nominal_v).all()
    assert readings.customer_type.tolist() == [""] * MINIMUM_METERS
    assert sum(shares) == pytest.approx(1)


def test_gaps_are_nan_and_the_period_is_that_of_the_voltages(written):
    voltage = "CASE WHEN m = 4 AND s = 7 OR s = 0 THEN NULL ELSE voltage_v END AS voltage_v"
    extended = GRID.replace(f"range({SLOTS})", f"range({SLOTS + 1})")
    gaps = f"FROM (SELECT * REPLACE ({voltage}) FROM ({extended})) WHERE NOT (m = 3 AND s BETWEEN 10 AND 20)"
    readings = read_history(written(gaps)).readings
    assert readings.first_slot == T0 // STEP_S + 1
    assert readings.voltage_v.shape == readings.energy_kwh.shape == (SLOTS, MINIMUM_METERS)
    assert np.argwhere(np.isnan(readings.voltage_v)).tolist() == [[6, 4], *([slot, 3] for slot in range(9, 20))]
    assert readings.energy_kwh[6, 4] == pytest.approx(0.407)


def test_the_first_reading_of_a_slot_wins(written):
    later = "timestamp + INTERVAL 1 MINUTE AS timestamp, voltage_v + 50 AS voltage_v"
    twice = f"FROM ((SELECT * REPLACE ({later}) FROM ({GRID}) WHERE m = 0 AND s < 9) UNION ALL ({GRID}))"
    readings = read_history(written(twice)).readings
    assert readings.voltage_v.max() < 230 + MINIMUM_METERS
    assert readings.voltage_v.shape == (SLOTS, MINIMUM_METERS)


@pytest.mark.parametrize("value", ["-1", "4294967.295", "'inf'::DOUBLE", "-0.5", "1e5"])
@pytest.mark.parametrize("column", ["voltage_v", "energy_kwh"])
def test_what_no_meter_can_have_measured_is_nan(written, column, value):
    impossible = f"FROM (SELECT * REPLACE (CASE WHEN m = 2 AND s = 5 THEN {value} ELSE {column} END AS {column}) "
    readings = read_history(written(f"{impossible} FROM ({GRID}))")).readings
    other = {"voltage_v": "energy_kwh", "energy_kwh": "voltage_v"}[column]
    assert np.argwhere(np.isnan(getattr(readings, column))).tolist() == [[5, 2]]
    assert not np.isnan(getattr(readings, other)).any()


def test_an_outage_reported_as_zero_volts_stays(written):
    dark = "CASE WHEN m = 2 AND s = 5 THEN 0 ELSE voltage_v END AS voltage_v"
    assert read_history(written(f"FROM (SELECT * REPLACE ({dark}) FROM ({GRID}))")).readings.voltage_v[5, 2] == 0


def test_nominal_voltage_and_customer_type_are_told_of_each_meter(written):
    extra = (
        "CASE WHEN m = 0 THEN NULL ELSE 240 END AS nominal_voltage_v, "
        "CASE m WHEN 0 THEN NULL WHEN 1 THEN 'Commercial' WHEN 2 THEN 'castle' ELSE 'residential' END AS customer_type"
    )
    readings = read_history(written(f"FROM (SELECT *, {extra}, 'T9' AS transformer_id FROM ({GRID}))")).readings
    assert np.isnan(readings.nominal_v[0])
    assert set(readings.nominal_v[1:].tolist()) == {240.0}
    assert readings.customer_type[:4].tolist() == ["", "commercial", "", "residential"]


def test_transformers_are_not_taken_for_customer_types(written):
    readings = read_history(written(f"FROM (SELECT *, 'industrial' AS transformer_id FROM ({GRID}))")).readings
    assert set(readings.customer_type.tolist()) == {""}


def test_voltages_alone_are_enough(written):
    readings = read_history(written(f"FROM (SELECT * EXCLUDE energy_kwh FROM ({GRID}))")).readings
    assert np.isnan(readings.energy_kwh).all()
    assert readings.energy_kwh.shape == readings.voltage_v.shape


def test_a_customer_stands_for_its_meter_as_in_replay(written):
    found = read_history(written(f"FROM (SELECT * RENAME (meter_id AS customer_id) FROM ({GRID}))"))
    assert found.meter_id[0] == "m00"


def test_a_mapping_names_columns(written):
    path = written(f"FROM (SELECT * RENAME (voltage_v AS U) FROM ({GRID}))")
    assert read_history(path, mapping={"voltage_v": "U"}).readings.voltage_v[0, 0] == 230


def test_meters_of_another_interval_or_without_voltage_are_left_out(written):
    more = GRID.replace(f"range({MINIMUM_METERS})", f"range({MINIMUM_METERS + 2})")
    mute = f"CASE WHEN m = {MINIMUM_METERS} THEN NULL ELSE voltage_v END AS voltage_v"
    seldom = f"WHERE m <= {MINIMUM_METERS} OR s % 4 = 0"
    found = read_history(written(f"FROM (SELECT * REPLACE ({mute}) FROM ({more}) {seldom})"))
    assert len(found.meter_id) == found.readings.voltage_v.shape[1] == MINIMUM_METERS
    assert found.left_out == 2


def test_an_interval_picks_its_meters(written):
    message = refusal(written(), interval_s=900)
    assert "has 0 meters with readings every 900 s (its meters read: 20 every 3600 s)" in message
    assert read_history(written(), interval_s=STEP_S).left_out == 0


def test_a_file_that_is_missing_is_refused(tmp_path):
    assert f"{tmp_path / 'nowhere.csv'} is not a file" in refusal(tmp_path / "nowhere.csv")


def test_a_file_that_cannot_be_read_is_refused(tmp_path, written, monkeypatch):
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and then nothing")
    assert "cannot be read" in refusal(broken)
    (tmp_path / "notes.docx").write_bytes(b"PK")
    assert "neither parquet nor CSV" in refusal(tmp_path / "notes.docx")

    def locked(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(history, "open_source", locked)
    assert "(Permission denied)" in refusal(written())


@pytest.mark.parametrize(
    ("columns", "missing", "held"),
    [
        ("meter_id, timestamp, energy_kwh", "voltage_v", "meter_id, timestamp, energy_kwh"),
        ("meter_id, voltage_v AS U", "timestamp and no voltage_v", "meter_id, U"),
        ("timestamp, voltage_v", "meter_id", "timestamp, voltage_v"),
    ],
)
def test_missing_columns_are_named_with_what_there_is(written, columns, missing, held):
    message = refusal(written(f"FROM (SELECT {columns}, m, s FROM ({GRID}))"))
    assert f"has no column {missing} but {held}; rename" in message
    assert f"--map {missing.split()[0]}=COLUMN" in message


@pytest.mark.parametrize("column", ["voltage_v", "energy_kwh"])
@pytest.mark.parametrize("value", ["NULL::DOUBLE", "'nan'::DOUBLE", "'230,5'", "-1"])
def test_a_column_without_a_number_is_refused_by_name(written, column, value):
    message = refusal(written(f"FROM (SELECT * REPLACE ({value} AS {column}) FROM ({GRID}))"))
    assert f"column {column} of" in message
    assert "holds not a single number" in message


def test_a_file_of_gaps_only_is_refused(written):
    message = refusal(written(f"FROM (SELECT * EXCLUDE energy_kwh REPLACE ('nan' AS voltage_v) FROM ({GRID}))"))
    assert "without a number in voltage_v" in message


def test_too_few_meters_are_refused_with_both_numbers(written):
    message = refusal(written(f"FROM ({GRID}) WHERE m < 7"))
    assert "has 7 meters with readings every 3600 s" in message
    assert f"training needs at least {MINIMUM_METERS}" in message


def test_too_few_meters_with_voltages_are_refused(written):
    mute = "CASE WHEN m > 4 THEN NULL ELSE voltage_v END AS voltage_v"
    assert "has 5 meters with voltages" in refusal(written(f"FROM (SELECT * REPLACE ({mute}) FROM ({GRID}))"))


def test_too_short_a_history_is_refused_with_both_numbers(written):
    for cut in (f"s < {SLOTS - 1}", "s <> 100"):
        message = refusal(written(f"FROM ({GRID}) WHERE {cut}"))
        assert f"holds 13.9 days of voltages, and training needs at least {MINIMUM_DAYS}" in message


def test_more_than_memory_holds_is_refused_before_it_is_taken(written, monkeypatch):
    path = written()
    monkeypatch.setattr(history, "MAXIMUM_CELLS", 2 * SLOTS * MINIMUM_METERS)
    read_history(path)
    monkeypatch.setattr(history, "MAXIMUM_CELLS", 2 * SLOTS * MINIMUM_METERS - 1)
    message = refusal(path)
    assert f"({MINIMUM_METERS} meters × {SLOTS} intervals from 2024-03-01 to 2024-03-14)" in message
    assert "hand in fewer meters or a shorter period, and check that no timestamp is far off" in message
