"""What the services need of the outside world. Adapters implement these; one contract suite tests them all.

Every method may raise `TransientFault`, after which the same call may be made again.
"""

from __future__ import annotations

from typing import NamedTuple

from functions.ports.grid import (
    AnnouncementStore,
    AnomalyStore,
    ContextStore,
    ExpectationStore,
    IncidentStore,
    PackStore,
    RosterStore,
)
from functions.ports.messages import (
    CustomerStore,
    DeliveryStore,
    Notifier,
    NumberingPlans,
    ReportsOfOutage,
    Traceable,
    Webhooks,
)
from functions.ports.records import AuditStore, DeadLetters, LetterSource, ReportStore
from functions.ports.running import Clock, Link, ScoreBatch, ScoreSink, Telemetry

__all__ = [
    "AnnouncementStore",
    "AnomalyStore",
    "AuditStore",
    "Clock",
    "ContextStore",
    "CustomerStore",
    "DeadLetters",
    "DeliveryStore",
    "ExpectationStore",
    "IncidentStore",
    "LetterSource",
    "Link",
    "Notifier",
    "NumberingPlans",
    "PackStore",
    "ReportStore",
    "ReportsOfOutage",
    "RosterStore",
    "ScoreBatch",
    "ScoreSink",
    "Stores",
    "Telemetry",
    "Traceable",
    "Webhooks",
]


class Stores(NamedTuple):
    """The stores of one deployment."""

    packs: PackStore
    rosters: RosterStore
    anomalies: AnomalyStore
    incidents: IncidentStore
    announcements: AnnouncementStore
    context: ContextStore
    customers: CustomerStore
    deliveries: DeliveryStore
    letters: DeadLetters
    reports: ReportStore
    audit: AuditStore
    expectations: ExpectationStore
