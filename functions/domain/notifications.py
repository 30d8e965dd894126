"""Notifications: from an intent (tell whom what) to one message for one customer."""

from __future__ import annotations

import base64
import hashlib
from enum import StrEnum

import msgspec

from functions.domain.customers import Customer as Customer


class IntentKind(StrEnum):
    """What people are told."""

    outage_seen = "outage_seen"
    estimate_changed = "estimate_changed"
    restored = "restored"
    planned_ahead = "planned_ahead"
    planned_changed = "planned_changed"
    planned_cancelled = "planned_cancelled"
    voltage_quality = "voltage_quality"
    tamper = "tamper"
    escalated = "escalated"


OUTAGE_KINDS = frozenset({IntentKind.outage_seen, IntentKind.estimate_changed, IntentKind.restored})
PLANNED_KINDS = frozenset({IntentKind.planned_ahead, IntentKind.planned_changed, IntentKind.planned_cancelled})
OPERATOR_KINDS = frozenset({IntentKind.voltage_quality, IntentKind.tamper, IntentKind.escalated})
"""What customers are never told."""
TOLD_ONCE = frozenset({IntentKind.outage_seen, IntentKind.restored, IntentKind.voltage_quality, IntentKind.tamper})
"""Kinds of which an incident has one; of the others, each revision is news."""


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody in `chunks` is to be told `kind` about an incident. Times are seconds since the epoch, UTC."""

    id: str
    kind: IntentKind
    incident_id: str
    """Of planned work, the id of its order."""
    revision: int
    feeder_id: str
    chunks: tuple[str, ...]
    created_at: int
    cause: str = ""
    """A word of the catalogue; of others nothing is said."""
    estimate: int | None = None
    """When power is expected back."""
    work_start: int | None = None
    work_end: int | None = None
    noticed_at: int | None = None
    """When it could first be told, all deliberate waits over; None when that is not known."""


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one customer, as it waits in the queue."""

    key: str
    """Identity of the attempt, `send_key`: a second message with this key is never sent."""
    customer_id: str
    incident_id: str
    kind: IntentKind
    channel: str = ""
    """Empty until it is chosen, by what the customer prefers at the time of sending."""
    started_at: int
    restored_at: int | None
    created_at: int
    feeder_id: str = ""
    revision: int = 0
    attempt: int = 1
    cause: str = ""
    estimate: int | None = None
    work_start: int | None = None
    work_end: int | None = None
    place: str = ""
    """Where it is, for operators: a device and its id."""
    noticed_at: int | None = None


class DeliveryState(StrEnum):
    """A claimed message that was neither sent nor refused is unknown: it is looked into, never sent blindly again."""

    held = "held"
    """Waits for its `not_before`."""
    claimed = "claimed"
    """Is being sent."""
    unknown = "unknown"
    sent = "sent"
    """The provider has taken it."""
    delivered = "delivered"
    undelivered = "undelivered"
    failed = "failed"
    """The provider refused it, or gave up."""
    expired = "expired"
    """Too old to be news."""
    dropped = "dropped"
    """Not to be sent, for the reason given."""


WAITING = frozenset({DeliveryState.held, DeliveryState.claimed, DeliveryState.unknown})
"""States that are not the end: somebody looks at them at `not_before`."""
TOLD = frozenset({DeliveryState.sent, DeliveryState.delivered, DeliveryState.undelivered})
"""Undelivered too: reports of that are not always right."""
ON_ITS_WAY = frozenset({DeliveryState.claimed, DeliveryState.unknown})


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one attempt to deliver a message. `reference` is the provider's id of it."""

    key: str
    customer_id: str
    incident_id: str
    kind: IntentKind
    channel: str
    state: DeliveryState
    body: str
    claimed_at: int
    to: str = ""
    """Phone number it goes to, E.164; empty for channels without numbers."""
    reference: str = ""
    sent_at: int | None = None
    code: str = ""
    """The provider's code of why it was not delivered."""
    reason: str = ""
    """Why it was held, dropped or given up, in words."""
    not_before: int = 0
    """When it is to be looked at, while its state is one of `WAITING`; of one that was sent, when the provider is asked
    what became of it. 0: never."""
    expires_at: int = 0
    """When it is no news any more: it is not sent after that."""
    critical: bool = False
    refusals: int = 0
    """How often the channel could not take it."""
    language: str = ""
    notification: Notification | None = None
    """What it says; None in records of earlier versions."""


def send_key(incident_id: str, customer_id: str, kind: IntentKind, revision: int = 0, attempt: int = 1) -> str:
    """Identity of an attempt: one a customer, an incident, a state, a revision where the kind repeats, and a try.

    Attempts are counted over the channels, and the channel is not part of the key: somebody who changes channels
    between two deliveries of the same queued message would otherwise get it on both.

    >>> send_key("inc:M1:power_off:5", "C1", IntentKind.restored)
    'inc:M1:power_off:5|C1|restored|0|1'
    """
    return f"{incident_id}|{customer_id}|{kind}|{0 if kind in TOLD_ONCE else revision}|{attempt}"


def attempt_of(notification: Notification, attempt: int) -> Notification:
    """The same message as another attempt."""
    key = send_key(
        notification.incident_id, notification.customer_id, notification.kind, notification.revision, attempt
    )
    return msgspec.structs.replace(notification, key=key, attempt=attempt, channel="")


def short_reference(incident_id: str) -> str:
    """Six letters and digits that name an incident in a message, so that people can quote it.

    >>> short_reference("inc:M1:power_off:5")
    'KISJEU'
    """
    return base64.b32encode(hashlib.blake2b(incident_id.encode(), digest_size=5).digest()).decode()[:6]
