"""Delivery: one queued notification becomes one message, or a record of why it did not.

The record of an attempt is inserted before anything leaves, so of two who bring the same notification one goes on. What
cannot leave now is held in the store, and whoever releases what is due takes it from there: a queue would forget it.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from functions.domain import next_step
from functions.domain.customers import BY_NUMBER, Consent, ConsentState, Customer
from functions.domain.errors import NotSent, Unknown
from functions.domain.message_report import MessageReport
from functions.domain.messages import Letterhead
from functions.domain.next_step import OLD_NEWS_S, Step
from functions.domain.notifications import OUTAGE_KINDS, WAITING, Delivery, DeliveryState, Notification
from functions.domain.quiet_hours import quiet_until
from functions.domain.rates import MINUTE_S
from functions.domain.reach import another_way, channel_for
from functions.domain.status_reports import ASK_AFTER_S
from functions.ports import Clock, CustomerStore, DeliveryStore, Notifier, Telemetry
from functions.services.allowance import Allowance
from functions.services.standing import Standing

SENDING_S = 60
"""A claim this old is not being sent any more: whoever made it has died, or did not hear how it ended."""
DAY_S = 86_400
BACK_OFF_S = 15
LONGEST_BACK_OFF_S = 15 * 60
OPTED_OUT = "21610"
"""Twilio's code: https://www.twilio.com/docs/api/errors/21610."""


class DeliveryService:
    """Decides, claims, sends, records. A crash in between leaves the claim, which is reconciled when it is due."""

    def __init__(
        self,
        deliveries: DeliveryStore,
        customers: CustomerStore,
        standing: Standing,
        notifiers: Mapping[str, Notifier],
        allowance: Allowance,
        letterhead: Letterhead,
        telemetry: Telemetry,
        clock: Clock,
    ) -> None:
        self._deliveries = deliveries
        self._customers = customers
        self._standing = standing
        self._notifiers = notifiers
        self._allowance = allowance
        self._letterhead = letterhead
        self._telemetry = telemetry
        self._clock = clock

    async def deliver(self, notification: Notification) -> DeliveryState | None:
        """Take one notification; returns the state it came to, None when its key was known before."""
        # Everything that can fail harmlessly comes before the claim.
        now = self._clock.now()
        customer = await self._customer(notification.customer_id)
        fresh = _record(notification, customer, now)
        step, channel = await self._next(fresh, notification, customer, waited=False)
        record = self._at(fresh, step, notification, customer, channel)
        if not await self._deliveries.claim(record):
            return None
        return await self._go_on(record, customer)

    async def resume(self, held: Delivery) -> DeliveryState | None:
        """Look again at a message that was held: much may have happened since.

        Returns the state it came to, None when it keeps its place among those that the limits hold back.
        """
        notification = held.notification
        assert notification is not None, f"the held message {held.key} has lost its notification"
        customer = await self._customer(held.customer_id)
        step, channel = await self._next(held, notification, customer, waited=True)
        if step.state is DeliveryState.held and step.reason == next_step.OTHERS_FIRST:
            return None
        record = self._at(held, step, notification, customer, channel)
        if not await self._deliveries.replace(held, record):
            return held.state
        return await self._go_on(record, customer)

    async def taken(self, claim: Delivery, reference: str) -> Delivery:
        """Record that the channel has taken a claimed message, unless a report of it has come already."""
        now = self._clock.now()
        ask_at = now + ASK_AFTER_S if claim.channel in BY_NUMBER else 0  # others do not know what becomes of it
        sent = msgspec.structs.replace(
            claim, state=DeliveryState.sent, reference=reference, sent_at=now, reason="", not_before=ask_at
        )
        current: Delivery | None = claim
        while current is not None and not await self._deliveries.replace(current, sent):
            current = await self._deliveries.read(claim.customer_id, claim.key)
            if current is not None and current.state not in WAITING:
                sent = msgspec.structs.replace(current, reference=reference, sent_at=now)
        self._report(sent)
        return sent

    async def change(self, record: Delivery, state: DeliveryState, reason: str, not_before: int = 0) -> None:
        """Note what became of a record, unless it has moved on by itself."""
        changed = msgspec.structs.replace(record, state=state, reason=reason, not_before=not_before)
        if await self._deliveries.replace(record, changed) and state is not record.state:
            self._report(changed)

    async def _customer(self, customer_id: str) -> Customer:
        # Of whom nothing is known, no telephone rings: there are no hours to keep.
        return await self._customers.read(customer_id) or Customer(customer_id=customer_id, quiet_from=0, quiet_to=0)

    async def _next(
        self, record: Delivery, notification: Notification, customer: Customer, *, waited: bool
    ) -> tuple[Step, str]:
        """What to do with a message now, and on which channel."""
        now = self._clock.now()
        late = next_step.too_late(notification, record.expires_at, now)
        against = late or await self._standing.of(notification, now, waited=waited)
        if against is not None:
            return against, ""
        opted_out = await self._opted_out(customer)
        channel = channel_for(customer, tuple(self._notifiers), opted_out=opted_out, chosen=notification.channel)
        if channel is None:
            return Step.drop(next_step.OPTED_OUT if opted_out else next_step.NO_WAY), ""
        until = quiet_until(customer, notification.kind, self._letterhead.zone(customer), now)
        if until is not None:
            return Step.hold(next_step.QUIET_HOURS, until), channel
        if not await self._allowance.take(channel, critical=customer.critical, waited=waited):
            ahead_s = DAY_S if notification.kind in OUTAGE_KINDS else 0  # before whatever else has waited for hours
            return Step.hold(next_step.OTHERS_FIRST, (now // MINUTE_S + 1) * MINUTE_S - ahead_s), channel
        return Step.send(), channel

    async def _opted_out(self, customer: Customer) -> bool:
        if not customer.phone or BY_NUMBER.isdisjoint(self._notifiers):
            return False
        consent = await self._deliveries.consent(customer.phone)
        return consent is not None and consent.state is ConsentState.opted_out

    def _at(
        self, record: Delivery, step: Step, notification: Notification, customer: Customer, channel: str
    ) -> Delivery:
        """The record of a message as a step leaves it."""
        now = self._clock.now()
        sending = step.state is DeliveryState.claimed
        said = msgspec.structs.replace(notification, channel=channel) if sending else notification
        quiet = step.reason == next_step.QUIET_HOURS
        return msgspec.structs.replace(
            record,
            state=step.state,
            reason=step.reason,
            channel=channel,
            critical=customer.critical,
            claimed_at=now if sending else record.claimed_at,
            not_before=now + SENDING_S if sending else step.not_before,
            # The hours of the night do not count: in the morning it is news.
            expires_at=step.not_before + OLD_NEWS_S if quiet else record.expires_at,
            body=self._letterhead.render(said, customer, now) if sending else "",
            to=customer.phone if sending and channel in BY_NUMBER else "",
            language=customer.language,
        )

    async def _go_on(self, record: Delivery, customer: Customer) -> DeliveryState:
        """Send what is claimed; anything else is where it belongs."""
        if record.state is not DeliveryState.claimed:
            self._report(record)
            return record.state
        if self._clock.now() - record.claimed_at > SENDING_S / 2:
            # The store took so long that another process may soon count this claim as abandoned, and send.
            return record.state
        assert record.notification is not None
        said = msgspec.structs.replace(record.notification, channel=record.channel)
        try:
            reference = await self._notifiers[record.channel].send(said, customer, record.body)
        except NotSent as fault:
            return await self._refused(record, customer, fault)
        except Unknown as fault:
            await self.change(record, DeliveryState.unknown, str(fault), self._clock.now() + SENDING_S)
            return DeliveryState.unknown
        return (await self.taken(record, reference)).state

    async def _refused(self, record: Delivery, customer: Customer, fault: NotSent) -> DeliveryState:
        """Note a refusal: it is tried again later, or never, and then there may be another way."""
        now = self._clock.now()
        if fault.code == OPTED_OUT:
            said = Consent(phone=record.to, state=ConsentState.opted_out, at=now, source=OPTED_OUT)
            await self._deliveries.put_consent(said)
        counted = msgspec.structs.replace(record, code=fault.code, refusals=record.refusals + 1, reason=str(fault))
        if fault.permanent:
            after = msgspec.structs.replace(counted, state=DeliveryState.failed, not_before=0)
            other = None if fault.code == OPTED_OUT else another_way(record, customer, tuple(self._notifiers), now)
            if other is not None:  # before the end is recorded: a crash in between must not lose it
                await self._deliveries.claim(other)
        else:
            wait_s = min(BACK_OFF_S << record.refusals, LONGEST_BACK_OFF_S)
            until = now + max(wait_s, fault.retry_after_s)
            after = msgspec.structs.replace(counted, state=DeliveryState.held, not_before=until, body="", to="")
        if await self._deliveries.replace(record, after):
            self._report(after)
        return after.state

    def _report(self, record: Delivery) -> None:
        """Tell whoever watches; of an outage that did not wait for the morning, also how long it took."""
        report = MessageReport()
        report.outcomes[record.state] += 1
        told = record.notification
        prompt = told is not None and told.kind in OUTAGE_KINDS and record.expires_at <= told.created_at + OLD_NEWS_S
        if told is not None and record.sent_at is not None and prompt:
            report.accepted_s.append(max(0, record.sent_at - (told.noticed_at or told.created_at)))
        self._telemetry.messages(report)


def _record(notification: Notification, customer: Customer, now: int) -> Delivery:
    return Delivery(
        key=notification.key,
        customer_id=customer.customer_id,
        incident_id=notification.incident_id,
        kind=notification.kind,
        channel="",
        state=DeliveryState.held,
        body="",
        claimed_at=now,
        expires_at=notification.created_at + OLD_NEWS_S,
        critical=customer.critical,
        language=customer.language,
        notification=notification,
    )
