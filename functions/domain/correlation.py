"""Correlation: a feeder's new anomaly records against its board, its context and its clock. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from functions.domain.anomalies import Anomaly, Phase
from functions.domain.context import Suppression, Verdict, assess
from functions.domain.incidents import (
    INCIDENT_OF,
    RELEASE_LAG_S,
    REMEMBER_HANDLED_S,
    Board,
    Incident,
    IncidentKind,
    Member,
    MemberChunk,
    OpenIncident,
    chunk,
    close_member,
    revise,
    take_in,
)
from functions.domain.notifications import Intent, IntentKind
from functions.domain.work_orders import WorkOrder

MOST_OPERATIONS = 100
"""Documents that one transactional batch of Cosmos DB takes."""
LEDGER_LINES = 1_000
"""Suppressions that are kept as one document."""


@dataclass
class Correlation:
    """What one step changes: the board, and the records to insert with it."""

    board: Board
    chunks: list[MemberChunk] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)

    @property
    def operations(self) -> int:
        """Documents to commit at once: the board, two an incident, one an intent, and the ledger's."""
        ledger = -(-len(self.suppressions) // LEDGER_LINES)
        return 1 + 2 * len(self.incidents) + len(self.intents) + ledger


def correlate(
    board: Board,
    anomalies: Sequence[Anomaly],
    orders: Sequence[WorkOrder],
    buffer_s: int,
    now: int,
    releases: int | None = None,
) -> Correlation:
    """Take a feeder's anomaly records into its board (changed in place) and return what to commit.

    A record taken in before changes nothing. Suppressions whose time has passed, and whose end the readings
    have had time to tell, are released first: what is still anomalous is raised then. At most `releases` of them.
    """
    step = Correlation(board)
    touched: dict[str, OpenIncident] = {}
    noticed: dict[str, int] = {}
    before = {incident.incident_id: dict(incident.members) for incident in board.incidents}
    for anomaly in _released(step, orders, buffer_s, now, releases):
        raised = take_in(board, anomaly)
        touched[raised.incident_id] = raised
    for anomaly in sorted(anomalies, key=order_of):
        if anomaly.id in board.handled:
            continue
        board.handled[anomaly.id] = now
        incident = _place(step, anomaly, orders, buffer_s, now)
        if incident is not None:
            touched[incident.incident_id] = incident
            noticed[incident.incident_id] = min(noticed.get(incident.incident_id, now), anomaly.raised_at)
    for incident in touched.values():
        _publish(step, incident, before.get(incident.incident_id, {}), noticed.get(incident.incident_id), now)
    board.handled = {record: at for record, at in board.handled.items() if now - at < REMEMBER_HANDLED_S}
    return step


def order_of(record: Anomaly) -> tuple[int, bool, str]:
    """The order in which records are taken in: by start, an opening before its end."""
    return record.start, record.phase == Phase.closed, record.id


def _place(
    step: Correlation, anomaly: Anomaly, orders: Sequence[WorkOrder], buffer_s: int, now: int
) -> OpenIncident | None:
    board = step.board
    if anomaly.phase == Phase.closed:
        board.suppressed.pop(anomaly.anomaly_id, None)
        return close_member(board, anomaly)
    over = f"{anomaly.anomaly_id}:{Phase.closed}" in board.handled  # its end came first: nothing is open any more
    if over or (anomaly.provisional and INCIDENT_OF[anomaly.kind] is IncidentKind.outage):
        return None
    verdict = assess(anomaly, orders, buffer_s)
    if verdict.raised:
        return take_in(board, anomaly)
    _suppress(step, anomaly, verdict, now)
    return None


def _suppress(step: Correlation, anomaly: Anomaly, verdict: Verdict, now: int) -> None:
    ledger = Suppression(
        anomaly_id=anomaly.anomaly_id,
        meter_id=anomaly.meter_id,
        feeder_id=anomaly.feeder_id,
        reason=verdict.reason,
        source_id=verdict.source_id or "",
        start=anomaly.start,
        until=verdict.until,
        suppressed_at=now,
    )
    step.board.suppressed[anomaly.anomaly_id] = (ledger, anomaly)
    step.suppressions.append(ledger)


def _released(
    step: Correlation, orders: Sequence[WorkOrder], buffer_s: int, now: int, most: int | None
) -> list[Anomaly]:
    """Anomalies that last longer than what explained them; an order that was extended explains them further."""
    released = []
    over = [entry for entry in step.board.suppressed.values() if entry[0].until + RELEASE_LAG_S <= now]
    for ledger, anomaly in over[:most]:
        verdict = assess(anomaly, orders, buffer_s)
        if not verdict.raised and verdict.until > now:
            _suppress(step, anomaly, verdict, now)
            continue
        del step.board.suppressed[anomaly.anomaly_id]
        step.suppressions.append(msgspec.structs.replace(ledger, released_at=now))
        released.append(anomaly)
    return released


def _publish(
    step: Correlation, incident: OpenIncident, before: dict[str, Member], noticed_at: int | None, now: int
) -> None:
    """Add the next revision of a touched incident, and what its customers are to be told."""
    members = incident.members
    joined = [member for anomaly_id, member in members.items() if anomaly_id not in before]
    chunks = chunk(step.board.feeder_id, incident.incident_id, "joined", joined)
    revision = revise(step.board, incident, chunks, now)
    step.incidents.append(revision)
    step.chunks += chunks
    if incident.kind is not IncidentKind.outage:
        return
    dark = {member.customer_id for member in members.values() if member.end is None}
    told = {member.customer_id for member in before.values()}
    ended = {
        member.customer_id
        for anomaly_id, member in members.items()
        if member.end is not None and anomaly_id in before and before[anomaly_id].end is None
    }
    # Whoever joined and ended in one step was never told of an outage, and hears nothing of its end.
    back = [member for member in members.values() if member.customer_id in (ended & told) - dark]
    out = [member for member in joined if member.end is None]
    if len(out) < len(joined):
        chunks = chunk(revision.feeder_id, incident.incident_id, "outage_seen", out)
    chunks_back = chunk(revision.feeder_id, incident.incident_id, "restored", back)
    _tell(step, revision, IntentKind.outage_seen, chunks, noticed_at, now)
    _tell(step, revision, IntentKind.restored, chunks_back, noticed_at, now)


def _tell(
    step: Correlation,
    revision: Incident,
    kind: IntentKind,
    chunks: list[MemberChunk],
    noticed_at: int | None,
    now: int,
) -> None:
    if not chunks:
        return
    known = {each.id for each in step.chunks}
    step.chunks += [each for each in chunks if each.id not in known]
    step.intents.append(
        Intent(
            id=f"{revision.id}:{kind}",
            kind=kind,
            incident_id=revision.incident_id,
            revision=revision.revision,
            feeder_id=revision.feeder_id,
            chunks=tuple(each.id for each in chunks),
            created_at=now,
            noticed_at=noticed_at,
        )
    )
