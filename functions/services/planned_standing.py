"""Standing of planned work: whether a word of it is still right, by the words its customer has had of the same work.

Only those who were told of work hear that it moves or is cancelled. What waits for the morning is brought up to date,
or taken out of the way, by the word that follows it.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from functions.domain import next_step
from functions.domain.next_step import Step
from functions.domain.notifications import (
    ON_ITS_WAY,
    PLANNED_KINDS,
    TOLD,
    Delivery,
    DeliveryState,
    IntentKind,
    Notification,
)
from functions.ports import DeliveryStore

WAIT_S = 60
LONGEST_WAIT_S = 15 * 60
"""A queue brings words in any order; an announcement that has not come by then was never made to this customer."""


class PlannedStanding:
    """Asks the records of a customer."""

    def __init__(self, deliveries: DeliveryStore) -> None:
        self._deliveries = deliveries

    async def of(self, notification: Notification, now: int) -> Step | None:
        """What speaks against sending a word now; None when nothing does."""
        words = [
            each
            for each in await self._deliveries.of_customer(notification.customer_id)
            if each.incident_id == notification.incident_id and each.kind in PLANNED_KINDS
        ]
        later = [each for each in words if _number(each) > notification.revision and _counts(each)]
        if any(each.kind is IntentKind.planned_cancelled for each in later):
            return Step.drop(next_step.WORK_IS_CANCELLED)
        if later:
            return Step.drop(next_step.NEWER)
        if notification.kind is IntentKind.planned_ahead:
            return None
        return await self._follows([each for each in words if _number(each) < notification.revision], notification, now)

    async def _follows(self, earlier: Sequence[Delivery], notification: Notification, now: int) -> Step | None:
        reached = [each for each in earlier if each.state in TOLD | ON_ITS_WAY]
        knows = bool(reached) and max(reached, key=_number).kind is not IntentKind.planned_cancelled
        together = False
        for each in earlier:
            if each.state is not DeliveryState.held or each.notification is None:
                continue
            moves = notification.kind is IntentKind.planned_changed and each.kind is IntentKind.planned_ahead
            combined = moves and not knows
            after = _moved(each, each.notification, notification) if combined else _taken_back(each, notification)
            together |= combined
            if not await self._deliveries.replace(each, after):
                return Step.hold(next_step.ANNOUNCEMENT_OPEN, now + WAIT_S)
        if knows:
            return None
        if together:
            return Step.drop(next_step.TOLD_TOGETHER)
        if not earlier and now - notification.created_at < LONGEST_WAIT_S:
            return Step.hold(next_step.ANNOUNCEMENT_OPEN, now + WAIT_S)
        return Step.drop(next_step.NEVER_ANNOUNCED)


def _number(delivery: Delivery) -> int:
    return delivery.notification.revision if delivery.notification is not None else 0


def _counts(later: Delivery) -> bool:
    """Whether a later word makes an earlier one needless: not one that is never said, or waits for that very one."""
    if later.kind is IntentKind.planned_cancelled:
        return True
    waits = later.state is DeliveryState.held and later.reason == next_step.ANNOUNCEMENT_OPEN
    return later.state is not DeliveryState.dropped and not waits


def _moved(held: Delivery, announcement: Notification, change: Notification) -> Delivery:
    said = msgspec.structs.replace(announcement, work_start=change.work_start, work_end=change.work_end)
    return msgspec.structs.replace(held, notification=said)


def _taken_back(held: Delivery, by: Notification) -> Delivery:
    cancelled = by.kind is IntentKind.planned_cancelled
    reason = next_step.WORK_IS_CANCELLED if cancelled else next_step.NEWER
    return msgspec.structs.replace(held, state=DeliveryState.dropped, reason=reason, not_before=0)
