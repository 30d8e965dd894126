"""Revisions of incidents, for tests that only look at them."""

from __future__ import annotations

import msgspec

from functions.domain.incidents import Incident, IncidentKind, IncidentState

OPEN_STATE = next(iter(IncidentState)).value


def incident(name: str = "A", revision: int = 1, **fields: object) -> Incident:
    """A revision of an outage at transformer T1 of feeder F with four customers out, where nothing else is said."""
    record: dict[str, object] = {
        "id": f"inc:{name}:r{revision}",
        "incident_id": f"inc:{name}",
        "revision": revision,
        "feeder_id": "F",
        "kind": IncidentKind.outage.value,
        "state": OPEN_STATE,
        "device_kind": "transformer",
        "device_id": "T1",
        "started_at": 900,
        "restored_at": None,
        "customers_out": 4,
        "customers_affected": 4,
        "meters_out": 4,
        "meters_affected": 4,
        "chunks": (),
        "updated_at": 1_000,
    }
    return msgspec.convert({**record, **fields}, Incident)
