"""Standing: whether a message is still right, by what its customer was told before and by how the incident stands.

An outage that is over is never announced, and then neither is its end. The records of a customer's messages decide:
whoever tells of the end first takes an announcement that waits out of the way, or takes its place if it has not come
yet, so that of the two only one can win.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from functions.domain import next_step
from functions.domain.incidents import Incident
from functions.domain.next_step import Step
from functions.domain.notifications import (
    ON_ITS_WAY,
    PLANNED_KINDS,
    TOLD,
    Delivery,
    DeliveryState,
    IntentKind,
    Notification,
    attempt_of,
    send_key,
)
from functions.domain.reach import MOST_ATTEMPTS
from functions.ports import DeliveryStore, IncidentStore
from functions.services.planned_standing import PlannedStanding

FRESH_S = 60
"""What is younger goes without asking how the incident stands."""
WAIT_S = 60
GOES_ON_S = 3 * 86_400
"""Who slides from one outage into another was told of the first, and hears of the end of the last."""
LONGEST_WAIT_S = 15 * 60
"""An announcement that is on its way for longer has most likely arrived."""


class Standing:
    """Asks the records of a customer and the incident."""

    def __init__(self, deliveries: DeliveryStore, incidents: IncidentStore) -> None:
        self._deliveries = deliveries
        self._incidents = incidents
        self._planned = PlannedStanding(deliveries)

    async def of(self, notification: Notification, now: int, *, waited: bool) -> Step | None:
        """What speaks against sending a message now; None when nothing does. `waited`: it was held before."""
        if notification.kind in PLANNED_KINDS:
            return await self._planned.of(notification, now)
        match notification.kind:
            case IntentKind.outage_seen:
                return await self._outage_seen(notification, now, waited=waited)
            case IntentKind.estimate_changed:
                return await self._estimate_changed(notification, now, waited=waited)
            case IntentKind.restored:
                return await self._restored(notification, now)
            case _:
                return None

    async def _outage_seen(self, notification: Notification, now: int, *, waited: bool) -> Step | None:
        if await self._power_is_back(notification):
            return Step.drop(next_step.POWER_IS_BACK)
        if waited or now - notification.created_at > FRESH_S:
            head = await self._head(notification)
            if next_step.is_over(head):
                return Step.drop(next_step.OUTAGE_IS_OVER)
        return None

    async def _estimate_changed(self, notification: Notification, now: int, *, waited: bool) -> Step | None:
        if await self._power_is_back(notification):
            return Step.drop(next_step.POWER_IS_BACK)
        if notification.estimate is not None and notification.estimate <= now:
            return Step.drop(next_step.MOMENT_HAS_PASSED)
        if await self._newer(notification):
            return Step.drop(next_step.NEWER)
        if waited and next_step.is_over(await self._head(notification)):
            return Step.drop(next_step.OUTAGE_IS_OVER)
        announcements = await self._announcements(notification) or await self._announced_elsewhere(notification)
        if not announcements:
            return Step.hold(next_step.ANNOUNCEMENT_OPEN, now + WAIT_S)
        for announcement in announcements:
            if announcement.state is DeliveryState.held and announcement.notification is not None:
                said = msgspec.structs.replace(
                    announcement.notification, estimate=notification.estimate, cause=notification.cause
                )
                updated = msgspec.structs.replace(announcement, notification=said)
                if await self._deliveries.replace(announcement, updated):
                    return Step.drop(next_step.TOLD_TOGETHER)
                return Step.hold(next_step.ANNOUNCEMENT_OPEN, now + WAIT_S)
        return _after(announcements, now)

    async def _restored(self, notification: Notification, now: int) -> Step | None:
        announcements = await self._announcements(notification) or await self._announced_elsewhere(notification)
        if not announcements and await self._deliveries.claim(_never(notification, now)):
            return Step.drop(next_step.NEVER_ANNOUNCED)
        if not announcements:
            return Step.hold(next_step.ANNOUNCEMENT_OPEN, now + WAIT_S)
        for announcement in announcements:
            if announcement.state is DeliveryState.held:
                dropped = msgspec.structs.replace(
                    announcement, state=DeliveryState.dropped, reason=next_step.POWER_IS_BACK
                )
                if not await self._deliveries.replace(announcement, dropped):
                    return Step.hold(next_step.ANNOUNCEMENT_OPEN, now + WAIT_S)
        return _after([each for each in announcements if each.state is not DeliveryState.held], now)

    async def _power_is_back(self, notification: Notification) -> bool:
        key = send_key(notification.incident_id, notification.customer_id, IntentKind.restored)
        return await self._deliveries.read(notification.customer_id, key) is not None

    async def _newer(self, notification: Notification) -> bool:
        of_incident = await self._of_incident(notification)
        same = [each.notification for each in of_incident if each.kind is notification.kind]
        return any(each is not None and _later(each, notification) for each in same)

    async def _of_incident(self, notification: Notification) -> list[Delivery]:
        found = await self._deliveries.of_customer(notification.customer_id)
        return [each for each in found if each.incident_id == notification.incident_id]

    async def _head(self, notification: Notification) -> Incident | None:
        """Newest revision of the incident of a message, or of the one it was merged into."""
        head = await self._incidents.head(notification.feeder_id, notification.incident_id)
        seen = {"", notification.incident_id}
        while head is not None and next_step.went_elsewhere(head) and head.parent_id not in seen:
            seen.add(head.parent_id)
            head = await self._incidents.head(notification.feeder_id, head.parent_id)
        return head

    async def _announced_elsewhere(self, notification: Notification) -> list[Delivery]:
        """Announcements of incidents that have become part of this one: nobody was told of their end."""
        found = await self._deliveries.of_customer(notification.customer_id)
        ends = [each for each in found if each.kind is IntentKind.restored]
        ended = {each.incident_id for each in ends}
        told = [each for each in ends if each.state in TOLD | ON_ITS_WAY and each.key != notification.key]
        since = max((each.claimed_at for each in told), default=notification.started_at - GOES_ON_S)
        return [
            each
            for each in found
            if each.kind is IntentKind.outage_seen
            and each.incident_id not in ended
            and each.claimed_at >= since
            and each.notification is not None
            and each.notification.feeder_id == notification.feeder_id
        ]

    async def _announcements(self, notification: Notification) -> list[Delivery]:
        """Every attempt to announce the outage that a message is about."""
        found = []
        for attempt in range(1, MOST_ATTEMPTS + 1):
            key = send_key(notification.incident_id, notification.customer_id, IntentKind.outage_seen, attempt=attempt)
            record = await self._deliveries.read(notification.customer_id, key)
            if record is None:
                break
            found.append(record)
        return found


def _after(announcements: Sequence[Delivery], now: int) -> Step | None:
    states = {each.state for each in announcements}
    if states & TOLD:
        return None
    on_its_way = [each for each in announcements if each.state in ON_ITS_WAY]
    if not on_its_way:
        return Step.drop(next_step.NEVER_ANNOUNCED)
    if now - max(each.claimed_at for each in on_its_way) < LONGEST_WAIT_S:
        return Step.hold(next_step.ANNOUNCEMENT_OPEN, now + WAIT_S)
    return None


def _later(one: Notification, other: Notification) -> bool:
    return (one.revision, one.created_at) > (other.revision, other.created_at)


def _never(notification: Notification, now: int) -> Delivery:
    """A record in place of an announcement that is not to be made any more, should it still come."""
    announcement = attempt_of(msgspec.structs.replace(notification, kind=IntentKind.outage_seen), 1)
    return Delivery(
        key=announcement.key,
        customer_id=announcement.customer_id,
        incident_id=announcement.incident_id,
        kind=announcement.kind,
        channel="",
        state=DeliveryState.dropped,
        reason=next_step.POWER_IS_BACK,
        body="",
        claimed_at=now,
    )
