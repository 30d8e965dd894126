"""Fan-out: an intent (tell everybody concerned) becomes one message a customer."""

from __future__ import annotations

from collections.abc import Sequence

from functions.domain.notifications import Intent, Notification, send_key
from functions.ports import IncidentStore


class FanOutService:
    """Expands intents to customers; delivery makes sure that a repeated message is sent once."""

    def __init__(self, incidents: IncidentStore, *, channel: str) -> None:
        self._incidents = incidents
        self._channel = channel

    async def expand(self, intents: Sequence[Intent]) -> list[Notification]:
        """One notification for every customer with a meter in the intent's chunks."""
        notifications = []
        for intent in intents:
            chunks = await self._incidents.chunks(intent.feeder_id, intent.chunks)
            customers = {member.customer_id for chunk in chunks for member in chunk.members}
            notifications += [self._notification(intent, customer) for customer in sorted(customers)]
        return notifications

    def _notification(self, intent: Intent, customer_id: str) -> Notification:
        return Notification(
            key=send_key(intent.incident_id, customer_id, intent.kind, self._channel),
            customer_id=customer_id,
            incident_id=intent.incident_id,
            kind=intent.kind,
            channel=self._channel,
            started_at=intent.started_at,
            restored_at=intent.restored_at,
            created_at=intent.created_at,
        )
