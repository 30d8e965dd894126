"""Salvage: reading a body that the typed decoder refused, keeping every record that can still be read."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import NamedTuple

COLUMN_NAMES = ("meter_id", "timestamp", "voltage_v", "energy_kwh")
_MISSING = object()


class Broken(NamedTuple):
    """Text that should have been a record."""

    text: str


@dataclass
class SalvagedEnvelope:
    """An envelope of records whose fields nobody has checked yet."""

    feeder_id: object
    interval_s: object
    records: list[object] = field(default_factory=list)
    device_events: list[object] = field(default_factory=list)
    unequal: bool = False
    """The columns differed in length: no record can be trusted."""


def salvage(body: bytes) -> SalvagedEnvelope | None:
    """Read what can be read of a body; None when there is no feeder or no record in it.

    >>> salvage(b'{"feeder_id": "F", "readings": [{"meter_id": "A", "voltage_v": NaN}, {"meter_id": ]}').records
    [{'meter_id': 'A', 'voltage_v': nan}, Broken(text='{"meter_id": ]}')]
    """
    text = body.decode("utf-8-sig", "replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return _scan(text)
    if not isinstance(document, dict):
        return None
    envelope = SalvagedEnvelope(document.get("feeder_id"), document.get("interval_s", 900))
    readings = document.get("readings", document if "meter_id" in document else _MISSING)
    if isinstance(readings, list):
        envelope.records = readings
    elif isinstance(readings, dict):
        _from_object(envelope, readings)
    elif readings is not _MISSING:
        envelope.records = [readings]
    events = document.get("end_device_events", [])
    envelope.device_events = events if isinstance(events, list) else [events]
    if readings is _MISSING and not envelope.device_events:
        return None
    return envelope


def _from_object(envelope: SalvagedEnvelope, readings: dict[str, object]) -> None:
    columns = {name: readings.get(name) for name in COLUMN_NAMES}
    if not any(isinstance(column, list) for column in columns.values()):
        envelope.records = [readings]
        return
    lists = {name: column for name, column in columns.items() if isinstance(column, list)}
    scalars = any(column is not None and not isinstance(column, list) for column in columns.values())
    envelope.unequal = scalars or len({len(column) for column in lists.values()}) > 1
    envelope.records = [
        dict(zip(lists, values, strict=True)) for values in zip_longest(*lists.values(), fillvalue=None)
    ]


_FEEDER = re.compile(r'"feeder_id"\s*:\s*"((?:[^"\\]|\\.){1,64})"')
_INTERVAL = re.compile(r'"interval_s"\s*:\s*(\d{1,9})\b')
_LIST = re.compile(r'"(readings|end_device_events)"\s*:\s*\[')


def _scan(text: str) -> SalvagedEnvelope | None:
    """Find single records in text that is not JSON as a whole."""
    feeder = _FEEDER.search(text)
    lists = list(_LIST.finditer(text))
    if feeder is None or not lists:
        return None
    interval = _INTERVAL.search(text)
    envelope = SalvagedEnvelope(feeder[1], int(interval[1]) if interval else 900)
    ends = [match.start() for match in lists[1:]] + [len(text)]
    for match, end in zip(lists, ends, strict=True):
        found = _records(text[match.end() : end])
        (envelope.records if match[1] == "readings" else envelope.device_events).extend(found)
    return envelope if envelope.records or envelope.device_events else None


LONGEST_RECORD = 512
"""Characters a record may have where its body is broken: what looks at more would let a hostile body cost seconds."""


def _records(text: str) -> list[object]:
    decoder = json.JSONDecoder()
    found: list[object] = []
    place = text.find("{")
    while place >= 0:
        try:
            record, length = decoder.raw_decode(text[place : place + LONGEST_RECORD])
            found.append(record)
            place_after = place + length
        except (ValueError, RecursionError):
            next_place = text.find("{", place + 1)
            place_after = next_place if next_place >= 0 else len(text)
            found.append(Broken(text[place:place_after].rstrip()))
        place = text.find("{", place_after)
    return found
