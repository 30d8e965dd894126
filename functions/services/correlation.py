"""Correlation service: anomaly records from the change feed to committed incidents, suppressions and intents."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence

import msgspec

from functions.domain.anomalies import Anomaly
from functions.domain.correlation import MOST_OPERATIONS, correlate, order_of
from functions.domain.errors import Conflict, TransientFault
from functions.domain.incidents import Incident
from functions.ports import Clock, ContextStore, DeadLetters, IncidentStore
from functions.services.isolation import isolate

log = logging.getLogger(__name__)

ATTEMPTS = 8
MOST_RELEASES = 1_000
CONTEXT_REACH_S = 30 * 86_400
"""Orders that ended longer ago than this explain nothing that can still arrive."""


class CorrelationService:
    """Groups what is new on a feeder; one feeder's step is one commit."""

    def __init__(
        self, incidents: IncidentStore, context: ContextStore, letters: DeadLetters, clock: Clock, *, buffer_s: int
    ) -> None:
        self._incidents = incidents
        self._context = context
        self._letters = letters
        self._clock = clock
        self._buffer_s = buffer_s

    async def correlate(self, documents: Sequence[Mapping[str, object]]) -> list[Incident]:
        """Take in anomaly records of any feeders, as the change feed brings them; returns the revisions committed.

        Safe to repeat. A record that cannot be taken in goes to the dead letters alone.
        """
        revisions: list[Incident] = []

        async def handle(some: Sequence[Mapping[str, object]]) -> None:
            revisions.extend(await self._take_in([msgspec.convert(dict(each), Anomaly) for each in some]))

        async def bury(document: Mapping[str, object], fault: Exception) -> None:
            await self._letters.keep_document("anomalies", document, f"{type(fault).__name__}: {fault}")

        await isolate(documents, handle, bury)
        return revisions

    async def _take_in(self, anomalies: Sequence[Anomaly]) -> list[Incident]:
        by_feeder: dict[str, list[Anomaly]] = defaultdict(list)
        for anomaly in anomalies:
            by_feeder[anomaly.feeder_id].append(anomaly)
        revisions = []
        for feeder_id, these in by_feeder.items():
            revisions += await self._step(feeder_id, these)
        return revisions

    async def release(self, limit: int = 100) -> int:
        """Raise what is still anomalous after its suppression has ended; returns how many revisions were committed."""
        released = 0

        async def handle(feeders: Sequence[str]) -> None:
            nonlocal released
            for feeder_id in feeders:
                released += len(await self._step(feeder_id, []))

        async def bury(feeder_id: str, fault: Exception) -> None:
            log.error("the suppressions of feeder %s cannot be released: %s", feeder_id, fault)

        await isolate(await self._incidents.due_boards(self._clock.now(), limit), handle, bury)
        return released

    async def _step(self, feeder_id: str, anomalies: list[Anomaly]) -> list[Incident]:
        """Take in what is new on a feeder, in as few commits as it fits in; returns the revisions committed."""
        now = self._clock.now()
        orders = await self._context.orders(feeder_id, ending_after=now - CONTEXT_REACH_S)
        anomalies = sorted(anomalies, key=order_of)
        revisions: list[Incident] = []
        most, conflicts = max(len(anomalies), MOST_RELEASES), 0
        while conflicts < ATTEMPTS:
            board = await self._incidents.board(feeder_id)
            new = [anomaly for anomaly in anomalies if anomaly.id not in board.handled]
            if not new and (board.release_at or now + 1) > now:
                return revisions
            step = correlate(board, new[:most], orders, self._buffer_s, now, releases=most)
            if step.operations > MOST_OPERATIONS and most > 1:
                most //= 2
                continue
            try:
                await self._incidents.put_chunks(step.chunks)
                await self._incidents.commit(step.board, step.incidents, step.suppressions, step.intents)
            except Conflict:
                conflicts += 1
            else:
                revisions += step.incidents
        raise TransientFault(f"the board of feeder {feeder_id} changes faster than it can be written; deliver again")
