"""Messages: what a notification says, in the customer's language and by the clock on their wall."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

from functions.domain.catalogue import CAUSES, Language, language
from functions.domain.customers import Customer
from functions.domain.notifications import IntentKind, Notification, short_reference
from functions.domain.quiet_hours import zone_of
from functions.domain.spoken_times import spoken

SPOKEN = "voice"
"""The channel on which nobody can reply with a word."""


@dataclass(frozen=True)
class Letterhead:
    """What all messages of a utility have in common."""

    utility: str = ""
    """Its name, which messages begin with; empty where the sender says it."""
    time_zone: str = "UTC"
    """Of customers whose own is not known."""
    phone: str = ""
    """Number that customers can call; empty where they have it from their bill."""

    def zone(self, customer: Customer) -> ZoneInfo:
        """Time zone of a customer; the utility's own where theirs is none."""
        own = zone_of(customer.time_zone) if customer.time_zone else None
        return own or ZoneInfo(self.time_zone)

    def render(self, notification: Notification, customer: Customer, now: int) -> str:
        """Text of a message. It has the incident's short reference, by which a provider can be asked for it."""
        words, zone = language(customer.language), self.zone(customer)
        values = _values(notification, words, zone, now)
        parts = [words.sentences[name].format(**values) for name in _sentences(notification, now)]
        return (f"{self.utility}: " if self.utility else "") + " ".join(parts)


def _sentences(notification: Notification, now: int) -> list[str]:
    """Names of the sentences of a message: what is not known is left out, and no time that is over is promised."""
    known = notification.estimate is not None and notification.estimate > now
    cause = ["cause"] if notification.cause in CAUSES else []
    match notification.kind:
        case IntentKind.outage_seen:
            sentences = ["outage_seen", *cause, "estimate" if known else "no_estimate"]
        case IntentKind.estimate_changed:
            sentences = ["estimate_changed" if known else "estimate_unknown", *cause]
        case IntentKind.restored:
            sentences = ["restored"] if notification.channel == SPOKEN else ["restored", "reply_out"]
        case kind:
            sentences = [kind.value]
    return [*sentences, "reference"]


def _values(notification: Notification, words: Language, zone: ZoneInfo, now: int) -> dict[str, str]:
    begun = notification.started_at
    if notification.kind is IntentKind.restored:
        begun = notification.restored_at or notification.created_at
    start = notification.work_start or notification.started_at
    end = notification.work_end or start
    return {
        "since": spoken(begun, "since", words, zone, seen_from=now),
        "by": spoken(notification.estimate or now, "by", words, zone, seen_from=now),
        "at": spoken(start, "at", words, zone, seen_from=now),
        "from": spoken(start, "from", words, zone, seen_from=now),
        "until": spoken(end, "until", words, zone, seen_from=start),
        "cause": words.causes.get(notification.cause, ""),
        "place": notification.place or notification.feeder_id,
        "step": str(notification.revision),
        "reference": short_reference(notification.incident_id),
    }
