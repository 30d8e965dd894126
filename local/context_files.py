"""Context from files: work orders and weather as CSV, for a replay of history."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TypeVar

from functions.domain.csv_documents import csv_documents
from functions.domain.documents import read_each
from functions.domain.errors import InputError, RejectedDocument
from functions.domain.weather import MEASURABLE, Observation, WeatherAlert
from functions.domain.work_order_fields import notice_of
from functions.domain.work_orders import OrderNotice

FIRST_ROW = 2
"""Of a file, below its header."""

Value = TypeVar("Value")


def read_work_orders(path: Path) -> list[OrderNotice]:
    """Every version of every order in a file, row by row.

    Columns: `work_order_id, asset_kind, asset_id, start, end, status, issued_at`, or those of SAP PM or Maximo. Several
    rows of one id are its versions, each known from its `issued_at` on. Raises `InputError` naming row and column.
    """
    return _read(path, (), notice_of)


def read_weather(path: Path) -> list[Observation]:
    """Observations in a file, earliest first.

    Columns: `timestamp, temperature_c, wind_mps, precipitation_mm` and, if there are any, `area` and `lightning`.
    Raises `InputError` naming row and column.
    """
    now = int(time.time())
    found = _read(path, MEASURABLE, lambda document: Observation.of(document, now))
    return sorted(found, key=lambda each: each.timestamp)


def read_weather_alerts(path: Path) -> list[WeatherAlert]:
    """Alerts in a file: `alert_id, kind, area, start, end`. Raises `InputError` naming row and column."""
    return _read(path, (), WeatherAlert.of)


def _read(path: Path, numbers: Collection[str], read: Callable[[Mapping[str, object]], Value]) -> list[Value]:
    try:
        return read_each(csv_documents(path.read_bytes(), numbers), read)
    except OSError as fault:
        raise InputError(f"{path} cannot be read ({fault.strerror}); check the name") from fault
    except RejectedDocument as fault:
        row = "" if fault.position is None else f", row {fault.position + FIRST_ROW}"
        raise InputError(f"{path}{row}, {fault.field}: {fault.reason}") from fault
