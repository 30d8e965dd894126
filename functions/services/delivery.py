"""Delivery: one queued notification becomes one message, or none if it was sent before.

A message that a channel refused for certain may be claimed again. One whose sending was interrupted stays claimed;
when it comes again, the channel is asked whether it went out, and it is never sent blindly a second time.
"""

from __future__ import annotations

import msgspec

from functions.domain.errors import NotSent, TransientFault
from functions.domain.notifications import Customer, Delivery, DeliveryState, Notification, render
from functions.ports import Clock, CustomerStore, DeliveryStore, Notifier

SENDING_S = 60
"""A claim this old is not being sent any more: whoever made it has died, or did not hear how it ended."""


class DeliveryService:
    """Claims, sends, records. A crash in between leaves the claim, which the next try clears up."""

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
        if not await self._deliveries.claim(claim) and not await self._take_over(claim):
            return False
        if self._clock.now() - claim.claimed_at > SENDING_S / 2:
            # The store took so long that another process may soon count this claim as abandoned, and send.
            raise TransientFault(f"the claim of a message to customer {claim.customer_id} took too long; it comes back")
        try:
            reference = await self._notifier.send(
                notification, customer or Customer(customer_id=notification.customer_id), claim.body
            )
        except NotSent:
            await self._deliveries.finish(msgspec.structs.replace(claim, state=DeliveryState.failed))
            raise
        await self._sent(claim, reference)
        return True

    async def _take_over(self, claim: Delivery) -> bool:
        """Whether an earlier claim was left by somebody who never sent it, and is ours now."""
        before = await self._deliveries.read(claim.customer_id, claim.key)
        if before is None or before.state is not DeliveryState.claimed:
            return False
        if claim.claimed_at - before.claimed_at < SENDING_S:
            raise NotSent(f"a message to customer {claim.customer_id} may be on its way; ask again in a minute")
        reference = await self._notifier.find(before)
        if reference is None:
            return await self._deliveries.reclaim(before, claim)
        await self._sent(before, reference)
        return False

    async def _sent(self, claim: Delivery, reference: str) -> None:
        sent = msgspec.structs.replace(claim, state=DeliveryState.sent, reference=reference, sent_at=self._clock.now())
        await self._deliveries.finish(sent)
