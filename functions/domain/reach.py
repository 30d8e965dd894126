"""Reach: on which channel a customer gets a message, and on which other when that one failed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from functions.domain.customers import BY_NUMBER, OPERATORS, Customer
from functions.domain.notifications import Delivery, DeliveryState, attempt_of

STAND_IN = "console"
"""Stands for every channel where a deployment has no other."""
LAST_RESORT = "voice"
"""Critical customers are called when nothing else arrives."""
MOST_ATTEMPTS = 3


def channel_for(customer: Customer, available: Sequence[str], *, opted_out: bool, chosen: str = "") -> str | None:
    """The channel to use, of those a deployment has, in its own order; None when the customer cannot be reached.

    `chosen` is what an earlier attempt left to this one.

    >>> channel_for(Customer(customer_id="C1", phone="+15550100"), ["sms", "webhook"], opted_out=False)
    'sms'
    >>> channel_for(Customer(customer_id="C1", phone="+15550100"), ["sms", "webhook"], opted_out=True)
    'webhook'
    """
    wanted = (chosen,) if chosen in available else customer.channels or _usual(customer, available)
    usable = [each for each in wanted if each in available and _works(each, customer, opted_out=opted_out)]
    if usable:
        return usable[0]
    return STAND_IN if STAND_IN in available and not opted_out else None


def _usual(customer: Customer, available: Sequence[str]) -> tuple[str, ...]:
    """Channels of somebody who has no preference: operators have one of their own, after a number that was imported."""
    if customer.customer_id == OPERATORS:
        return (*(each for each in available if each in BY_NUMBER), OPERATORS)
    return tuple(each for each in available if each != OPERATORS)


def _works(channel: str, customer: Customer, *, opted_out: bool) -> bool:
    return channel not in BY_NUMBER or (bool(customer.phone) and not opted_out)


def another_way(failed: Delivery, customer: Customer, available: Sequence[str], now: int) -> Delivery | None:
    """The next attempt, held for whoever releases what is due; None when there is no other way."""
    message = failed.notification
    if message is None or message.attempt >= MOST_ATTEMPTS:
        return None
    wanted = [*customer.channels, *((LAST_RESORT,) if customer.critical else ())]
    used = wanted.index(failed.channel) if failed.channel in wanted else -1
    ways = [each for each in wanted[used + 1 :] if each in available and each != failed.channel]
    channel = next((each for each in ways if _works(each, customer, opted_out=False)), None)
    if channel is None:
        return None
    following = attempt_of(message, message.attempt + 1)
    return msgspec.structs.replace(
        failed,
        key=following.key,
        channel=channel,
        state=DeliveryState.held,
        reason=f"{failed.channel} did not reach the customer",
        code="",
        reference="",
        sent_at=None,
        refusals=0,
        claimed_at=now,
        not_before=now,
        notification=msgspec.structs.replace(following, channel=channel),
    )
