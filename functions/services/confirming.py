"""Confirming: of messages that a provider took and has not spoken of since, it is asked what became of them.

Reports may be lost, and a deployment may have no address for them. Asking goes on at ever longer intervals for a day;
then the message stays `sent`, and its reason says that nobody knows more.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

import msgspec

from functions.domain.errors import NotSent, Unknown
from functions.domain.notifications import Delivery, DeliveryState
from functions.domain.status_reports import ASK_AFTER_S, GIVE_UP_S, NOBODY_SAYS
from functions.ports import Clock, DeliveryStore, Notifier, Traceable
from functions.services.status import StatusService

log = logging.getLogger("metersentry.messages")

MOST_A_RUN = 500
"""Questions a minute: 20,000 messages whose reports were lost take 40 minutes, and sending is not held up."""
AT_ONCE = 32


class ConfirmService:
    """Runs every minute; several at once ask twice at most, which changes nothing."""

    def __init__(
        self, deliveries: DeliveryStore, status: StatusService, notifiers: Mapping[str, Notifier], clock: Clock
    ) -> None:
        self._deliveries = deliveries
        self._status = status
        self._notifiers = notifiers
        self._clock = clock

    async def confirm(self) -> int:
        """Ask about what is due; returns of how many messages the end is known now. Stops when nobody answers."""
        due = await self._deliveries.unconfirmed(self._clock.now(), MOST_A_RUN)
        ended = 0
        for first in range(0, len(due), AT_ONCE):
            answers = await asyncio.gather(*map(self._one, due[first : first + AT_ONCE]))
            ended += sum(answer is True for answer in answers)
            if all(answer is None for answer in answers):
                break
        return ended

    async def _one(self, record: Delivery) -> bool | None:
        """Whether the end of one message is known now; None when the provider could not be asked."""
        try:
            return await self._ask(record)
        except Exception:
            log.exception("a message to customer %s cannot be asked about; it is tried again", record.customer_id)
            return None

    async def _ask(self, record: Delivery) -> bool | None:
        notifier = self._notifiers.get(record.channel)
        try:
            if not isinstance(notifier, Traceable):
                raise NotSent(f"the channel {record.channel} is not set up any more; set it up, to be asked")  # noqa: TRY301
            said = await notifier.status(record)
        except (NotSent, Unknown) as fault:
            gone = isinstance(fault, NotSent) and fault.permanent
            await self._again(record, str(fault) if gone else "")
            return gone or None
        known = await self._status.take_answer(record, said) or record
        if known.state is not DeliveryState.sent:
            return True
        await self._again(known, "")
        return False

    async def _again(self, record: Delivery, end: str) -> None:
        """Ask again when the message is twice as old; never, when there is an end to it or it is a day old."""
        sent_at, now = record.sent_at or record.claimed_at, self._clock.now()
        age = now - sent_at
        if age >= GIVE_UP_S:
            end = end or NOBODY_SAYS
        not_before = 0 if end else min(now + max(age, ASK_AFTER_S), sent_at + GIVE_UP_S)
        after = msgspec.structs.replace(record, not_before=not_before, reason=end or record.reason)
        await self._deliveries.replace(record, after)
