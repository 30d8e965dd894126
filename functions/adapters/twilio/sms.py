"""SMS by Twilio: https://www.twilio.com/docs/messaging/api/message-resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.adapters.twilio.account import TwilioAccount, named
from functions.domain.errors import NotSent, Unknown
from functions.domain.notifications import Customer, Delivery, Notification
from functions.domain.status_reports import ProviderStatus, token_of

if TYPE_CHECKING:
    from twilio.rest import Client
    from twilio.rest.api.v2010.account.message import MessageInstance

VALID_S = 2 * 3_600
"""What Twilio could not hand over in this time is old news, and it drops it (code 30036)."""
CLOCKS_APART_S = 60
MOST_LOOKED_AT = 200
"""Messages to one number, newest first, in one page; nobody is sent so many within the time of a doubt."""


class TwilioSms:
    """A `Notifier` of text messages."""

    name = "sms"

    def __init__(self, account: TwilioAccount) -> None:
        self._account = account

    async def send(self, notification: Notification, customer: Customer, body: str) -> str:
        """Hand one message to Twilio; returns its SID."""
        if not customer.phone:
            raise NotSent(f"customer {customer.customer_id} has no number; import one", permanent=True)
        senders = self._account.senders
        sender = (
            {"messaging_service_sid": senders.messaging_service_sid}
            if senders.messaging_service_sid
            else {"from_": senders.number}
        )
        if senders.status_url:
            sender["status_callback"] = status_address(senders.status_url, notification)

        def create(client: Client) -> str:
            message = client.messages.create(to=customer.phone, body=body, validity_period=VALID_S, **sender)
            return message.sid or ""

        sid = await self._account.call(create, named(notification))
        if not sid:
            raise Unknown(f"Twilio's answer to {named(notification)} has no SID; ask it for the message")
        return sid

    async def find(self, claim: Delivery) -> str | None:
        """The SID of the message with the claim's text, to its number, made since it was claimed."""

        # Not narrowed by DateSent: a message that waits in Twilio's queue has none yet, and would be overlooked.
        def find(client: Client) -> str | None:
            messages = client.messages.list(to=claim.to, limit=MOST_LOOKED_AT, page_size=MOST_LOOKED_AT)
            return next((each.sid for each in messages if _is_ours(each, claim)), None)

        return await self._account.ask(find, named(claim)) if claim.to else None

    async def status(self, delivery: Delivery) -> ProviderStatus:
        """What Twilio says of a message by its SID."""

        def fetch(client: Client) -> ProviderStatus:
            message = client.messages(delivery.reference).fetch()
            return ProviderStatus(str(message.status or ""), str(message.error_code or ""))

        return await self._account.ask(fetch, named(delivery))


def status_address(status_url: str, notification: Notification) -> str:
    """Where Twilio reports on a message, so that the report names the delivery by itself."""
    return f"{status_url}?delivery={token_of(notification.customer_id, notification.key)}"


def _is_ours(message: MessageInstance, claim: Delivery) -> bool:
    # A trial account puts words of its own before the text.
    if message.direction == "inbound" or message.date_created is None:
        return False
    since = claim.claimed_at - CLOCKS_APART_S
    return claim.body in (message.body or "") and bool(message.date_created.timestamp() >= since)
