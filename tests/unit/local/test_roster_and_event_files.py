"""Files that come with a history: what they say, and what is said of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.domain.errors import InputError
from local.device_event_file import LoggedEvent, read_device_events
from local.roster_file import read_roster

ROSTER = "meter_id,customer_id,transformer_id,feeder_id,substation_id,collector_id,nominal_voltage_v,critical\n"
EVENTS = "meter_id,timestamp,code\n"


def written(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "file.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_roster_says_where_every_meter_hangs(tmp_path: Path) -> None:
    path = written(tmp_path, "\ufeff" + ROSTER + 'M1,C1,T1,F1,S1,K1,240,yes\n\n"M2",,T1,F1,,,,\n')
    first, second = read_roster(path)
    assert (first.meter_id, first.substation_id, first.collector_id, first.nominal_voltage_v) == ("M1", "S1", "K1", 240)
    assert first.critical is True
    assert (second.customer_id, second.nominal_voltage_v, second.critical) == ("", None, False)


def test_columns_may_stand_in_any_order_beside_others(tmp_path: Path) -> None:
    (row,) = read_roster(written(tmp_path, "Feeder_ID,colour,LATERAL_ID,meter_id,interval_s\nF,blue,L9,M,300\n"))
    assert (row.meter_id, row.feeder_id, row.lateral_id, row.interval_s) == ("M", "F", "L9", 300)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("meter_id,customer_id\nM1,C1\n", "has no column feeder_id"),
        ("", "has no column meter_id"),
        (ROSTER, "names no meter"),
        (ROSTER + "M1,C1,T1,,S1,K1,240,no\n", "row 2, feeder_id: '' is no id"),
        (ROSTER + "M1,C1,T1,F1,S1,K1,240,no\nM/2,,,F1,,,,\n", "row 3, meter_id: 'M/2' is no id"),
        (ROSTER + "M1,C1,T1,F1,S1,K1,240 V,no\n", "row 2, nominal_voltage_v: '240 V' is not a number"),
        (ROSTER + "M1,C1,T1,F1,S1,K1,12,no\n", "row 2, nominal_voltage_v: is not a low-voltage service"),
        (ROSTER + "M1,C1,T1,F1,S1,K1,nan,no\n", "row 2, nominal_voltage_v: 'nan' is not a number"),
        (ROSTER + "M1,C1,T1,F1,S1,K1,240,perhaps\n", "row 2, critical: 'perhaps' is neither true nor false"),
        (ROSTER + "M1,C1,T1,F1,S1,K1,240\n", "row 2, has 7 values for 8 columns"),
        (ROSTER + 2 * "M1,C1,T1,F1,S1,K1,240,no\n", "row 3, meter_id: M1 has a row already"),
        (ROSTER + 'M1,"C1,T1,F1\n', "is no CSV file"),
    ],
)
def test_a_wrong_roster_is_one_sentence_that_names_row_and_column(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(InputError, match=r"file\.csv") as refused:
        read_roster(written(tmp_path, text))
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no CSV file in UTF-8"):
        read_roster(written(tmp_path, ROSTER + "M1,Müller,T1,F1,S1,K1,240,no\n", "latin-1"))


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a file"):
        read_roster(tmp_path / "none.csv")


def test_events_come_in_the_order_of_their_time(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        EVENTS
        + "M1,2024-06-17T02:00:05+02:00,power_restored\nM2,1718582400,last_gasp\nM1,2024-06-17T00:00:01Z,3.26.9.185\n",
    )
    assert read_device_events(path) == [
        LoggedEvent(1718582400, "M2", "last_gasp"),
        LoggedEvent(1718582401, "M1", "3.26.9.185"),
        LoggedEvent(1718582405, "M1", "power_restored"),
    ]


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ("M1,2024-06-17 14:00:00,last_gasp", "row 2, timestamp: '2024-06-17 14:00:00' has no zone"),
        ("M1,yesterday,last_gasp", "row 2, timestamp: 'yesterday' is not a time"),
        ("M1,1718582400000,last_gasp", "row 2, timestamp"),
        ("M1,,last_gasp", "row 2, timestamp"),
        ("M1,2024-06-17T14:00:00Z,", "row 2, code: is empty"),
        (",2024-06-17T14:00:00Z,last_gasp", "row 2, meter_id: '' is no id"),
    ],
)
def test_a_wrong_event_is_one_sentence_that_names_row_and_column(tmp_path: Path, row: str, named: str) -> None:
    with pytest.raises(InputError) as refused:
        read_device_events(written(tmp_path, f"{EVENTS}{row}\n"))
    assert named in str(refused.value)
    assert "\n" not in str(refused.value)
