"""Inbound: what customers write back — stop, start, help, the state of their address, or that their power is out."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import NamedTuple

from functions.domain.board import Board, OpenIncident
from functions.domain.catalogue import FALLBACK
from functions.domain.catalogue import language as catalogue_of
from functions.domain.conversation import Command, Heard, Reply, about, say, understand
from functions.domain.customers import Consent, ConsentState, Customer
from functions.domain.incidents import IncidentKind
from functions.domain.messages import Letterhead
from functions.domain.notifications import short_reference
from functions.domain.spoken_times import spoken
from functions.ports import Clock, CustomerStore, DeliveryStore, IncidentStore, ReportsOfOutage, RosterStore

log = logging.getLogger("metersentry.inbound")

MOST_CUSTOMERS = 5
"""Of one number: more share it in a block of flats, where a word does not say whose power is out."""


class Inbound(NamedTuple):
    """A message somebody wrote to our number."""

    phone: str
    """E.164."""
    body: str
    answered: bool = False
    """The provider has answered it by itself: it does so to the standard words, where it was told to."""


class InboundService:
    """Understands a message, does what it asks for, and says what to answer; safe to repeat."""

    def __init__(
        self,
        customers: CustomerStore,
        deliveries: DeliveryStore,
        incidents: IncidentStore,
        rosters: RosterStore,
        reports: ReportsOfOutage,
        clock: Clock,
        *,
        letterhead: Letterhead,
    ) -> None:
        self._customers = customers
        self._deliveries = deliveries
        self._incidents = incidents
        self._rosters = rosters
        self._reports = reports
        self._clock = clock
        self._letterhead = letterhead

    async def take(self, message: Inbound) -> str:
        """Take one message; returns the text of the answer, empty when there is to be none."""
        heard = understand(message.body)
        # Consent before all else, and for strangers, too: a number may be imported tomorrow.
        if heard is not None and heard.command in (Command.stop, Command.start):
            await self._consent(message.phone, heard)
        customers = (await self._customers.with_phone(message.phone))[:MOST_CUSTOMERS]
        log.info("%d customers wrote %s", len(customers), heard.command if heard else "something else")
        language = _language(heard, customers)
        answer = await self._answer(heard, customers, language)
        return "" if message.answered else answer

    async def _consent(self, phone: str, heard: Heard) -> None:
        state = ConsentState.opted_out if heard.command is Command.stop else ConsentState.opted_in
        await self._deliveries.put_consent(Consent(phone=phone, state=state, at=self._clock.now(), source=heard.word))

    async def _answer(self, heard: Heard | None, customers: Sequence[Customer], language: str) -> str:
        if heard is None:
            return say(Reply.not_understood, language)
        match heard.command:
            case Command.stop:
                return say(Reply.stopped, language)
            case Command.start:
                return say(Reply.started, language)
            case Command.help:
                return about(language, self._letterhead.utility, self._letterhead.phone)
            case Command.status:
                return await self._status(customers, language)
            case Command.out:
                return await self._out(customers, language)

    async def _status(self, customers: Sequence[Customer], language: str) -> str:
        if not customers:
            return say(Reply.stranger, language)
        for customer in customers:
            found = await self._outage_of(customer)
            if found is not None:
                zone, now = self._letterhead.zone(customer), self._clock.now()
                since = spoken(_since(*found, customer), "since", catalogue_of(language), zone, now)
                reference = short_reference(found[1].incident_id)
                return say(Reply.power_out, language, since=since, reference=reference)
        return say(Reply.no_outage, language)

    async def _out(self, customers: Sequence[Customer], language: str) -> str:
        # One after the other: two reports on one feeder would only get in each other's way.
        meters = sum([await self._reports.take(customer.customer_id) for customer in customers])
        return say(Reply.reported if meters else Reply.stranger, language)

    async def _outage_of(self, customer: Customer) -> tuple[Board, OpenIncident] | None:
        """The outage that a meter of the customer is in at this moment."""
        for feeder_id in await self._rosters.feeders_of(customer.customer_id):
            board = await self._incidents.board(feeder_id)
            for incident in board.incidents:
                if incident.kind is IncidentKind.outage and _since(board, incident, customer):
                    return board, incident
        return None


def _since(board: Board, incident: OpenIncident, customer: Customer) -> int:
    """When the customer's power went, 0 where it is on."""
    out = [
        each.start
        for each in board.troubles.values()
        if each.incident_id == incident.incident_id and each.customer_id == customer.customer_id and each.end is None
    ]
    return min(out, default=0)


def _language(heard: Heard | None, customers: Sequence[Customer]) -> str:
    """The language of the word, where only one has it; or else the customer's."""
    if heard is not None and len(heard.languages) == 1 and FALLBACK not in heard.languages:
        return next(iter(heard.languages))
    return catalogue_of(customers[0].language).code if customers else FALLBACK
