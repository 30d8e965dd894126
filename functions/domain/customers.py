"""Customers: how they are reached, in which language, when, and whether they have asked not to be."""

from __future__ import annotations

from enum import StrEnum

import msgspec

CHANNELS = ("sms", "voice", "webhook", "console")
"""Every channel there is; a deployment has some of them."""
BY_NUMBER = frozenset({"sms", "voice"})
"""Channels that reach a phone number, and stop at a word from it."""
OPERATORS = "operators"
"""Customer id of the utility's own people, and the name of the channel that is theirs. A customer of this id may be
imported: a number or channels of its own come before that channel."""


class Customer(msgspec.Struct, frozen=True, kw_only=True):
    """How a customer is reached; everybody else is written to by their customer id."""

    customer_id: str
    phone: str = ""
    """E.164; of several customers it may be the same."""
    language: str = "en"
    critical: bool = False
    """Depends on power for life or for others' safety: messages of outages pass quiet hours, and go first."""
    time_zone: str = ""
    """IANA name; empty for the utility's own."""
    channels: tuple[str, ...] = ()
    """In order of preference; empty for those the deployment has."""
    quiet_from: int = 21 * 60
    """Minutes after midnight, local time; equal to `quiet_to` where there are no quiet hours."""
    quiet_to: int = 8 * 60


class ConsentState(StrEnum):
    """What the owner of a number last said."""

    opted_in = "opted_in"
    opted_out = "opted_out"


class Consent(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a number may be written to or called. One that never said anything may: it was given for this."""

    phone: str
    state: ConsentState
    at: int
    source: str
    """How it is known: the word of a message, or the provider's code of a refusal."""
