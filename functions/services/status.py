"""Status: what a provider reports of a message is recorded, and what did not arrive takes another way."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence

from functions.domain.customers import Consent, ConsentState
from functions.domain.errors import TransientFault
from functions.domain.message_report import MessageReport
from functions.domain.notifications import Delivery
from functions.domain.reach import another_way
from functions.domain.status_reports import NOT_ARRIVED, ProviderStatus, StatusReport, after, read_token, report_of
from functions.ports import Clock, CustomerStore, DeliveryStore, Telemetry

log = logging.getLogger("metersentry.status")

ATTEMPTS = 5
OPTED_OUT = "21610"


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
        said = ProviderStatus(form.get("MessageStatus") or form.get("CallStatus") or "", form.get("ErrorCode", ""))
        return await self._take(customer_id, key, form.get("MessageSid") or form.get("CallSid") or "", said)

    async def take_answer(self, delivery: Delivery, said: ProviderStatus) -> Delivery | None:
        """Take what a provider says of a message when it is asked."""
        return await self._take(delivery.customer_id, delivery.key, delivery.reference, said)

    async def _take(self, customer_id: str, key: str, reference: str, said: ProviderStatus) -> Delivery | None:
        report = report_of(customer_id, key, reference, said, self._clock.now())
        if report is None:
            log.warning("a message to customer %s has the status %r, which is new to us", customer_id, said.status[:40])
            return None
        return await self.take(report)

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
