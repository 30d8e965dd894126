"""Dispatch: queued messages go to delivery, and what cannot be delivered to the dead letters."""

from __future__ import annotations

import base64
import hashlib

import msgspec

from functions.domain.errors import TransientFault
from functions.domain.notifications import Notification
from functions.ports import DeadLetters
from functions.services.delivery import DeliveryService

NOTIFICATIONS = "notifications"
"""Origin of these letters."""
TRIES = 5
GIVEN_UP = "the host gave up on it: the process died each time it was tried"


class DispatchService:
    """Takes queued messages as they come, whatever they are."""

    def __init__(self, delivery: DeliveryService, letters: DeadLetters) -> None:
        self._delivery = delivery
        self._letters = letters

    async def dispatch(self, message: bytes, tries: int) -> None:
        """Deliver a queued message; what fails for the fifth time is buried. Raises when it is to be tried again.

        While a store is out of reach that is however often: `TransientFault` counts as no try.
        """
        try:
            await self._delivery.deliver(msgspec.json.decode(message, type=Notification))
        except TransientFault:
            raise
        except Exception as fault:
            if tries < TRIES:
                raise
            await self.bury(message, f"{type(fault).__name__}: {fault}")

    async def bury(self, message: bytes, reason: str = GIVEN_UP) -> None:
        """Keep one message under the key of its notification; one that is none, under a digest, as it came."""
        digest = hashlib.blake2b(message, digest_size=8).hexdigest()
        try:
            document = msgspec.json.decode(message, type=dict[str, object])
        except (msgspec.DecodeError, UnicodeDecodeError):
            document = {"message": base64.b64encode(message).decode()}
        await self._letters.keep_document(NOTIFICATIONS, {**document, "id": document.get("key") or digest}, reason)
