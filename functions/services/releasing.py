"""Releasing: what waits in the store is taken up again when it is due, critical customers first.

Held messages are looked at anew. Of a claim that nobody finished, and of a message that may or may not have gone out,
the channel is asked first; it is never sent again on a guess.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from functions.domain.errors import NotSent, Unknown
from functions.domain.message_report import MessageReport
from functions.domain.notifications import Delivery, DeliveryState
from functions.ports import Clock, DeliveryStore, Notifier, Telemetry
from functions.services.allowance import Allowance
from functions.services.delivery import DeliveryService

log = logging.getLogger("metersentry.messages")

PAGE = 500
AT_ONCE = 32
MOST_A_RUN = 10_000
LOOK_AGAIN_S = 60
LONGEST_BETWEEN_LOOKS_S = 15 * 60
SURE_AFTER_S = 120
"""A provider's list may lag behind: what it does not have this long after the claim, it was never given."""
LONG_UNKNOWN_S = 15 * 60
"""From then on, operators are told."""
MOST_UNKNOWN = 1_000


@dataclass
class Released:
    """What one run did."""

    handled: int = 0
    waiting: int = 0
    """Messages that are due and could not leave: the backlog."""
    unknown: int = 0
    """Messages that nobody has known of for a quarter of an hour."""


class ReleaseService:
    """Runs every minute; several at once get in nobody's way, for every record is changed by one only."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        delivery: DeliveryService,
        notifiers: Mapping[str, Notifier],
        allowance: Allowance,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._deliveries = deliveries
        self._delivery = delivery
        self._notifiers = notifiers
        self._allowance = allowance
        self._telemetry = telemetry
        self._clock = clock

    async def release(self) -> Released:
        """Do what is due by now. A record that cannot be handled is logged and does not hold up the others."""
        done = Released()
        for critical in (True, False):
            await self._release(done, critical=critical)
        now = self._clock.now()
        done.waiting = await self._deliveries.waiting(now)
        if done.waiting:
            await self._allowance.line_up()
        done.unknown = len(await self.long_unknown())
        self._telemetry.messages(MessageReport(waiting=done.waiting, unknown=done.unknown))
        return done

    async def long_unknown(self) -> list[Delivery]:
        """Messages that nobody has known of for a quarter of an hour, for operators to look into."""
        before = self._clock.now() - LONG_UNKNOWN_S
        found = await self._deliveries.in_state(DeliveryState.unknown, MOST_UNKNOWN)
        return [each for each in found if each.claimed_at <= before]

    async def _release(self, done: Released, *, critical: bool) -> None:
        """Page by page, until nothing moves any more: then what is left has to wait."""
        seen: set[str] = set()
        while done.handled < MOST_A_RUN:
            due = await self._deliveries.due(self._clock.now(), critical=critical, limit=PAGE)
            new = [each for each in due if each.key not in seen]
            if not new:
                return
            seen.update(each.key for each in new)
            if not await self._each(new, done):
                return

    async def _each(self, due: Sequence[Delivery], done: Released) -> bool:
        """Take up some records, in their order; False when the allowance is spent."""
        moved = True
        for first in range(0, len(due), AT_ONCE):
            states = await asyncio.gather(*map(self._one, due[first : first + AT_ONCE]))
            done.handled += sum(state is not None for state in states)
            moved = any(state is not None for state in states)
            if not moved:
                break
        return moved

    async def _one(self, record: Delivery) -> DeliveryState | None:
        try:
            if record.state is DeliveryState.held:
                return await self._delivery.resume(record)
            return await self._reconcile(record)
        except Exception:
            log.exception("a message to customer %s cannot be released; it is tried again", record.customer_id)
            return record.state

    async def _reconcile(self, record: Delivery) -> DeliveryState | None:
        """Ask the channel about a message that may have gone out."""
        now = self._clock.now()
        age = now - record.claimed_at
        notifier = self._notifiers.get(record.channel)
        try:
            if notifier is None:
                raise NotSent(f"the channel {record.channel} is not set up any more; set it up, to be asked")  # noqa: TRY301
            reference = await notifier.find(record)
        except (NotSent, Unknown) as fault:
            return await self._look_again(record, str(fault), min(max(age, LOOK_AGAIN_S), LONGEST_BETWEEN_LOOKS_S))
        if reference is not None:
            return (await self._delivery.taken(record, reference)).state
        if age < SURE_AFTER_S:
            return await self._look_again(record, f"{record.channel} does not have it yet", SURE_AFTER_S - age)
        if record.notification is None:
            await self._delivery.change(record, DeliveryState.failed, "it never went out, and is not known any more")
            return DeliveryState.failed
        # It never went out, so it may; whether it still should is decided anew.
        held = msgspec.structs.replace(
            record, state=DeliveryState.held, reason="it never went out", not_before=now, body="", to=""
        )
        if not await self._deliveries.replace(record, held):
            return record.state
        return await self._delivery.resume(held)

    async def _look_again(self, record: Delivery, reason: str, wait_s: int) -> DeliveryState:
        await self._delivery.change(record, DeliveryState.unknown, reason, self._clock.now() + wait_s)
        return DeliveryState.unknown
