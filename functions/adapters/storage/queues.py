"""One storage queue, as the Functions host reads and writes it: messages are plain UTF-8 JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from azure.core.exceptions import HttpResponseError, ResourceExistsError
from azure.storage.queue import StorageErrorCode
from azure.storage.queue.aio import QueueClient

from functions.adapters.queued_message import QueuedMessage
from functions.adapters.storage.connection import named_faults, open_client
from functions.ports import Link

AT_ONCE = 16
MOST_TAKEN = 32
"""The service hands out no more at once."""
FOREVER = -1
"""Messages live for a week by default, and would then be gone without a word."""
TAKEN_BY_ANOTHER = (StorageErrorCode.MESSAGE_NOT_FOUND, StorageErrorCode.POP_RECEIPT_MISMATCH)


class StorageQueue:
    """A queue with visibility timeouts. Every method may raise `TransientFault`, or `StoreError` when refused."""

    def __init__(self, link: Link, name: str) -> None:
        self._queue = open_client(QueueClient, link, name)
        self._what = f"the storage queue {name}"

    async def create(self) -> None:
        """Create the queue if it is missing."""
        with named_faults(self._what):
            try:
                await self._queue.create_queue()
            except ResourceExistsError:
                return

    async def put(self, bodies: Sequence[bytes], visible_after_s: int = 0) -> None:
        """Append messages of at most 64 kB. After a fault some of them may be there: putting all again is right."""
        with named_faults(self._what):
            for start in range(0, len(bodies), AT_ONCE):
                sends = (
                    self._queue.send_message(body.decode(), visibility_timeout=visible_after_s, time_to_live=FOREVER)
                    for body in bodies[start : start + AT_ONCE]
                )
                # All are awaited before the first fault is raised, so that none goes on behind the caller's back.
                for outcome in await asyncio.gather(*sends, return_exceptions=True):
                    if isinstance(outcome, BaseException):
                        raise outcome

    async def take(self, hidden_for_s: int, limit: int) -> list[QueuedMessage]:
        """Take up to `limit` messages, at most 32; each is hidden for a while, and comes back unless it is removed."""
        most = min(limit, MOST_TAKEN)
        with named_faults(self._what):
            taken = self._queue.receive_messages(
                messages_per_page=most, max_messages=most, visibility_timeout=hidden_for_s
            )
            return [
                QueuedMessage(each.id, each.content.encode(), each.dequeue_count or 1, each.pop_receipt or "")
                async for each in taken
            ]

    async def remove(self, message: QueuedMessage) -> None:
        """Remove a handled message, unless somebody else has taken it meanwhile: then it is theirs."""
        with named_faults(self._what):
            try:
                await self._queue.delete_message(message.id, message.receipt)
            except HttpResponseError as fault:
                if getattr(fault, "error_code", None) not in TAKEN_BY_ANOTHER:
                    raise

    async def waiting(self) -> int:
        """How many messages there are, hidden ones included; roughly, while others write."""
        with named_faults(self._what):
            return (await self._queue.get_queue_properties()).approximate_message_count or 0

    async def close(self) -> None:
        """Close the connection."""
        await self._queue.close()
