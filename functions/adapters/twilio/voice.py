"""Calls by Twilio, which read a message out: https://www.twilio.com/docs/voice/api/call-resource."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.adapters.twilio.account import TwilioAccount, named
from functions.adapters.twilio.sms import CLOCKS_APART_S, MOST_LOOKED_AT, status_address
from functions.domain.errors import NotSent, Unknown
from functions.domain.notifications import Customer, Delivery, Notification
from functions.domain.status_reports import ProviderStatus

if TYPE_CHECKING:
    from twilio.rest import Client
    from twilio.rest.api.v2010.account.call import CallInstance

SPOKEN = {"en": "en-US", "es": "es-US", "fr": "fr-FR"}
"""Languages that Twilio's voices speak: https://www.twilio.com/docs/voice/twiml/say/text-speech. Not Swahili."""
TIMES_READ = 2
RING_S = 40
"""Shorter than most mailboxes take to answer is not wanted: a mailbox is told, too."""
CREATED_WITHIN_S = 120
"""A request that was cut off has made its call by then, if it made one."""


class TwilioVoice:
    """A `Notifier` of calls."""

    name = "voice"

    def __init__(self, account: TwilioAccount) -> None:
        self._account = account

    async def send(self, notification: Notification, customer: Customer, body: str) -> str:
        """Have one customer called; returns the call's SID."""
        if not customer.phone:
            raise NotSent(f"customer {customer.customer_id} has no number; import one", permanent=True)
        language = SPOKEN.get(customer.language)
        if language is None:
            raise NotSent(
                f"Twilio speaks no {customer.language!r}; write to customer {customer.customer_id}", permanent=True
            )
        senders = self._account.senders
        if not senders.number:
            raise NotSent("there is no number to call from; set TWILIO_FROM", permanent=True)
        reporting = {"status_callback": status_address(senders.status_url, notification)} if senders.status_url else {}

        def create(client: Client) -> str:
            call = client.calls.create(
                to=customer.phone, from_=senders.number, twiml=spoken(body, language), timeout=RING_S, **reporting
            )
            return call.sid or ""

        sid = await self._account.call(create, named(notification))
        if not sid:
            raise Unknown(f"Twilio's answer to {named(notification)} has no SID; ask it for the call")
        return sid

    async def find(self, claim: Delivery) -> str | None:
        """The SID of a call to the claim's number made about when it was claimed.

        Twilio does not keep what a call said, so of two calls to one number within two minutes either may be found:
        rather one call too few than one that says the same twice.
        """

        def find(client: Client) -> str | None:
            calls = client.calls.list(to=claim.to, limit=MOST_LOOKED_AT, page_size=MOST_LOOKED_AT)
            return next((each.sid for each in calls if _may_be_ours(each, claim)), None)

        return await self._account.ask(find, named(claim)) if claim.to else None

    async def status(self, delivery: Delivery) -> ProviderStatus:
        """What Twilio says of a call by its SID."""

        def fetch(client: Client) -> ProviderStatus:
            return ProviderStatus(str(client.calls(delivery.reference).fetch().status or ""))

        return await self._account.ask(fetch, named(delivery))


def spoken(body: str, language: str) -> str:
    """TwiML that reads a message out, twice."""
    from twilio.twiml.voice_response import VoiceResponse

    response = VoiceResponse()
    response.pause(length=1)  # whoever answers is still lifting the phone to their ear
    response.say(body, language=language, loop=TIMES_READ)
    return str(response)


def _may_be_ours(call: CallInstance, claim: Delivery) -> bool:
    if call.date_created is None or not str(call.direction).startswith("outbound"):
        return False
    age_s: float = call.date_created.timestamp() - claim.claimed_at
    return -CLOCKS_APART_S <= age_s <= CREATED_WITHIN_S
