"""A roster as a CSV file: one row a meter."""

from __future__ import annotations

from pathlib import Path

from functions.domain.errors import InputError, RejectedDocument
from functions.domain.roster_row import RosterRow
from local.csv_rows import Row, read_rows

NEEDED = ("meter_id", "feeder_id")
OPTIONAL = (
    *("customer_id", "transformer_id", "lateral_id", "substation_id", "collector_id"),
    *("nominal_voltage_v", "critical", "customer_type", "interval_s", "retired"),
)


def read_roster(path: Path) -> list[RosterRow]:
    """Every meter of the file, in its order. Raises `InputError` naming file, row and column."""
    rows: dict[str, RosterRow] = {}
    for row in read_rows(path, NEEDED, OPTIONAL):
        meter = _meter(row)
        if meter.meter_id in rows:
            row.fault("meter_id", f"{meter.meter_id} has a row already; keep one row a meter")
        rows[meter.meter_id] = meter
    if not rows:
        raise InputError(f"{path} names no meter; give it one row a meter")
    return list(rows.values())


def _meter(row: Row) -> RosterRow:
    interval = row.number("interval_s")
    meter = RosterRow(
        meter_id=row.id("meter_id", needed=True),
        feeder_id=row.id("feeder_id", needed=True),
        customer_id=row.id("customer_id"),
        transformer_id=row.id("transformer_id"),
        lateral_id=row.id("lateral_id"),
        substation_id=row.id("substation_id"),
        collector_id=row.id("collector_id"),
        critical=row.flag("critical"),
        retired=row.flag("retired"),
        nominal_voltage_v=row.number("nominal_voltage_v"),
        customer_type=row.text("customer_type").lower() or None,
        interval_s=None if interval is None else int(interval),
    )
    try:
        return meter.checked()
    except RejectedDocument as fault:
        row.fault(fault.field, fault.reason)
