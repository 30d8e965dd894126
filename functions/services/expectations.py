"""Expectations service: estimates of a feeder's outages by what the whole utility has shown, and learning from it."""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import msgspec

from functions.domain.board import Board
from functions.domain.errors import Conflict
from functions.domain.expected_end import expected_by
from functions.domain.incident_search import Cursor, IncidentSearch
from functions.domain.incidents import OPEN, Incident, IncidentKind
from functions.domain.restoration import RestorationModel
from functions.domain.restoration_learning import Learnt, learn
from functions.domain.revising import Estimate
from functions.domain.topology import DeviceKind, FeederMap
from functions.ports import Clock, ExpectationStore, IncidentStore

log = logging.getLogger(__name__)

LEARN_S = 5 * 60
"""An outage that is over stays open on its board for a quarter of an hour: none is missed between two looks."""
CACHED_S = 5 * 60
"""A calibration moves by half a per cent a lesson."""
PAGE = 500
MOST_PAGES = 20
"""Open incidents looked through at a time, in a storm that has more."""
AT_ONCE = 50
NO_ZONE = "UTC"
OUTAGES = IncidentSearch(states=frozenset(OPEN), kinds=frozenset({IncidentKind.outage}))


class ExpectationService:
    """Answers from what it read some minutes ago; `learn` keeps that up to date for every process."""

    def __init__(
        self,
        store: ExpectationStore,
        incidents: IncidentStore,
        model: RestorationModel | None,
        time_zone: str,
        clock: Clock,
    ) -> None:
        self._store = store
        self._incidents = incidents
        self._model = model
        # A utility that has not said where it is has no nights and weekends.
        self._zone = None if time_zone == NO_ZONE else ZoneInfo(time_zone)
        self._clock = clock
        self._learnt: tuple[Learnt, int] | None = None

    async def over(self, board: Board, feeder: FeederMap, now: int) -> Estimate | None:
        """What is expected of the incidents of a board; None without a model."""
        if self._model is None:
            return None
        try:
            learnt = await self._known(now)
        except (msgspec.DecodeError, zlib.error, ValueError):
            log.exception("what outages have taught cannot be read, and nothing is estimated; delete it, or redeploy")
            return None
        return expected_by(self._model, learnt, board=board, feeder=feeder, utc_offset_s=self._offset(now))

    async def learn(self) -> bool:
        """Learn from the utility's outages if nobody has for some minutes; returns whether it did. Safe to repeat."""
        now = self._clock.now()
        if self._model is None or 0 <= now - (await self._known(now)).at < LEARN_S:
            return False
        known = await self._store.read()
        if not 0 <= now - known.at < LEARN_S:
            outages = await self._outages(known)
            after = learn(known, outages, now)
            try:
                etag = await self._store.write(after)
            except Conflict:  # somebody else has learnt the same just now
                self._learnt = None
                return False
            self._learnt = msgspec.structs.replace(after, etag=etag), now
            return True
        self._learnt = known, now
        return False

    async def _known(self, now: int) -> Learnt:
        if self._learnt is None or not 0 <= now - self._learnt[1] < CACHED_S:
            self._learnt = await self._store.read(), now
        return self._learnt[0]

    async def _outages(self, known: Learnt) -> list[Incident]:
        """Those that are on, and the newest revisions of those that were followed and are so no more."""
        found = {each.incident_id: each for each in await self._open()}
        left = [(each, followed.feeder_id) for each, followed in known.following.items() if each not in found]
        ended: list[Incident | None] = []
        for first in range(0, len(left), AT_ONCE):
            some = left[first : first + AT_ONCE]
            ended += await asyncio.gather(*(self._incidents.head(feeder_id, each) for each, feeder_id in some))
        return [*found.values(), *(each for each in ended if each is not None)]

    async def _open(self) -> list[Incident]:
        found: list[Incident] = []
        after: Cursor | None = None
        for _ in range(MOST_PAGES):
            some: Sequence[Incident] = await self._incidents.page(OUTAGES, after, PAGE)
            found += [each for each in some if OUTAGES.matches(each) and each.device_kind != DeviceKind.substation]
            if len(some) < PAGE:
                break
            after = Cursor.of(some[-1])
        return found

    def _offset(self, now: int) -> int | None:
        if self._zone is None:
            return None
        offset = datetime.fromtimestamp(now, UTC).astimezone(self._zone).utcoffset()
        return None if offset is None else int(offset.total_seconds())
