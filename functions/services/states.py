"""States: packs kept at hand, changed for a whole batch at once, and committed before anything else is told.

The conditional replace of a pack is the commit point. It carries the anomalies it found as its outbox; only when it has
succeeded are they inserted, by ids that make a second insert harmless. Whoever reads a pack flushes its outbox first.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import numpy as np

from functions.domain.anomalies import Anomaly, Kind, Phase
from functions.domain.detection import Judge
from functions.domain.errors import TransientFault
from functions.domain.outcomes import Outcome, Reason, Tally
from functions.domain.packs import LAYOUT, Pack
from functions.domain.roster import Roster
from functions.ports import AnomalyStore, PackStore, ScoreSink
from functions.services.feeders import FeederReadings
from functions.services.pack_keys import PackKey
from functions.services.pending import Pending
from functions.services.work import Work

CACHED_PACKS = 10_000
"""About 570 MB at 57 kB a pack, a quarter of a 2 GB instance: 640,000 meters."""
ATTEMPTS = 8


@dataclass
class Applied:
    """What became of the readings of a batch."""

    tally: Tally = field(default_factory=Tally)
    windows: int = 0
    anomalies: int = 0


class States:
    """The state of meters behind one door: one batch or sweep of a process at a time.

    Two at once would read the same packs and one would lose its commit. Other processes are held off by ETags.
    """

    def __init__(
        self,
        packs: PackStore,
        anomalies: AnomalyStore,
        judge: Judge,
        *,
        grace_s: int,
        sink: ScoreSink | None = None,
    ) -> None:
        self._packs = packs
        self._anomalies = anomalies
        self._judge = judge
        self._grace_s = grace_s
        self._sink = sink
        self._cache: OrderedDict[str, Pack] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def apply(self, feeders: Sequence[FeederReadings], now: int) -> Applied:
        """Apply the readings and device events of a batch. A pack that changed meanwhile is read and applied again."""
        async with self._one_at_a_time:
            applied = Applied()
            todo = Pending.of(feeders)
            for _ in range(ATTEMPTS):
                if not todo.empty:
                    todo = await self._attempt(todo, applied, now)
            if todo.empty:
                return applied
            raise TransientFault(f"pack {todo.packs()[0][0].id} changes faster than it can be written; deliver again")

    async def sweep(self, packs: Sequence[Pack], rosters: dict[str, Roster], now: int) -> int:
        """Report meters of these packs that are overdue, and clear outboxes; returns how many fell silent."""
        async with self._one_at_a_time:
            keys = [PackKey.parse(pack.id, rosters[pack.feeder_id]) for pack in packs]
            for pack in packs:
                await self._flush(pack)
            flushed = [msgspec.structs.replace(pack, outbox=()) for pack in packs]
            work = await asyncio.to_thread(Work, keys, flushed, self._judge.prior)
            await asyncio.to_thread(work.overdue, self._grace_s, now)
            committed = await self._commit(work, now)
            for ok, key in zip(committed, keys, strict=True):
                if not ok:
                    self._cache.pop(key.id, None)  # somebody else wrote it; the next minute sweeps again
            return sum(
                anomaly.kind == Kind.no_reads.name and anomaly.phase == Phase.opened
                for box, ok in zip(work.outboxes, committed, strict=True)
                if ok
                for anomaly in box
            )

    async def meters(self, roster: Roster, numbers: Sequence[int]) -> Work:
        """The stored state of some packs of a feeder, for people to look at."""
        keys = [PackKey(roster, number) for number in numbers]
        stored = await self._packs.read([key.id for key in keys])
        return Work(keys, [stored.get(key.id) or _new_pack(key) for key in keys], self._judge.prior)

    async def _attempt(self, todo: Pending, applied: Applied, now: int) -> Pending:
        keys, pack_of_reading, pack_of_event = todo.packs()
        work = Work(keys, await self._load(keys), self._judge.prior)
        outcome = await asyncio.to_thread(todo.run, work, pack_of_reading, pack_of_event, self._judge, now)
        committed = np.array(await self._commit(work, now), bool)
        done, events_done = committed[pack_of_reading], committed[pack_of_event]
        for code in (Outcome.applied, Outcome.duplicate, Outcome.late):
            applied.tally.add(code, int((outcome.readings[done] == code).sum()))
            applied.tally.add(code, int((outcome.events[events_done] == code).sum()))
        todo.refuse(np.flatnonzero(done & (outcome.readings == Outcome.quarantined)), Reason.interval_changed)
        if self._sink is not None:
            self._sink.take(work.scores(committed))
        applied.windows += work.windows(committed)
        applied.anomalies += sum(len(box) for box, ok in zip(work.outboxes, committed, strict=True) if ok)
        for key, ok in zip(keys, committed, strict=True):
            if not ok:
                self._cache.pop(key.id, None)
        return todo.rest(~done, ~events_done)

    async def _load(self, keys: Sequence[PackKey]) -> list[Pack]:
        missing = [key.id for key in keys if key.id not in self._cache]
        stored = await self._packs.read(missing) if missing else {}
        packs = []
        for key in keys:
            pack = self._cache.get(key.id) or stored.get(key.id) or _new_pack(key)
            packs.append(await self._flush(pack))
        return packs

    async def _flush(self, pack: Pack) -> Pack:
        """Insert the anomalies a commit left behind; the pack's next replace clears them."""
        if not pack.outbox:
            return pack
        await self._anomalies.insert(pack.outbox)
        return msgspec.structs.replace(pack, outbox=())

    async def _commit(self, work: Work, now: int) -> list[bool]:
        """Write the packs that changed, then tell their anomalies; returns which packs are committed."""
        packs = work.packs(now, self._grace_s)
        changed = [place for place, pack in enumerate(packs) if work.differs(place, pack)]
        etags = await self._packs.write([packs[place] for place in changed])
        committed = [True] * len(packs)
        found: list[Anomaly] = []
        for place, etag in zip(changed, etags, strict=True):
            committed[place] = etag is not None
            if etag is not None:
                self._remember(msgspec.structs.replace(packs[place], etag=etag))
                found += packs[place].outbox
        if found:
            await self._anomalies.insert(found)
            for place, etag in zip(changed, etags, strict=True):
                if etag is not None and packs[place].outbox:
                    self._remember(msgspec.structs.replace(packs[place], etag=etag, outbox=()))
        return committed

    def _remember(self, pack: Pack) -> None:
        self._cache[pack.id] = pack
        self._cache.move_to_end(pack.id)
        while len(self._cache) > CACHED_PACKS:
            self._cache.popitem(last=False)


def _new_pack(key: PackKey) -> Pack:
    return Pack(id=key.id, feeder_id=key.roster.feeder_id, layout=LAYOUT, data=b"")
