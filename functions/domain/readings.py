"""The wire contract: event bodies in, columns of readings out (docs/event-contract.md is its public form).

A body is decoded with a typed decoder first, which is fast. If that fails it is read leniently, record by record, so
that one broken reading never takes its neighbours down: what cannot be used is refused with a reason, and counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.domain.device_events import DeviceEvent, code_table
from functions.domain.outcomes import RECORD_CHARACTERS, Outcome, Reason, Refusal
from functions.domain.salvage import Broken, salvage

DEFAULT_INTERVAL_S = 900
LONGEST_INTERVAL_S = 86_400
FUTURE_S = 3_600
"""A clock may run ahead by this much."""
TOO_OLD_S = 7 * 86_400
"""Event Hubs keeps events for up to seven days on the standard tier; older readings are not news."""
SENTINELS = (-1.0, 4294967.295)
"""4294967.295 is 2**32 − 1 thousandths, an unset unsigned register."""
HIGHEST_V = 1000.0
"""Low voltage ends at 1,000 V AC (IEC 60038)."""
HIGHEST_KWH_PER_HOUR = 5000.0
"""A 4,000 A low-voltage service at 690 V carries 4.8 MW."""

Timestamp = int | float | str


class Columns(msgspec.Struct, frozen=True):
    """Readings as columns of one length: the cheapest form to decode."""

    meter_id: list[str]
    timestamp: list[Timestamp]
    voltage_v: list[float | None] | None = None
    energy_kwh: list[float | None] | None = None


class Reading(msgspec.Struct, frozen=True):
    """One reading. Times are ISO 8601 with a zone, or seconds since the epoch."""

    meter_id: str
    timestamp: Timestamp
    voltage_v: float | None = None
    energy_kwh: float | None = None


class Envelope(msgspec.Struct, frozen=True):
    """An event body: one feeder's readings and device events."""

    feeder_id: str
    interval_s: int = DEFAULT_INTERVAL_S
    readings: msgspec.Raw = msgspec.Raw()
    end_device_events: list[dict[str, object]] = []


@dataclass
class FeederBatch:
    """What one event brings for one feeder: usable readings as columns, device events, and what was refused."""

    feeder_id: str
    interval_s: int = DEFAULT_INTERVAL_S
    meter_id: list[str] = field(default_factory=list)
    timestamp: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    voltage_v: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    energy_kwh: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    device_events: list[DeviceEvent] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def records(self) -> int:
        """How many records the event brought, refused ones included."""
        return len(self.meter_id) + len(self.device_events) + len(self.refusals)

    def refuse(self, reason: Reason, meter_id: object, record: object, outcome: Outcome = Outcome.quarantined) -> None:
        """Note a record that cannot be used."""
        text = record if isinstance(record, str) else repr(record)
        self.refusals.append(
            Refusal(
                feeder_id=self.feeder_id[:RECORD_CHARACTERS],
                meter_id=meter_id[:RECORD_CHARACTERS] if isinstance(meter_id, str) else "",
                reason=reason.name,
                outcome=outcome.name,
                record=text[:RECORD_CHARACTERS],
            )
        )


_ENVELOPE = msgspec.json.Decoder(Envelope)
_COLUMNS = msgspec.json.Decoder(Columns)
_READINGS = msgspec.json.Decoder(list[Reading])


def decode(body: bytes, now: int) -> FeederBatch:
    """Decode one event body at the time `now` (seconds since the epoch, UTC). Never raises on any bytes."""
    try:
        envelope = _ENVELOPE.decode(body)
        columns = _typed_columns(bytes(envelope.readings))
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError, RecursionError):
        return _decode_leniently(body, now)
    empty = not envelope.readings and not envelope.end_device_events
    if empty or not _known_interval(envelope.interval_s) or not is_id(envelope.feeder_id) or _unequal(columns):
        return _decode_leniently(body, now)
    batch = FeederBatch(envelope.feeder_id, envelope.interval_s)
    try:
        timestamp = _times(columns.timestamp)
    except _BadTime:
        return _decode_leniently(body, now)
    count = len(columns.meter_id)
    voltage = _floats(columns.voltage_v, count)
    energy = _floats(columns.energy_kwh, count)
    _keep_sound(batch, columns.meter_id, timestamp, voltage, energy, now)
    for event in envelope.end_device_events:
        _device_event(batch, event, now)
    return batch


def _typed_columns(raw: bytes) -> Columns:
    start = raw.lstrip()[:1]
    if not start:
        return Columns([], [])
    if start == b"[":
        rows = _READINGS.decode(raw)
        return Columns(
            [row.meter_id for row in rows],
            [row.timestamp for row in rows],
            [row.voltage_v for row in rows],
            [row.energy_kwh for row in rows],
        )
    return _COLUMNS.decode(raw)


def _unequal(columns: Columns) -> bool:
    lengths = {len(column) for column in msgspec.structs.astuple(columns) if column is not None}
    return len(lengths) > 1


def _known_interval(interval_s: object) -> bool:
    whole = isinstance(interval_s, int) and not isinstance(interval_s, bool)
    return whole and 1 <= interval_s <= LONGEST_INTERVAL_S  # type: ignore[operator]  # narrowed by `whole`


def _floats(values: list[float | None] | None, count: int) -> NDArray[np.float64]:
    if values is None:
        return np.full(count, np.nan)
    return np.array(values, np.float64)  # None becomes NaN: not measured


class _BadTime(ValueError):
    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


def _times(values: list[Timestamp]) -> NDArray[np.int64]:
    # An event usually carries one instant for many meters: parse each distinct one once.
    known = {value: _seconds(value) for value in set(values)}
    return np.fromiter((known[value] for value in values), np.int64, len(values))


def _seconds(value: object) -> int:
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            raise _BadTime(Reason.bad_timestamp) from None
        if moment.tzinfo is None:
            raise _BadTime(Reason.naive_timestamp)
        return int(moment.astimezone(UTC).timestamp() // 1) if 1970 < moment.year < 9999 else _refuse_time()
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e11:
        return _refuse_time()
    return int(value // 1)


def _refuse_time() -> int:
    raise _BadTime(Reason.bad_timestamp)


def _keep_sound(
    batch: FeederBatch,
    meter_id: list[str],
    timestamp: NDArray[np.int64],
    voltage: NDArray[np.float64],
    energy: NDArray[np.float64],
    now: int,
) -> None:
    """Keep what a low-voltage meter can have measured lately; refuse the rest with the first reason that applies."""
    highest_kwh = HIGHEST_KWH_PER_HOUR * batch.interval_s / 3600
    checks: tuple[tuple[Reason, NDArray[np.bool_]], ...] = (
        (Reason.future_timestamp, timestamp > now + FUTURE_S),
        (Reason.too_old, timestamp < now - TOO_OLD_S),
        (Reason.sentinel, np.isin(voltage, SENTINELS) | np.isin(energy, SENTINELS)),
        (Reason.impossible_value, (voltage < 0) | (voltage > HIGHEST_V) | (energy < 0) | (energy > highest_kwh)),
        (Reason.no_value, np.isnan(voltage) & np.isnan(energy)),
    )
    sound = ~np.logical_or.reduce([failed for _, failed in checks])
    if not sound.all():
        for place in np.flatnonzero(~sound).tolist():
            reason = next(reason for reason, failed in checks if failed[place])
            record = {
                "meter_id": meter_id[place],
                "timestamp": int(timestamp[place]),
                "voltage_v": float(voltage[place]),
                "energy_kwh": float(energy[place]),
            }
            batch.refuse(reason, meter_id[place], record)
        meter_id = [meter for meter, keep in zip(meter_id, sound.tolist(), strict=True) if keep]
        timestamp, voltage, energy = timestamp[sound], voltage[sound], energy[sound]
    batch.meter_id += meter_id
    batch.timestamp = np.concatenate((batch.timestamp, timestamp))
    batch.voltage_v = np.concatenate((batch.voltage_v, voltage))
    batch.energy_kwh = np.concatenate((batch.energy_kwh, energy))


def _decode_leniently(body: bytes, now: int) -> FeederBatch:
    envelope = salvage(body)
    if envelope is None or not is_id(envelope.feeder_id):
        batch = FeederBatch("")
        batch.refuse(Reason.bad_body, "", body.decode("utf-8", "replace"), Outcome.dead_lettered)
        return batch
    batch = FeederBatch(str(envelope.feeder_id))
    if not _known_interval(envelope.interval_s):
        _refuse_all(batch, envelope.records, Reason.bad_interval)
        _refuse_all(batch, envelope.device_events, Reason.bad_interval)
        return batch
    batch.interval_s = int(envelope.interval_s)  # type: ignore[call-overload]  # checked to be an int above
    if envelope.unequal:
        _refuse_all(batch, envelope.records, Reason.unequal_columns)
    else:
        _usable_records(batch, envelope.records, now)
    for event in envelope.device_events:
        _device_event(batch, event, now)
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
            moment = _seconds(record.get("timestamp"))
            measured = (_value(record.get("voltage_v")), _value(record.get("energy_kwh")))
        except _BadTime as fault:
            batch.refuse(fault.reason, record["meter_id"], record)
            continue
        meters.append(record["meter_id"])
        times.append(moment)
        values.append(measured)
    columns = np.array(values, np.float64).reshape(-1, 2)
    _keep_sound(batch, meters, np.array(times, np.int64), columns[:, 0], columns[:, 1], now)


def _value(value: object) -> float:
    """A measured value as a float; NaN for null; refused when it is a sentinel NaN or no number."""
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _BadTime(Reason.bad_record)
    if value != value:
        raise _BadTime(Reason.sentinel)
    return float(value) if abs(value) < 1e300 else float("inf")


def _device_event(batch: FeederBatch, event: object, now: int) -> None:
    if not isinstance(event, dict) or not isinstance(event.get("meter_id"), str):
        batch.refuse(Reason.bad_record, "", event)
        return
    meaning = code_table().get(str(event.get("code")))
    try:
        at = _seconds(event.get("timestamp"))
    except _BadTime as fault:
        batch.refuse(fault.reason, event["meter_id"], event)
        return
    if meaning is None:
        batch.refuse(Reason.bad_event_code, event["meter_id"], event)
    elif at > now + FUTURE_S:
        batch.refuse(Reason.future_timestamp, event["meter_id"], event)
    elif at < now - TOO_OLD_S:
        batch.refuse(Reason.too_old, event["meter_id"], event)
    else:
        batch.device_events.append(DeviceEvent(event["meter_id"], at, meaning))


_FORBIDDEN = set("/\\?#:")
ID_CHARACTERS = 64


def is_id(text: object) -> bool:
    """Whether an id can name a document in every store.

    >>> is_id("MTR-000123"), is_id("a/b"), is_id("")
    (True, False, False)
    """
    return (
        isinstance(text, str)
        and 0 < len(text) <= ID_CHARACTERS
        and text.isprintable()
        and text == text.strip()
        and not _FORBIDDEN.intersection(text)
    )
