"""The wire contract: event bodies in, columns of readings out (docs/event-contract.md is its public form).

A body is decoded with a typed decoder first, which is fast. If that fails it is read leniently, record by record, so
that one broken reading never takes its neighbours down: what cannot be used is refused with a reason, and counted.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.domain.feeder_batch import DEFAULT_INTERVAL_S, LONGEST_INTERVAL_S, FeederBatch
from functions.domain.ids import is_id
from functions.domain.outcomes import Outcome, Reason
from functions.domain.salvage import Broken, salvage
from functions.domain.timestamps import Unusable, seconds

Timestamp = int | float | str


# Plain values cannot form cycles: kept from the garbage collector, which thousands of them would call again and again.
class Columns(msgspec.Struct, frozen=True, gc=False):
    """Readings as columns of one length: the cheapest form to decode."""

    meter_id: list[str]
    timestamp: list[Timestamp]
    voltage_v: list[float | None] | None = None
    energy_kwh: list[float | None] | None = None


class Reading(msgspec.Struct, frozen=True, gc=False):
    """One reading. Times are ISO 8601 with a zone, or seconds since the epoch."""

    meter_id: str
    timestamp: Timestamp
    voltage_v: float | None = None
    energy_kwh: float | None = None


Rows = TypeVar("Rows")


class Envelope(msgspec.Struct, Generic[Rows], frozen=True):
    """An event body: one feeder's readings and device events."""

    feeder_id: str
    interval_s: int = DEFAULT_INTERVAL_S
    readings: Rows | None = None
    end_device_events: list[dict[str, object]] = []


_MANY = msgspec.json.Decoder(Envelope[Columns | list[Reading]])
_ONE = msgspec.json.Decoder(Envelope[Reading])
"""One reading as an object looks like columns until its fields are read, so it is tried for itself."""
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, OverflowError, RecursionError)


def decode(body: bytes, now: int) -> FeederBatch:
    """Decode one event body at the time `now` (seconds since the epoch, UTC). Never raises on any bytes."""
    envelope = _typed(body)
    if envelope is None or envelope.readings is None or _interval(envelope.interval_s) is None:
        return _decode_leniently(body, now)
    columns = _as_columns(envelope.readings)
    if _unequal(columns) or not is_id(envelope.feeder_id):
        return _decode_leniently(body, now)
    batch = FeederBatch(envelope.feeder_id, envelope.interval_s)
    try:
        timestamp = _times(columns.timestamp)
    except Unusable:
        return _decode_leniently(body, now)
    count = len(columns.meter_id)
    voltage = _floats(columns.voltage_v, count)
    energy = _floats(columns.energy_kwh, count)
    batch.keep_sound(columns.meter_id, timestamp, voltage, energy, now)
    for event in envelope.end_device_events:
        batch.keep_event(event, now)
    return batch


def _typed(body: bytes) -> Envelope[Columns | list[Reading]] | Envelope[Reading] | None:
    try:
        return _MANY.decode(body)
    except _UNREADABLE:
        try:
            return _ONE.decode(body)
        except _UNREADABLE:
            return None


def _as_columns(readings: Columns | list[Reading] | Reading) -> Columns:
    if isinstance(readings, Columns):
        return readings
    if isinstance(readings, Reading):
        readings = [readings]
    return Columns(
        [row.meter_id for row in readings],
        [row.timestamp for row in readings],
        [row.voltage_v for row in readings],
        [row.energy_kwh for row in readings],
    )


def _unequal(columns: Columns) -> bool:
    lengths = {len(column) for column in msgspec.structs.astuple(columns) if column is not None}
    return len(lengths) > 1


def _interval(value: object) -> int | None:
    """The interval in seconds; None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST_INTERVAL_S:
        return None
    return value


def _floats(values: list[float | None] | None, count: int) -> NDArray[np.float64]:
    if values is None:
        return np.full(count, np.nan)
    return np.array(values, np.float64)  # None becomes NaN: not measured


def _times(values: list[Timestamp]) -> NDArray[np.int64]:
    # An event usually carries one instant for many meters: parse each distinct one once.
    known = {value: seconds(value) for value in set(values)}
    if len(known) == 1:
        return np.full(len(values), known[values[0]], np.int64)
    return np.fromiter(map(known.__getitem__, values), np.int64, len(values))


def _decode_leniently(body: bytes, now: int) -> FeederBatch:
    envelope = salvage(body)
    if envelope is None or not is_id(envelope.feeder_id):
        batch = FeederBatch("")
        batch.refuse(Reason.bad_body, "", body.decode("utf-8", "replace"), Outcome.dead_lettered)
        return batch
    batch = FeederBatch(str(envelope.feeder_id))
    interval = _interval(envelope.interval_s)
    if interval is None:
        _refuse_all(batch, envelope.records, Reason.bad_interval)
        _refuse_all(batch, envelope.device_events, Reason.bad_interval)
        return batch
    batch.interval_s = interval
    if envelope.unequal:
        _refuse_all(batch, envelope.records, Reason.unequal_columns)
    else:
        _usable_records(batch, envelope.records, now)
    for event in envelope.device_events:
        batch.keep_event(event, now)
    return batch


def _refuse_all(batch: FeederBatch, records: list[object], reason: Reason) -> None:
    for record in records:
        batch.refuse(reason, record.get("meter_id") if isinstance(record, dict) else "", record)


def _usable_records(batch: FeederBatch, records: list[object], now: int) -> None:
    meters: list[str] = []
    times: list[int] = []
    values: list[tuple[float, float]] = []
    for record in records:
        if isinstance(record, Broken) or not isinstance(record, dict) or not isinstance(record.get("meter_id"), str):
            batch.refuse(Reason.bad_record, "", record.text if isinstance(record, Broken) else record)
            continue
        try:
            moment = seconds(record.get("timestamp"))
            measured = (_value(record.get("voltage_v")), _value(record.get("energy_kwh")))
        except Unusable as fault:
            batch.refuse(fault.reason, record["meter_id"], record)
            continue
        meters.append(record["meter_id"])
        times.append(moment)
        values.append(measured)
    columns = np.array(values, np.float64).reshape(-1, 2)
    batch.keep_sound(meters, np.array(times, np.int64), columns[:, 0], columns[:, 1], now)


def _value(value: object) -> float:
    """A measured value as a float; NaN for null; refused when it is a sentinel NaN or no number."""
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unusable(Reason.bad_record)
    if value != value:
        raise Unusable(Reason.sentinel)
    return float(value) if abs(value) < 1e300 else float("inf")
