"""Refused records: a letter's records put together again to events, as they could have come in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from functions.domain.outcomes import Reason, Refusal

FAULTS_OF_THE_EVENT = (Reason.unequal_columns.name, Reason.bad_interval.name)
"""A record refused for these looks sound by itself, but its values may be another meter's, or of another interval."""


@dataclass
class RefusedRecords:
    """Events to be scored again, and the refusals that cannot be: cut, never an object, or at fault as a whole."""

    bodies: list[bytes] = field(default_factory=list)
    rest: list[Refusal] = field(default_factory=list)

    @classmethod
    def of(cls, refusals: Sequence[Refusal]) -> RefusedRecords:
        """Put records of one feeder and one interval into one event; a record says the `interval_s` it came with."""
        found = cls()
        envelopes: dict[tuple[str, str], dict[str, object]] = {}
        for refusal in refusals:
            record = _record(refusal.record)
            if record is None or refusal.reason in FAULTS_OF_THE_EVENT:
                found.rest.append(refusal)
                continue
            interval = {"interval_s": record.pop("interval_s")} if "interval_s" in record else {}
            key = (refusal.feeder_id, json.dumps(interval))
            envelope = envelopes.setdefault(key, {"feeder_id": refusal.feeder_id, **interval, "readings": []})
            part = envelope.setdefault("end_device_events" if "code" in record else "readings", [])
            assert isinstance(part, list)
            part.append(record)
        found.bodies = [json.dumps(envelope).encode() for envelope in envelopes.values()]
        return found


def _record(text: str) -> dict[str, object] | None:
    """A record that is complete; `NaN`, which meters send and JSON does not know, stays what it was."""
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) else None
