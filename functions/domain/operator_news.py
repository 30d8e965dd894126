"""What the utility's own people are told: voltage out of range, tampering, and that nobody looks after an incident.

It follows from a revision alone, so that the same revision read again says the same under the same key.
"""

from __future__ import annotations

from functions.domain.customers import OPERATORS
from functions.domain.incidents import OVER, Incident, IncidentKind, IncidentState
from functions.domain.notifications import IntentKind, Notification, send_key


def operator_news(revision: Incident, *, tampered: bool) -> list[Notification]:
    """Messages to operators that a revision is worth; `tampered`: one of its members is a sign of tampering.

    An incident is told once when it is certain, and each step of its escalation once. Most revisions repeat a key that
    was told before, which delivery knows.
    """
    if revision.confirmed_at is None or revision.state is IncidentState.false_alarm:
        return []
    kinds = []
    if revision.kind is IncidentKind.voltage:
        kinds.append((IntentKind.voltage_quality, revision.revision))
    if tampered:
        kinds.append((IntentKind.tamper, revision.revision))
    if revision.escalation and revision.state not in OVER:
        kinds.append((IntentKind.escalated, revision.escalation))
    return [_notification(revision, kind, number) for kind, number in kinds]


def _notification(revision: Incident, kind: IntentKind, number: int) -> Notification:
    return Notification(
        key=send_key(revision.incident_id, OPERATORS, kind, number),
        customer_id=OPERATORS,
        incident_id=revision.incident_id,
        kind=kind,
        started_at=revision.started_at,
        restored_at=None,
        created_at=revision.updated_at,
        feeder_id=revision.feeder_id,
        revision=number,
        place=f"{revision.device_kind} {revision.device_id}",
    )
