"""Incidents: the published record of trouble on a device, revision by revision.

An incident is never changed: every revision is a new record with all that is known by then. `docs/incidents.md` is the
public form of these fields.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from functions.domain.interruptions import Interrupted


class IncidentKind(StrEnum):
    """What sort of trouble it is; only an outage is told to customers."""

    outage = "outage"
    communication = "communication"
    voltage = "voltage"
    meter = "meter"


class IncidentState(StrEnum):
    """Where an incident is in its life; the last two are its end."""

    suspected = "suspected"
    confirmed = "confirmed"
    restoring = "restoring"
    """Some are back."""
    restored = "restored"
    """All are back, but it has not lasted yet."""
    closed = "closed"
    false_alarm = "false_alarm"


OVER = frozenset({IncidentState.closed, IncidentState.false_alarm})
OPEN = frozenset(IncidentState) - OVER


class Severity(StrEnum):
    """How urgent it is, the least first."""

    low = "low"
    medium = "medium"
    high = "high"
    critical = "critical"


class Cause(StrEnum):
    """Causes the product finds itself; operators may name any other."""

    unknown = "unknown"
    planned = "planned"
    """Announced work that lasts longer than announced."""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One anomaly of an incident. Times are seconds since the epoch; `end` is None while it lasts."""

    anomaly_id: str
    meter_id: str
    customer_id: str
    transformer_id: str
    kind: str
    start: int
    end: int | None = None


class MemberChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Up to 1,000 members of an incident, written before the records that name them.

    Its id tells its content, so that of two writers at once neither replaces what the other has committed.
    """

    id: str
    feeder_id: str
    incident_id: str
    members: tuple[Member, ...]


CHUNK_MEMBERS = 1_000


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of an incident, as published. Times are seconds since the epoch, UTC."""

    id: str
    incident_id: str
    revision: int
    feeder_id: str
    """Of an incident above the feeders, its partition: `substation:` and the id."""
    kind: IncidentKind
    state: IncidentState
    device_kind: str
    """`DeviceKind`."""
    device_id: str
    started_at: int
    restored_at: int | None
    meters_out: int
    """Meters without power by their own signal, or below the device and without a sign of power."""
    meters_affected: int
    """The most there were."""
    customers_affected: int
    chunks: tuple[str, ...]
    """Ids of the member chunks that belong to it; of one that is over, with the times its members were back."""
    updated_at: int
    confirmed_at: int | None = None
    momentary: bool = False
    """Over within five minutes (IEEE 1366-2012): on record, never announced."""
    severity: Severity = Severity.low
    escalation: int = 0
    """How often it has gone up the ladder because nobody acknowledged it."""
    acknowledged_by: str = ""
    acknowledged_at: int | None = None
    customers_out: int = 0
    critical_customers: int = 0
    """Of those out: life support and hospitals."""
    cause: str = Cause.unknown
    crew_status: str = ""
    utility_estimate: int | None = None
    """When the utility itself expects power back."""
    substation_id: str = ""
    parent_id: str = ""
    """The incident it became part of: one of the device above, or the one it was merged into."""
    nested_in: str = ""
    """The incident whose restoration left it over."""
    children: tuple[str, ...] = ()
    """Incidents of the feeders below, for an incident above them."""
    restoration_estimate: int | None = None
    restoration_quantiles: tuple[float, ...] = ()
    counted: bool = True
    """Whether sums over incidents take it in: not one above the feeders, whose customers its children count, nor one
    that became part of another, was explained after all, or was a false alarm."""
    verdict: str = ""
    """An operator's, if there is one."""
    interrupted: Interrupted | None = None
    """What an outage cost its customers, from their own times, once it has ended: the reliability indices' log."""


def chunk(feeder_id: str, incident_id: str, label: str, members: Sequence[Member]) -> list[MemberChunk]:
    """Members cut into chunks."""
    chunks = []
    for first in range(0, len(members), CHUNK_MEMBERS):
        some = tuple(members[first : first + CHUNK_MEMBERS])
        digest = hashlib.blake2b(msgspec.json.encode(some), digest_size=6).hexdigest()
        name = f"{incident_id}:{label}:{digest}"
        chunks.append(MemberChunk(id=name, feeder_id=feeder_id, incident_id=incident_id, members=some))
    return chunks
