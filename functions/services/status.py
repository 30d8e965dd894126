"""Status: what a provider reports of a message is recorded, and what did not arrive takes another way."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from functions.domain.customers import Consent, ConsentState
from functions.domain.errors import TransientFault
from functions.domain.message_report import MessageReport
from functions.domain.notifications import Delivery, DeliveryState
from functions.domain.reach import another_way
from functions.domain.status_reports import StatusReport, after, read_token
from functions.ports import Clock, CustomerStore, DeliveryStore, Telemetry

log = logging.getLogger("metersentry.status")

ATTEMPTS = 5
OPTED_OUT = "21610"
NOT_ARRIVED = frozenset({DeliveryState.undelivered, DeliveryState.failed})
STATES = {
    **dict.fromkeys(("accepted", "scheduled", "queued", "sending", "sent"), DeliveryState.sent),
    **dict.fromkeys(("initiated", "ringing", "in-progress"), DeliveryState.sent),
    **dict.fromkeys(("delivered", "read", "partially_delivered", "completed"), DeliveryState.delivered),
    **dict.fromkeys(("undelivered", "busy", "no-answer"), DeliveryState.undelivered),
    **dict.fromkeys(("failed", "canceled"), DeliveryState.failed),
}
"""Statuses of messages (https://www.twilio.com/docs/messaging/api/message-resource#message-status-values) and of calls
(https://www.twilio.com/docs/voice/api/call-resource#call-status-values). A call that was answered counts as delivered,
by a mailbox too."""
_NO_CODE = frozenset({"failed", "undelivered"})


class StatusService:
    """Takes reports in any order, any number of times."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        customers: CustomerStore,
        channels: Sequence[str],
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._deliveries = deliveries
        self._customers = customers
        self._channels = channels
        self._telemetry = telemetry
        self._clock = clock

    async def take_form(self, token: str, form: Mapping[str, str]) -> Delivery | None:
        """Take Twilio's callback on the delivery that `token` names; raises `RejectedDocument` for a wrong token."""
        customer_id, key = read_token(token)
        status = form.get("MessageStatus") or form.get("CallStatus") or ""
        state = STATES.get(status)
        if state is None:
            log.warning("a message to customer %s has the status %r, which is new to us", customer_id, status[:40])
            return None
        code = form.get("ErrorCode", "")
        if not code and state in NOT_ARRIVED and status not in _NO_CODE:
            code = status
        return await self.take(
            StatusReport(
                customer_id=customer_id,
                key=key,
                reference=form.get("MessageSid") or form.get("CallSid") or "",
                state=state,
                at=self._clock.now(),
                code=code,
            )
        )

    async def take(self, report: StatusReport) -> Delivery | None:
        """Record a report; returns the delivery as it is now, None when it is not known (any more)."""
        for _ in range(ATTEMPTS):
            before = await self._deliveries.read(report.customer_id, report.key)
            if before is None:
                log.warning("a report came for a message to customer %s that is not known", report.customer_id)
                return None
            if before.reference not in ("", report.reference):
                log.error("a message to customer %s went out twice: %s", report.customer_id, report.key)
            now = after(before, report)
            if now == before:
                return before
            # First what follows from it: when we die in between, it is there, and a second report changes nothing.
            if now.state in NOT_ARRIVED:
                await self._not_arrived(now)
            if await self._deliveries.replace(before, now):
                if now.state is not before.state:
                    self._telemetry.messages(MessageReport(Counter({now.state.value: 1})))
                return now
        raise TransientFault(f"the record of {report.key} changes faster than it can be written; report again")

    async def _not_arrived(self, delivery: Delivery) -> None:
        now = self._clock.now()
        if delivery.code == OPTED_OUT:
            said = Consent(phone=delivery.to, state=ConsentState.opted_out, at=now, source=OPTED_OUT)
            await self._deliveries.put_consent(said)
            return
        customer = await self._customers.read(delivery.customer_id)
        another = None if customer is None else another_way(delivery, customer, self._channels, now)
        if another is not None:
            await self._deliveries.claim(another)
