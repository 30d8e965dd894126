"""Parents service: revisions of feeders' outages become the outage of their substation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from functions.domain.errors import Conflict, TransientFault
from functions.domain.incidents import Incident
from functions.domain.parents import concerns, follow, partition_of
from functions.domain.topology import FeederMap
from functions.ports import Clock, IncidentStore, RosterStore
from functions.services.correlation import CorrelationService
from functions.services.feeders import Feeders

ATTEMPTS = 8
REFRESH_S = 3_600
"""Feeders move from one substation to another by switching plans, which take their time."""


class ParentService:
    """Follows the feeders' revisions, as the change feed brings them."""

    def __init__(
        self,
        incidents: IncidentStore,
        rosters: RosterStore,
        feeders: Feeders,
        correlation: CorrelationService,
        clock: Clock,
    ) -> None:
        self._incidents = incidents
        self._rosters = rosters
        self._feeders = feeders
        self._correlation = correlation
        self._clock = clock
        self._counted: tuple[dict[str, int], int] = {}, 0

    async def follow(self, revisions: Sequence[Incident]) -> list[Incident]:
        """Bring the substations of some revisions up to date; returns their own revisions. Safe to repeat."""
        by_substation: dict[str, list[Incident]] = defaultdict(list)
        for revision in revisions:
            if concerns(revision):
                by_substation[revision.substation_id].append(revision)
        made = []
        for substation_id, these in by_substation.items():
            made += await self._follow(substation_id, these)
        return made

    async def _follow(self, substation_id: str, revisions: list[Incident]) -> list[Incident]:
        now = self._clock.now()
        feeders = (await self._feeders_of_substations(now)).get(substation_id, 0)
        for _ in range(ATTEMPTS):
            board = await self._incidents.board(partition_of(substation_id))
            made = follow(board, revisions, feeders, now)
            try:
                await self._incidents.commit(board, made, [], [])
            except Conflict:
                continue
            for parent in made:
                for child in board.children.values():
                    if child.incident_id in parent.children:
                        await self._correlation.adopt(child.feeder_id, child.incident_id, parent.incident_id)
            return made
        raise TransientFault(f"the outage of substation {substation_id} changes faster than it can be written")

    async def _feeders_of_substations(self, now: int) -> dict[str, int]:
        """How many feeders every substation has; read anew once an hour, and only while a whole feeder is out."""
        counted, at = self._counted
        if not counted or not 0 <= now - at < REFRESH_S:
            counted = {}
            for feeder_id in await self._rosters.feeders():
                substation = FeederMap.of(await self._feeders.roster(feeder_id, now)).substation_id
                if substation:
                    counted[substation] = counted.get(substation, 0) + 1
            self._counted = counted, now
        return counted
