"""The next step of a message: to be sent, to wait, or not to be sent after all, for a reason people can read."""

from __future__ import annotations

from typing import NamedTuple

from functions.domain.incidents import OVER, Incident, IncidentState
from functions.domain.notifications import PLANNED_KINDS, DeliveryState, IntentKind, Notification

OLD_NEWS_S = 2 * 3_600
"""A message that could have been sent for this long, and was not, is no news any more."""

POWER_IS_BACK = "the power was back before it was told"
NEVER_ANNOUNCED = "what it follows was never announced"
OUTAGE_IS_OVER = "the outage is over"
WORK_HAS_BEGUN = "the work has begun"
WORK_IS_OVER = "the work is over"
WORK_IS_CANCELLED = "the work is cancelled"
TOO_OLD = "it waited for more than two hours"
MOMENT_HAS_PASSED = "the moment it names has passed"
NEWER = "newer word of it followed"
TOLD_TOGETHER = "it is told with the announcement that waits"
QUIET_HOURS = "quiet hours"
OTHERS_FIRST = "as many as may leave in a minute have left"
ANNOUNCEMENT_OPEN = "its announcement is on its way"
OPTED_OUT = "the owner of the number asked not to be written to"
NO_WAY = "no channel reaches the customer"


class Step(NamedTuple):
    """A state to go to, and why. `claimed` stands for: send it."""

    state: DeliveryState
    reason: str = ""
    not_before: int = 0

    @classmethod
    def send(cls) -> Step:
        """Send it now."""
        return cls(DeliveryState.claimed)

    @classmethod
    def drop(cls, reason: str) -> Step:
        """Never send it."""
        return cls(DeliveryState.dropped, reason)

    @classmethod
    def hold(cls, reason: str, until: int) -> Step:
        """Look at it again at a moment."""
        return cls(DeliveryState.held, reason, until)

    @classmethod
    def expire(cls, reason: str) -> Step:
        """It is too late for it."""
        return cls(DeliveryState.expired, reason)


def too_late(notification: Notification, expires_at: int, now: int) -> Step | None:
    """Whether a message has become old news; None when it has not."""
    if notification.kind is IntentKind.planned_ahead and now >= (notification.work_start or now + 1):
        return Step.expire(WORK_HAS_BEGUN)
    if notification.kind in PLANNED_KINDS and now >= (notification.work_end or now + 1):
        return Step.drop(WORK_IS_OVER)
    # Word of planned work is news until the work is over, however long others went first.
    return Step.expire(TOO_OLD) if now > expires_at and notification.kind not in PLANNED_KINDS else None


def is_over(incident: Incident | None) -> bool:
    """Whether nobody is to be told of an incident any more: it has ended, or never was."""
    return incident is not None and (incident.restored_at is not None or incident.state in OVER)


def went_elsewhere(incident: Incident) -> bool:
    """Whether an incident ended only because it became part of another: `parent_id`."""
    return incident.state is IncidentState.closed and incident.restored_at is None and incident.parent_id != ""
