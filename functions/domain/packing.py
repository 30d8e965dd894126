"""Readings of one feeder as event bodies in column form, the cheapest form to decode."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from functions.domain.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

VOLTAGE_DECIMALS = 3
ENERGY_DECIMALS = 4
ROUNDABLE = 1e12
"""Beyond it rounding to four decimals changes nothing that a float64 holds, and could overflow."""

MAX_READINGS = 500
MAX_BYTES = 1_000_000

_encoder = msgspec.json.Encoder()


class ReadingColumns(msgspec.Struct, frozen=True):
    """Readings as columns of one length; a NaN is written as null."""

    meter_id: list[str]
    timestamp: list[int]
    voltage_v: list[float]
    energy_kwh: list[float]


class ColumnEvent(msgspec.Struct, frozen=True):
    """The body of one event."""

    feeder_id: str
    interval_s: int
    readings: ReadingColumns


def pack_columns(
    feeder_id: str,
    interval_s: int,
    meter_id: Sequence[str],
    timestamp: NDArray[np.int64],
    voltage_v: NDArray[np.float64],
    energy_kwh: NDArray[np.float64],
    *,
    max_readings: int = MAX_READINGS,
    max_bytes: int = MAX_BYTES,
) -> Iterator[bytes]:
    """Yield event bodies of at most `max_readings` readings and `max_bytes` bytes, in the order given.

    `timestamp` is seconds since the epoch, UTC; all four columns have length n. Volts are rounded to 3 decimals, kWh
    to 4. NaN, and an infinity, which JSON cannot say, become null.

    Raises `InputError` if a single reading is larger than `max_bytes`.

    >>> next(pack_columns("F1", 900, ["m1"], np.array([0]), np.array([230.12345]), np.array([np.nan])))
    b'{"feeder_id":"F1","interval_s":900,"readings":{"meter_id":["m1"],"timestamp":[0],"voltage_v":[230.123],"energy_kwh":[null]}}'
    """
    lengths = {len(meter_id), len(timestamp), len(voltage_v), len(energy_kwh)}
    if len(lengths) > 1:
        raise ValueError(f"columns of different lengths: {sorted(lengths)}")
    columns = ReadingColumns(
        list(meter_id),
        np.asarray(timestamp, np.int64).tolist(),
        _rounded(voltage_v, VOLTAGE_DECIMALS),
        _rounded(energy_kwh, ENERGY_DECIMALS),
    )
    pending = [(begin, begin + max_readings) for begin in range(0, len(meter_id), max_readings)][::-1]
    while pending:
        begin, end = pending.pop()
        part = _part(columns, begin, end)
        body = _encoder.encode(ColumnEvent(feeder_id, interval_s, part))
        if len(body) <= max_bytes:
            yield body
            continue
        size = len(part.meter_id)
        if size == 1:
            raise InputError(
                f"one reading of meter {part.meter_id[0][:80]!r} takes {len(body)} bytes, more than the {max_bytes} of "
                "an event; shorten the ids"
            )
        pending += [(begin + size // 2, begin + size), (begin, begin + size // 2)]


def _part(columns: ReadingColumns, begin: int, end: int) -> ReadingColumns:
    return ReadingColumns(
        columns.meter_id[begin:end],
        columns.timestamp[begin:end],
        columns.voltage_v[begin:end],
        columns.energy_kwh[begin:end],
    )


def _rounded(values: NDArray[np.float64], decimals: int) -> list[float]:
    exact = np.array(values, np.float64)
    ordinary = np.abs(exact) < ROUNDABLE
    exact[ordinary] = np.round(exact[ordinary], decimals)
    rounded: list[float] = exact.tolist()
    return rounded
