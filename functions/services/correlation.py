"""Correlation service: anomaly records from the change feed to committed incidents, suppressions and intents."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import msgspec

from functions.domain import actions
from functions.domain.alarm_profile import subjects
from functions.domain.anomalies import Anomaly
from functions.domain.board import Board, Memory
from functions.domain.correlation import correlate
from functions.domain.errors import Conflict, RejectedDocument, TransientFault
from functions.domain.incidents import Incident, IncidentState
from functions.domain.intake import order_of
from functions.domain.publication import Correlation
from functions.domain.roster import Roster
from functions.domain.topology import FeederMap
from functions.ports import Clock, DeadLetters, IncidentStore, PackStore
from functions.services.expectations import ExpectationService
from functions.services.feeders import Feeders
from functions.services.grid_context import ContextService
from functions.services.isolation import isolate
from functions.services.powered import Powered

log = logging.getLogger(__name__)

ATTEMPTS = 8
CACHED_MAPS = 500
Act = Callable[[Board], object]
"""What an operator does to a board."""


class CorrelationService:
    """Groups what is new on a feeder; one feeder's step is one commit, or as many as it takes."""

    def __init__(
        self,
        incidents: IncidentStore,
        context: ContextService,
        feeders: Feeders,
        packs: PackStore,
        letters: DeadLetters,
        clock: Clock,
        *,
        expectations: ExpectationService | None = None,
    ) -> None:
        self._incidents = incidents
        self._context = context
        self._feeders = feeders
        self._powered = Powered(packs)
        self._letters = letters
        self._clock = clock
        self._expectations = expectations
        self._maps: dict[str, tuple[Roster, FeederMap]] = {}

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
        """Do what the clock has made due on open boards: tell, confirm, escalate, close, release suppressions.

        Returns how many revisions were committed.
        """
        revised = 0

        async def handle(feeders: Sequence[str]) -> None:
            nonlocal revised
            for feeder_id in feeders:
                revised += len(await self._step(feeder_id, []))

        async def bury(feeder_id: str, fault: Exception) -> None:
            log.error("the board of feeder %s cannot be brought up to date: %s", feeder_id, fault)

        await isolate(await self._incidents.due_boards(self._clock.now(), limit), handle, bury)
        return revised

    async def reconsider(self, feeder_ids: Sequence[str]) -> list[Incident]:
        """Look at feeders again because their work orders have changed; returns the revisions committed."""
        return [revision for each in feeder_ids for revision in await self._step(each, [], act=_look)]

    async def acknowledge(self, feeder_id: str, incident_id: str, by: str, at: int) -> Incident:
        """Note that somebody looks after an open incident; raises `RejectedDocument` when it is over."""
        return await self._act(feeder_id, incident_id, lambda board: actions.acknowledge(board, incident_id, by, at))

    async def judge(self, feeder_id: str, incident_id: str, verdict: str, by: str, at: int) -> Incident:
        """Note whether an incident was real, open or over; the feeder's alarm profile learns from it."""
        found = await self._incidents.find(incident_id)
        if found is None or found.feeder_id != feeder_id:
            raise RejectedDocument("incident_id", f"names no incident of feeder {feeder_id}")
        if verdict not in actions.VERDICTS:
            raise RejectedDocument("verdict", f"is none of {' and '.join(actions.VERDICTS)}; send one of them")
        if found.verdict == verdict:  # said before: it teaches nothing more
            return found
        board = await self._incidents.board(feeder_id)
        if board.incident(incident_id) is None:
            revision = await self._judge_closed(found, verdict, by, at)
        else:
            revision = await self._act(
                feeder_id, incident_id, lambda board: actions.judge(board, incident_id, verdict, by, at)
            )
        chunks = await self._incidents.chunks(feeder_id, found.chunks)
        about = subjects(member.kind for chunk in chunks for member in chunk.members)
        await self._context.learn(feeder_id, about, found.started_at, verdict == "confirmed")
        return revision

    async def inform(
        self,
        feeder_id: str,
        incident_id: str,
        *,
        cause: str | None = None,
        crew_status: str | None = None,
        utility_estimate: int | None = None,
    ) -> Incident:
        """Note what has become known of an open incident; raises `RejectedDocument` when it is over."""

        facts = {"cause": cause, "crew_status": crew_status}
        at = self._clock.now()

        def act(board: Board) -> None:
            actions.inform(board, incident_id, **facts, utility_estimate=utility_estimate, at=at)

        return await self._act(feeder_id, incident_id, act)

    async def adopt(self, feeder_id: str, incident_id: str, parent_id: str) -> None:
        """Note that an open incident is part of one of the device above; one that is over stays as it is."""
        board = await self._incidents.board(feeder_id)
        if actions.adopt(board, incident_id, parent_id):
            await self._step(feeder_id, [], act=lambda board: actions.adopt(board, incident_id, parent_id))

    async def _act(self, feeder_id: str, incident_id: str, act: Act) -> Incident:
        """Let an operator change an incident, and publish it; what changes nothing gives the newest revision."""
        revisions = [each for each in await self._step(feeder_id, [], act=act) if each.incident_id == incident_id]
        newest = revisions[-1] if revisions else await self._incidents.find(incident_id)
        assert newest is not None, "an incident on a board has been published"
        return newest

    async def _judge_closed(self, last: Incident, verdict: str, by: str, at: int) -> Incident:
        """Revise an incident that is over: what was real stays closed, what was not is a false alarm."""
        state = IncidentState.closed if verdict == "confirmed" else IncidentState.false_alarm
        revision = msgspec.structs.replace(
            last,
            id=f"{last.incident_id}:r{last.revision + 1}",
            revision=last.revision + 1,
            state=state,
            verdict=verdict,
            counted=last.counted and state is not IncidentState.false_alarm,
            acknowledged_by=last.acknowledged_by or by,
            acknowledged_at=at if last.acknowledged_at is None else last.acknowledged_at,
            updated_at=at,
        )
        board = await self._incidents.board(last.feeder_id)
        if last.incident_id in board.retired:  # should it come back, it goes on counting from here
            board.retired[last.incident_id] = revision.revision
        try:
            await self._incidents.commit(board, [revision], [], [])
        except Conflict as fault:
            raise TransientFault(f"incident {last.incident_id} was revised by somebody else; send it again") from fault
        return revision

    async def _step(self, feeder_id: str, anomalies: Sequence[Anomaly], act: Act | None = None) -> list[Incident]:
        """Take in what is new on a feeder, in as few commits as it fits in; returns the revisions committed."""
        now = self._clock.now()
        roster = await self._feeders.roster(feeder_id, now)
        feeder = self._map(roster)
        context = await self._context.of(feeder_id, feeder.substation_id, now)
        anomalies = sorted(anomalies, key=order_of)
        revisions: list[Incident] = []
        conflicts, more = 0, act is not None
        while conflicts < ATTEMPTS:
            board = await self._incidents.board(feeder_id)
            memory = Memory(board, now)
            new = [anomaly for anomaly in anomalies if anomaly.id not in memory]
            due = board.release_at is not None and board.release_at <= now
            if not new and not more and not due:
                return revisions
            storm = bool(new) and board.in_storm(now)
            powered = {} if storm else await self._powered.of(board, new, roster, feeder, now)
            if act is not None:
                act(board)
            estimate = await self._expectations.over(board, feeder, now) if self._expectations else None
            step = correlate(board, new, feeder, powered, context, now, estimate=estimate)
            if await self._commit(step):
                revisions += step.incidents
                if not step.more:
                    return revisions
                more, act = True, None
            else:
                conflicts += 1
        raise TransientFault(f"the board of feeder {feeder_id} changes faster than it can be written; deliver again")

    def _map(self, roster: Roster) -> FeederMap:
        """The map of a roster, made once for each version of it."""
        known = self._maps.get(roster.feeder_id)
        if known is None or known[0] is not roster:
            if len(self._maps) >= CACHED_MAPS:
                self._maps.clear()
            known = self._maps[roster.feeder_id] = (roster, FeederMap.of(roster))
        return known[1]

    async def _commit(self, step: Correlation) -> bool:
        """Write a step, chunks before what names them; False when somebody else has changed the board."""
        await self._incidents.put_chunks(step.chunks)
        try:
            await self._incidents.commit(step.board, step.incidents, step.suppressions, step.intents)
        except Conflict:
            return False
        return True


def _look(board: Board) -> None:
    """Change nothing: the step itself is what is wanted."""
