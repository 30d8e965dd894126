"""Correlation: a feeder's new anomaly records against its board, its context and its clock. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from functions.domain.anomalies import Anomaly, Phase
from functions.domain.context import Suppression, Verdict, assess
from functions.domain.incidents import (
    INCIDENT_OF,
    REMEMBER_HANDLED_S,
    Board,
    Incident,
    IncidentKind,
    IncidentState,
    MemberChunk,
    OpenIncident,
    close_member,
    revise,
    take_in,
)
from functions.domain.notifications import Intent, IntentKind
from functions.domain.work_orders import WorkOrder


@dataclass
class Correlation:
    """What one step changes: the board, and the records to insert with it."""

    board: Board
    chunks: list[MemberChunk] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        """Whether there is anything to commit beyond what is known."""
        return bool(self.incidents or self.suppressions)


def correlate(
    board: Board, anomalies: Sequence[Anomaly], orders: Sequence[WorkOrder], buffer_s: int, now: int
) -> Correlation:
    """Take a feeder's anomaly records into its board (changed in place) and return what to commit.

    A record taken in before changes nothing. Suppressions whose time has passed are released first: what is still
    anomalous is raised then.
    """
    step = Correlation(board)
    touched: dict[str, OpenIncident] = {}
    before = {incident.incident_id: set(incident.members) for incident in board.incidents}
    for anomaly in _released(step, orders, buffer_s, now):
        raised = take_in(board, anomaly)
        touched[raised.incident_id] = raised
    for anomaly in sorted(anomalies, key=lambda record: (record.start, record.phase == Phase.closed, record.id)):
        if anomaly.id in board.handled:
            continue
        board.handled[anomaly.id] = now
        incident = _place(step, anomaly, orders, buffer_s, now)
        if incident is not None:
            touched[incident.incident_id] = incident
    for incident in touched.values():
        joined = [
            member
            for anomaly_id, member in incident.members.items()
            if anomaly_id not in before.get(incident.incident_id, set())
        ]
        revision, chunks = revise(board, incident, joined, now)
        step.incidents.append(revision)
        step.chunks += chunks
        step.intents += _intents(incident, revision, chunks, now)
    board.handled = {record: at for record, at in board.handled.items() if now - at < REMEMBER_HANDLED_S}
    return step


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


def _released(step: Correlation, orders: Sequence[WorkOrder], buffer_s: int, now: int) -> list[Anomaly]:
    """Anomalies that last longer than what explained them; an order that was extended explains them further."""
    released = []
    for ledger, anomaly in [entry for entry in step.board.suppressed.values() if entry[0].until <= now]:
        verdict = assess(anomaly, orders, buffer_s)
        if not verdict.raised and verdict.until > now:
            _suppress(step, anomaly, verdict, now)
            continue
        del step.board.suppressed[anomaly.anomaly_id]
        step.suppressions.append(msgspec.structs.replace(ledger, released_at=now))
        released.append(anomaly)
    return released


def _intents(incident: OpenIncident, revision: Incident, chunks: list[MemberChunk], now: int) -> list[Intent]:
    """What customers are to be told: an outage that lasts, and its end if its beginning was told."""
    if revision.kind is not IncidentKind.outage:
        return []
    if revision.state is IncidentState.open:
        if not chunks:
            return []
        incident.announced = True
        kind, told = IntentKind.outage_seen, tuple(chunk.id for chunk in chunks)
    elif incident.announced:
        kind, told = IntentKind.restored, incident.chunks
    else:
        return []
    return [
        Intent(
            id=f"{revision.id}:{kind}",
            kind=kind,
            incident_id=revision.incident_id,
            revision=revision.revision,
            feeder_id=revision.feeder_id,
            device_kind=revision.device_kind,
            device_id=revision.device_id,
            started_at=revision.started_at,
            restored_at=revision.restored_at,
            chunks=told,
            created_at=now,
        )
    ]
