"""Context from files: read whole, or refused with the file, the row and the column."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.domain.errors import InputError
from functions.domain.weather import Observation
from functions.domain.work_orders import AssetKind, OrderNotice, WorkOrderStatus
from local.context_files import read_weather, read_weather_alerts, read_work_orders

START = 1_718_582_400
ORDERS = "work_order_id,asset_kind,asset_id,start,end,status,issued_at\n"
WEATHER = "timestamp,temperature_c,wind_mps,precipitation_mm\n"


def written(folder: Path, text: str) -> Path:
    path = folder / "context.csv"
    path.write_text(text, "utf-8")
    return path


def test_every_version_of_an_order_is_read(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        ORDERS
        + "WO-1,transformer,T1,2024-06-17T00:00:00Z,2024-06-17T01:00:00Z,planned,2024-06-10T00:00:00Z\n"
        + f"WO-1,transformer,T1,{START},{START + 3_600},cancelled,{START - 60}\n",
    )
    usual = {"work_order_id": "WO-1", "asset_id": "T1", "asset_kind": AssetKind.transformer}
    assert read_work_orders(path) == [
        OrderNotice(**usual, start=START, end=START + 3_600, issued_at=1_717_977_600),
        OrderNotice(**usual, start=START, end=START + 3_600, status=WorkOrderStatus.cancelled, issued_at=START - 60),
    ]


def test_weather_is_read_in_the_order_of_time(tmp_path: Path) -> None:
    path = written(tmp_path, WEATHER + f"{START + 3_600},21.5,,\n2024-06-17T00:00:00Z,20,3,0.2\n")
    assert read_weather(path) == [
        Observation(timestamp=START, temperature_c=20.0, wind_mps=3.0, precipitation_mm=0.2),
        Observation(timestamp=START + 3_600, temperature_c=21.5),
    ]


def test_alerts_are_read(tmp_path: Path) -> None:
    (alert,) = read_weather_alerts(written(tmp_path, f"alert_id,kind,area,start,end\nA,heat,S,{START},{START + 60}\n"))
    assert (alert.alert_id, alert.area, alert.end) == ("A", "S", START + 60)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("WO-2,meter,M1,2024-06-17T01:00:00Z,2024-06-17T00:00:00Z,planned,", "row 3, end: is not after start"),
        ("WO-2,meter,M1,2024-06-17T00:00:00,2024-06-17T01:00:00Z,planned,", "row 3, start: .* has no zone"),
        ("WO-2,castle,M1,2024-06-17T00:00:00Z,2024-06-17T01:00:00Z,planned,", "row 3, asset_kind: .*castle"),
        ("WO-2,meter,,2024-06-17T00:00:00Z,2024-06-17T01:00:00Z,planned,", "row 3, asset_id: .*missing"),
        ("WO-2,meter,M1,2024-06-17T00:00:00Z,2024-06-17T01:00:00Z,planned,,,", "row 3, body: has 9 cells"),
    ],
)
def test_a_row_at_fault_is_named_with_its_file_and_column(tmp_path: Path, row: str, said: str) -> None:
    good = f"WO-1,meter,M1,{START},{START + 60},planned,{START}\n"
    with pytest.raises(InputError, match=f"context.csv, {said}"):
        read_work_orders(written(tmp_path, f"{ORDERS}{good}{row}\n"))


def test_weather_of_the_future_and_no_number_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2, timestamp: .* is in the future"):
        read_weather(written(tmp_path, WEATHER + "2099-01-01T00:00:00Z,20,3,0\n"))
    with pytest.raises(InputError, match=r"row 2, temperature_c: .*`str`"):
        read_weather(written(tmp_path, WEATHER + f"{START},warm,3,0\n"))


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere.csv cannot be read \(No such file or directory\)"):
        read_weather(tmp_path / "nowhere.csv")
