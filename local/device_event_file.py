"""Device events as a CSV file: one row an event, as the head-end system logged them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from local.csv_rows import read_rows

COLUMNS = ("meter_id", "timestamp", "code")


class LoggedEvent(NamedTuple):
    """One event of one meter; `at` is seconds since the epoch. What its code means, the product decides."""

    at: int
    meter_id: str
    code: str


def read_device_events(path: Path) -> list[LoggedEvent]:
    """The events of the file, by time. Raises `InputError` naming file, row and column."""
    events = []
    for row in read_rows(path, COLUMNS):
        if not row.text("code"):
            row.fault("code", "is empty; write what the meter said, such as last_gasp")
        events.append(LoggedEvent(row.time("timestamp"), row.id("meter_id", needed=True), row.text("code")))
    return sorted(events)
