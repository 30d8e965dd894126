"""Status reports: what a provider says became of a message, in whatever order its reports come."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from functions.domain.errors import RejectedDocument
from functions.domain.notifications import Delivery, DeliveryState

ASK_AFTER_S = 30 * 60
"""Of a message that a provider took and has not spoken of for so long, it is asked."""
GIVE_UP_S = 24 * 3_600
"""What it does not know after a day, nobody will."""
NOBODY_SAYS = "nobody has said within a day whether it arrived"


class ProviderStatus(NamedTuple):
    """What a provider says of a message, in its own words."""

    status: str
    code: str = ""


class StatusReport(msgspec.Struct, frozen=True, kw_only=True):
    """One report on one message."""

    customer_id: str
    key: str
    """Of the delivery."""
    reference: str
    state: DeliveryState
    at: int
    """When it came."""
    code: str = ""
    """Why it was not delivered, by the provider's code."""


STATES: Mapping[str, DeliveryState] = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending", "sent"), DeliveryState.sent),
    **dict.fromkeys(("initiated", "ringing", "in-progress"), DeliveryState.sent),
    **dict.fromkeys(("delivered", "read", "partially_delivered", "completed"), DeliveryState.delivered),
    **dict.fromkeys(("undelivered", "busy", "no-answer"), DeliveryState.undelivered),
    **dict.fromkeys(("failed", "canceled"), DeliveryState.failed),
}
"""Statuses of messages (https://www.twilio.com/docs/messaging/api/message-resource#message-status-values) and of calls
(https://www.twilio.com/docs/voice/api/call-resource#call-status-values). A call that was answered counts as delivered,
by a mailbox too."""
NOT_ARRIVED = frozenset({DeliveryState.undelivered, DeliveryState.failed})
_NO_CODE = frozenset({"failed", "undelivered"})
_RANK = {
    DeliveryState.claimed: 0,
    DeliveryState.unknown: 0,
    DeliveryState.sent: 1,
    DeliveryState.failed: 2,
    DeliveryState.undelivered: 3,
    DeliveryState.delivered: 4,
}
"""A report moves a message up and never down, so that the order of reports does not matter. Proof that a message
arrived outweighs any report that it did not: carriers have been known to send both."""


REASONS = {
    "30003": "the phone was off or out of reach",
    "30004": "the number blocks messages",
    "30005": "the number does not exist or was given up",
    "30006": "a landline, or a carrier out of reach",
    "30007": "the carrier took it for spam",
    "30008": "the carrier gave no reason",
    "30036": "it waited too long at the provider",
    "busy": "the line was busy",
    "no-answer": "nobody answered the call",
    "canceled": "the call was ended before it was answered",
}
"""What codes of https://www.twilio.com/docs/api/errors, and the ends of calls, mean to an operator."""
BAD_NUMBERS = frozenset({"21211", "21214", "21217", "21614", "30004", "30005", "30006"})
"""Codes after which a number is not worth another message: the utility has to ask for a better one."""


def after(delivery: Delivery, report: StatusReport) -> Delivery:
    """The delivery as a report leaves it: itself when the report says nothing new.

    Every order of the same reports ends in the same delivery, and a report that comes twice changes nothing.
    """
    before, now = _RANK.get(delivery.state), _RANK.get(report.state)
    if before is None or now is None or now < before:
        return delivery
    code = report.code if now > before else max(delivery.code, report.code)
    code = "" if report.state is DeliveryState.delivered else code
    return msgspec.structs.replace(
        delivery,
        state=report.state,
        code=code,
        reason=REASONS.get(code, ""),
        reference=delivery.reference or report.reference,
        sent_at=report.at if delivery.sent_at is None else delivery.sent_at,
        not_before=_ask_at(delivery, report),
    )


def _ask_at(delivery: Delivery, report: StatusReport) -> int:
    """When the provider is to be asked, where its report is not the end."""
    if report.state is not DeliveryState.sent:
        return 0
    return delivery.not_before if delivery.state is DeliveryState.sent else report.at + ASK_AFTER_S


def report_of(customer_id: str, key: str, reference: str, said: ProviderStatus, at: int) -> StatusReport | None:
    """What a provider says as a report; None for a status that is new to us."""
    state = STATES.get(said.status)
    if state is None:
        return None
    code = said.code
    if not code and state in NOT_ARRIVED and said.status not in _NO_CODE:
        code = said.status
    return StatusReport(customer_id=customer_id, key=key, reference=reference, state=state, at=at, code=code)


def token_of(customer_id: str, key: str) -> str:
    """A delivery's identity as part of a URL: letters that no proxy writes differently, for the signature covers them.

    >>> read_token(token_of("C1", "inc:M1:power_off:5|C1|restored|sms"))
    ('C1', 'inc:M1:power_off:5|C1|restored|sms')
    """
    return base64.urlsafe_b64encode(msgspec.json.encode((customer_id, key))).decode().rstrip("=")


def read_token(token: str) -> tuple[str, str]:
    """Customer id and key of a delivery; raises `RejectedDocument` for what is no token."""
    try:
        encoded = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return msgspec.json.decode(encoded, type=tuple[str, str])
    except (binascii.Error, ValueError, msgspec.DecodeError) as fault:
        raise RejectedDocument("delivery", "names no delivery; the address was not made here") from fault
