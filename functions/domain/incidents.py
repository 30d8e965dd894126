"""Incidents: what is left after context, grouped into things an operator can act on.

Anomalies of one sort on one feeder within half an hour are one incident, placed on the deepest device that all of them
share. An incident closes when the readings of all its members are back to normal. Every revision is a new record; the
feeder's *board* holds the incidents that are open and is the only thing that changes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum

import msgspec

from functions.domain.anomalies import Anomaly, Kind
from functions.domain.context import Suppression

SAME_INCIDENT_S = 30 * 60
RELEASE_LAG_S = 30 * 60
"""What was explained until now is known to last only when the readings after it have come: one of a quarter of an hour
covers fifteen minutes and arrives at their end."""
REMEMBER_HANDLED_S = 8 * 86_400
"""A record may be delivered again for as long as Event Hubs keeps events (seven days); remember a day longer."""


class IncidentKind(StrEnum):
    """What sort of trouble it is; only an outage is told to customers."""

    outage = "outage"
    communication = "communication"
    voltage = "voltage"
    meter = "meter"


INCIDENT_OF = {
    Kind.power_off.name: IncidentKind.outage,
    Kind.no_reads.name: IncidentKind.communication,
    Kind.sag.name: IncidentKind.voltage,
    Kind.swell.name: IncidentKind.voltage,
    Kind.stuck.name: IncidentKind.meter,
    Kind.unusual.name: IncidentKind.meter,
    Kind.tamper.name: IncidentKind.meter,
}


class IncidentState(StrEnum):
    """Open while a member is abnormal."""

    open = "open"
    closed = "closed"


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """One anomaly of an incident. Times are seconds since the epoch; `end` is None while it lasts."""

    anomaly_id: str
    meter_id: str
    customer_id: str
    transformer_id: str
    kind: str
    start: int
    end: int | None = None


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One revision of an incident, as published."""

    id: str
    incident_id: str
    revision: int
    feeder_id: str
    kind: IncidentKind
    state: IncidentState
    device_kind: str
    """meter, transformer or feeder."""
    device_id: str
    started_at: int
    restored_at: int | None
    meters_out: int
    meters_affected: int
    customers_affected: int
    chunks: tuple[str, ...]
    """Ids of the member chunks that belong to it so far."""
    updated_at: int


class MemberChunk(msgspec.Struct, frozen=True, kw_only=True):
    """Up to 1,000 members of an incident, written before the records that name them.

    Its id tells its content, so that of two writers at once neither replaces what the other has committed.
    """

    id: str
    feeder_id: str
    incident_id: str
    members: tuple[Member, ...]


CHUNK_MEMBERS = 1_000


class OpenIncident(msgspec.Struct, kw_only=True):
    """An open incident on the board, with its members by anomaly id."""

    incident_id: str
    kind: IncidentKind
    started_at: int
    revision: int
    chunks: tuple[str, ...]
    members: dict[str, Member]


class Board(msgspec.Struct, kw_only=True):
    """What is open on one feeder: the one changing document of its partition, replaced with If-Match."""

    feeder_id: str
    incidents: list[OpenIncident] = []
    suppressed: dict[str, tuple[Suppression, Anomaly]] = {}
    """Anomalies that are explained for now, by anomaly id."""
    handled: dict[str, int] = {}
    """Anomaly records already taken in, by id, with their time."""
    etag: str | None = None

    @property
    def release_at(self) -> int | None:
        """When the first suppression is to be looked at again, seconds since the epoch; None when none is pending."""
        return min((ledger.until + RELEASE_LAG_S for ledger, _ in self.suppressed.values()), default=None)


def take_in(board: Board, anomaly: Anomaly) -> OpenIncident:
    """Add a raised anomaly to the incident it belongs to, or to a new one; `board` is changed in place."""
    incident = _matching(board, anomaly)
    if incident is None:
        incident = OpenIncident(
            incident_id=f"inc:{anomaly.anomaly_id}",
            kind=INCIDENT_OF[anomaly.kind],
            started_at=anomaly.start,
            revision=0,
            chunks=(),
            members={},
        )
        board.incidents.append(incident)
    incident.started_at = min(incident.started_at, anomaly.start)
    incident.members[anomaly.anomaly_id] = Member(
        anomaly_id=anomaly.anomaly_id,
        meter_id=anomaly.meter_id,
        customer_id=anomaly.customer_id,
        transformer_id=anomaly.transformer_id,
        kind=anomaly.kind,
        start=anomaly.start,
    )
    return incident


def close_member(board: Board, anomaly: Anomaly) -> OpenIncident | None:
    """Note that an anomaly has ended; returns its incident, or None when it belongs to none that is open."""
    for incident in board.incidents:
        member = incident.members.get(anomaly.anomaly_id)
        if member is not None:
            incident.members[anomaly.anomaly_id] = msgspec.structs.replace(member, end=anomaly.end)
            return incident
    return None


def _matching(board: Board, anomaly: Anomaly) -> OpenIncident | None:
    kind = INCIDENT_OF[anomaly.kind]
    near = [incident for incident in board.incidents if abs(anomaly.start - incident.started_at) <= SAME_INCIDENT_S]
    if anomaly.kind == Kind.no_reads.name:
        # Silence beside known darkness is the same outage; silence alone may be the communication network.
        dark = [incident for incident in near if incident.kind is IncidentKind.outage and _spans(incident, anomaly)]
        if dark:
            return dark[0]
    if kind is IncidentKind.meter:
        near = [incident for incident in near if _spans(incident, anomaly)]
    return next((incident for incident in near if incident.kind is kind), None)


def _spans(incident: OpenIncident, anomaly: Anomaly) -> bool:
    """Whether the incident's device covers the anomaly's meter."""
    transformers = {member.transformer_id for member in incident.members.values()}
    if incident.kind is IncidentKind.meter:
        meters = {member.meter_id for member in incident.members.values()}
        return anomaly.meter_id in meters or bool(anomaly.transformer_id and anomaly.transformer_id in transformers)
    return len(transformers) > 1 or anomaly.transformer_id in transformers


def device(feeder_id: str, members: list[Member]) -> tuple[str, str]:
    """Kind and id of the deepest device that all members share.

    >>> at = lambda meter, transformer: Member(
    ...     anomaly_id=meter, meter_id=meter, customer_id="", transformer_id=transformer, kind="power_off", start=0)
    >>> device("F", [at("M1", "T1"), at("M2", "T1")]), device("F", [at("M1", "T1"), at("M2", "T2")])
    (('transformer', 'T1'), ('feeder', 'F'))
    """
    meters = {member.meter_id for member in members}
    if len(meters) == 1:
        return "meter", meters.pop()
    transformers = {member.transformer_id for member in members}
    if len(transformers) == 1 and transformers != {""}:
        return "transformer", transformers.pop()
    return "feeder", feeder_id


def chunk(feeder_id: str, incident_id: str, label: str, members: Sequence[Member]) -> list[MemberChunk]:
    """Members cut into chunks."""
    chunks = []
    for first in range(0, len(members), CHUNK_MEMBERS):
        some = tuple(members[first : first + CHUNK_MEMBERS])
        digest = hashlib.blake2b(msgspec.json.encode(some), digest_size=6).hexdigest()
        name = f"{incident_id}:{label}:{digest}"
        chunks.append(MemberChunk(id=name, feeder_id=feeder_id, incident_id=incident_id, members=some))
    return chunks


def revise(board: Board, incident: OpenIncident, joined: Sequence[MemberChunk], now: int) -> Incident:
    """Next revision of a touched incident, with the chunks of those who joined; a closed one leaves the board."""
    incident.revision += 1
    incident.chunks += tuple(each.id for each in joined)
    members = list(incident.members.values())
    out = {member.meter_id for member in members if member.end is None}
    closed = not out
    if closed:
        board.incidents.remove(incident)
    device_kind, device_id = device(board.feeder_id, members)
    return Incident(
        id=f"{incident.incident_id}:r{incident.revision}",
        incident_id=incident.incident_id,
        revision=incident.revision,
        feeder_id=board.feeder_id,
        kind=incident.kind,
        state=IncidentState.closed if closed else IncidentState.open,
        device_kind=device_kind,
        device_id=device_id,
        started_at=incident.started_at,
        restored_at=max((member.end or 0 for member in members), default=now) if closed else None,
        meters_out=len(out),
        meters_affected=len({member.meter_id for member in members}),
        customers_affected=len({member.customer_id for member in members}),
        chunks=incident.chunks,
        updated_at=now,
    )
