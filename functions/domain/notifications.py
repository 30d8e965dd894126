"""Notifications: from an intent (tell whom what) to one message for one customer."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from enum import StrEnum

import msgspec


class IntentKind(StrEnum):
    """What customers are told."""

    outage_seen = "outage_seen"
    restored = "restored"


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """Everybody in `chunks` is to be told `kind` about an incident. Times are seconds since the epoch, UTC."""

    id: str
    kind: IntentKind
    incident_id: str
    revision: int
    feeder_id: str
    chunks: tuple[str, ...]
    created_at: int


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one customer, as it waits in the queue."""

    key: str
    """Identity of the message: a second one with this key is never sent."""
    customer_id: str
    incident_id: str
    kind: IntentKind
    channel: str
    started_at: int
    restored_at: int | None
    created_at: int


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """How a customer is reached; everybody else is written to by their customer id."""

    customer_id: str
    phone: str = ""
    language: str = "en"
    critical: bool = False


class DeliveryState(StrEnum):
    """A claimed message that was neither sent nor refused is unknown: it is looked into, never sent blindly again."""

    claimed = "claimed"
    sent = "sent"
    failed = "failed"


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """The record of one message. `reference` is the provider's id of it."""

    key: str
    customer_id: str
    incident_id: str
    kind: IntentKind
    channel: str
    state: DeliveryState
    body: str
    claimed_at: int
    reference: str = ""
    sent_at: int | None = None


def send_key(incident_id: str, customer_id: str, kind: IntentKind, channel: str) -> str:
    """Identity of a message: one a customer, an incident, a state and a channel.

    >>> send_key("inc:M1:power_off:5", "C1", IntentKind.restored, "console")
    'inc:M1:power_off:5|C1|restored|console'
    """
    return f"{incident_id}|{customer_id}|{kind}|{channel}"


def short_reference(incident_id: str) -> str:
    """Six letters and digits that name an incident in a message, so that people can quote it.

    >>> short_reference("inc:M1:power_off:5")
    'KISJEU'
    """
    return base64.b32encode(hashlib.blake2b(incident_id.encode(), digest_size=5).digest()).decode()[:6]


def render(notification: Notification) -> str:
    """Text of a message, in English; times are UTC until customers' time zones are known."""
    reference = short_reference(notification.incident_id)
    match notification.kind:
        case IntentKind.outage_seen:
            return (
                f"We see a power outage at your address since {_clock(notification.started_at)} UTC and are on it. "
                f"Ref {reference}"
            )
        case IntentKind.restored:
            back = _clock(notification.restored_at or notification.created_at)
            return f"Your power is back since {back} UTC. Ref {reference}"


def _clock(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%H:%M")
