"""Delivery: one queued notification becomes one message, or none if it was sent before.

A message that a channel refused for certain may be claimed again. One whose sending was interrupted stays claimed:
nobody knows whether it went out, so it is left to people, and never sent blindly a second time.
"""

from __future__ import annotations

import msgspec

from functions.domain.errors import NotSent
from functions.domain.notifications import Customer, Delivery, DeliveryState, Notification, render
from functions.ports import Clock, CustomerStore, DeliveryStore, Notifier


class DeliveryService:
    """Claims, sends, records. A crash in between leaves the claim: known, and never sent blindly again."""

    def __init__(self, deliveries: DeliveryStore, customers: CustomerStore, notifier: Notifier, clock: Clock) -> None:
        self._deliveries = deliveries
        self._customers = customers
        self._notifier = notifier
        self._clock = clock

    async def deliver(self, notification: Notification) -> bool:
        """Send one notification; False when its key was claimed before. Raises `NotSent` when it may be tried again."""
        # Everything that can fail harmlessly comes before the claim.
        customer = await self._customers.read(notification.customer_id)
        claim = Delivery(
            key=notification.key,
            customer_id=notification.customer_id,
            incident_id=notification.incident_id,
            kind=notification.kind,
            channel=self._notifier.name,
            state=DeliveryState.claimed,
            body=render(notification),
            claimed_at=self._clock.now(),
        )
        if not await self._deliveries.claim(claim):
            return False
        try:
            reference = await self._notifier.send(
                notification, customer or Customer(customer_id=notification.customer_id), claim.body
            )
        except NotSent:
            await self._deliveries.finish(msgspec.structs.replace(claim, state=DeliveryState.failed))
            raise
        sent = msgspec.structs.replace(claim, state=DeliveryState.sent, reference=reference, sent_at=self._clock.now())
        await self._deliveries.finish(sent)
        return True
