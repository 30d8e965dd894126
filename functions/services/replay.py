"""Replay: a dead letter is played again, now that its cause may have been cured.

A letter goes only after everything in it took effect; what is refused again stays, under the same id. A crash in
between leaves the letter, and playing it once more is harmless: readings are known by meter and slot, anomaly records
and messages by their keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, TypeVar

import msgspec

from functions.domain.errors import InputError, NotSent, TransientFault
from functions.domain.incidents import Incident
from functions.domain.letters import Letter, LetterKind
from functions.domain.notifications import Notification
from functions.ports import DeadLetters, LetterSource
from functions.services.correlation import CorrelationService
from functions.services.delivery import DeliveryService
from functions.services.dispatch import NOTIFICATIONS
from functions.services.fan_out import FanOutService
from functions.services.refused_records import RefusedRecords
from functions.services.returned_letters import ReturnedLetters
from functions.services.scoring import Event, ScoringService
from functions.services.work_order_intake import ORDERS, WorkOrderIntake

ANOMALIES, INCIDENTS = "anomalies", "incidents"

Service = TypeVar("Service")
Keeping = Callable[[DeadLetters], Service]
"""Makes a service that keeps what it refuses in the given letters."""
Publish = Callable[[Sequence[Incident]], Awaitable[None]]
"""Sends incident revisions to the utility's outage management."""


class Replayed(NamedTuple):
    """What became of one letter."""

    id: str
    outcomes: Mapping[str, int]
    """Counts of readings by outcome, or of what a document led to."""
    kept: str
    """Why it, or a part of it, is still a dead letter; empty when it is gone."""


class ReplayService:
    """Plays letters again through the services that first refused them."""

    def __init__(
        self,
        letters: DeadLetters,
        scoring: Keeping[ScoringService],
        correlation: Keeping[CorrelationService],
        fan_out: Keeping[FanOutService],
        work_orders: Keeping[WorkOrderIntake],
        delivery: DeliveryService,
        publish: Publish | None,
    ) -> None:
        self._letters = letters
        self._scoring = scoring
        self._correlation = correlation
        self._fan_out = fan_out
        self._work_orders = work_orders
        self._delivery = delivery
        self._publish = publish or _no_hub

    async def replay(self, letter_id: str) -> Replayed:
        """Play one letter. Raises `InputError` for an unknown id, `TransientFault` with the letter left as it is."""
        letter = await self._letters.find(letter_id)
        if letter is None:
            raise InputError(f"there is no dead letter {letter_id}; list them to see their ids")
        outcomes: Counter[str] = Counter()
        match letter.kind:
            case LetterKind.event:
                left = await self._event(letter, letter.content, outcomes)
            case LetterKind.refusals:
                left = await self._refusals(letter, outcomes)
            case LetterKind.document:
                left = await self._document(letter, outcomes)
        # What is left is written before the letter goes: a crash in between leaves both, never neither.
        for each in left:
            if each != letter:
                await self._keep(each)
        if all(each.id != letter.id for each in left):
            await self._letters.remove(letter.id)
        return Replayed(letter.id, +outcomes, "; ".join(each.reason for each in left))

    async def _event(self, letter: Letter, body: bytes, outcomes: Counter[str]) -> list[Letter]:
        returned = ReturnedLetters()
        source = LetterSource(letter.partition, letter.sequence_number)
        report = await self._scoring(returned).score([Event(body, source)])
        outcomes.update(report.tally.as_dict())
        return await returned.letters(limit=2)

    async def _refusals(self, letter: Letter, outcomes: Counter[str]) -> list[Letter]:
        """Play the records that are whole. If an event of them fails as a whole, the letter stays as it was."""
        records = RefusedRecords.of(letter.refusals)
        refused = list(records.rest)
        outcomes["not_replayable"] += len(records.rest)
        for body in records.bodies:
            for returned in await self._event(letter, body, outcomes):
                if returned.kind is not LetterKind.refusals:
                    return [msgspec.structs.replace(letter, reason=returned.reason)]
                refused += returned.refusals
        return [Letter.of_refusals(letter.partition, letter.sequence_number, refused)] if refused else []

    async def _document(self, letter: Letter, outcomes: Counter[str]) -> list[Letter]:
        document = _document(letter)
        returned = ReturnedLetters()
        try:
            await self._take_in(letter.partition, document, returned, outcomes)
        except TransientFault:
            raise
        except Exception as fault:  # noqa: BLE001  # whatever it is, the letter stays and says so
            await returned.keep_document(letter.partition, document, f"{type(fault).__name__}: {fault}")
        return await returned.letters(limit=1)

    async def _take_in(
        self, origin: str, document: dict[str, object], returned: DeadLetters, outcomes: Counter[str]
    ) -> None:
        if origin == ANOMALIES:
            outcomes["incident_revisions"] += len(await self._correlation(returned).correlate([document]))
        elif origin == INCIDENTS:
            out = await self._fan_out(returned).expand([document])
            if out.revisions:
                await self._publish(out.revisions)
                outcomes["published"] += len(out.revisions)
            await self._deliver(out.notifications, outcomes)
        elif origin == ORDERS:
            outcomes["work_orders"] += await self._work_orders(returned).retake(document)
        elif origin == NOTIFICATIONS:
            await self._deliver([msgspec.convert(document, Notification)], outcomes)
        else:
            raise InputError(f"nobody takes in documents of {origin}")

    async def _deliver(self, notifications: Sequence[Notification], outcomes: Counter[str]) -> None:
        for notification in notifications:
            state = await self._delivery.deliver(notification)
            outcomes["sent_before" if state is None else state.value] += 1

    async def _keep(self, letter: Letter) -> None:
        source = LetterSource(letter.partition, letter.sequence_number)
        match letter.kind:
            case LetterKind.event:
                await self._letters.keep_event(source, letter.reason, letter.content)
            case LetterKind.refusals:
                await self._letters.keep(source, letter.refusals)
            case LetterKind.document:
                await self._letters.keep_document(letter.partition, _document(letter), letter.reason)


def _document(letter: Letter) -> dict[str, object]:
    return msgspec.json.decode(letter.content, type=dict[str, object])


async def _no_hub(revisions: Sequence[Incident]) -> None:
    raise NotSent(f"no event hub is connected to publish {revisions[0].id} on")
