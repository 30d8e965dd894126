"""Fan-out: an intent (tell everybody concerned) becomes one message a customer; revisions go to the utility's OMS.

Revisions are also what the utility's own people are told of, and those of feeders make those of the substations above,
which come back through the same change feed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from functions.domain.anomalies import Kind
from functions.domain.incidents import Incident, IncidentKind, Member
from functions.domain.notifications import Intent, Notification, send_key
from functions.domain.operator_news import operator_news
from functions.ports import CustomerStore, DeadLetters, IncidentStore
from functions.services.isolation import isolate
from functions.services.parents import ParentService


@dataclass
class FanOut:
    """What leaves: messages for the queue, and incident revisions for the hub."""

    notifications: list[Notification] = field(default_factory=list)
    revisions: list[Incident] = field(default_factory=list)


class FanOutService:
    """Expands intents to customers; delivery makes sure that a repeated message is sent once."""

    def __init__(
        self,
        incidents: IncidentStore,
        customers: CustomerStore,
        letters: DeadLetters,
        *,
        parents: ParentService | None = None,
    ) -> None:
        self._incidents = incidents
        self._customers = customers
        self._letters = letters
        self._parents = parents

    async def expand(self, documents: Sequence[Mapping[str, object]]) -> FanOut:
        """Take records of the incident container, as the change feed brings them; other types are passed over.

        Safe to repeat. A record that cannot be expanded goes to the dead letters alone.
        """
        out = FanOut()

        async def handle(some: Sequence[Mapping[str, object]]) -> None:
            revisions = [msgspec.convert(dict(each), Incident) for each in some if each.get("type") == "incident"]
            intents = [msgspec.convert(dict(each), Intent) for each in some if each.get("type") == "intent"]
            notifications = [each for intent in intents for each in await self._notifications(intent)]
            for revision in revisions:
                notifications += operator_news(revision, tampered=await self._tampered(revision))
            if self._parents is not None:
                await self._parents.follow(revisions)
            out.revisions += revisions
            out.notifications += notifications

        async def bury(document: Mapping[str, object], fault: Exception) -> None:
            await self._letters.keep_document("incidents", document, f"{type(fault).__name__}: {fault}")

        await isolate(documents, handle, bury)
        return out

    async def _tampered(self, revision: Incident) -> bool:
        if revision.kind is not IncidentKind.meter:
            return False
        chunks = await self._incidents.chunks(revision.feeder_id, revision.chunks)
        return any(member.kind == Kind.tamper.name for each in chunks for member in each.members)

    async def _notifications(self, intent: Intent) -> list[Notification]:
        """One notification for every customer with a meter in the intent's chunks, those of critical ones first.

        A customer with several meters in an incident hears of it once. One with meters in several incidents hears of
        each: every incident has an end and a reference of its own.
        """
        by_customer: dict[str, list[Member]] = {}
        for chunk in await self._incidents.chunks(intent.feeder_id, intent.chunks):
            for member in chunk.members:
                by_customer.setdefault(member.customer_id, []).append(member)
        known = await self._customers.read_many(by_customer)
        critical = {customer_id for customer_id, customer in known.items() if customer.critical}
        in_order = sorted(by_customer, key=lambda customer_id: (customer_id not in critical, customer_id))
        return [_told(intent, customer_id, by_customer[customer_id]) for customer_id in in_order]


def _told(intent: Intent, customer_id: str, members: Sequence[Member]) -> Notification:
    ends = [member.end for member in members if member.end is not None]
    # An end has the precision of a slot; nobody is told a time that is still to come.
    restored_at = min(max(ends), intent.created_at) if ends else None
    return _notification(intent, customer_id, min(member.start for member in members), restored_at)


def _notification(intent: Intent, customer_id: str, started_at: int, restored_at: int | None) -> Notification:
    return Notification(
        key=send_key(intent.incident_id, customer_id, intent.kind, intent.revision),
        customer_id=customer_id,
        incident_id=intent.incident_id,
        kind=intent.kind,
        started_at=started_at,
        restored_at=restored_at,
        created_at=intent.created_at,
        feeder_id=intent.feeder_id,
        revision=intent.revision,
        cause=intent.cause,
        estimate=intent.estimate,
        work_start=intent.work_start,
        work_end=intent.work_end,
        noticed_at=intent.noticed_at,
    )
