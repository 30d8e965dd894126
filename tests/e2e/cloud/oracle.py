"""The oracle: the same services in one process over SQLite, never disturbed, told the same story."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import msgspec
from e2e.cloud.end_state import BY_THE_CLOCK, EndState, outage, told
from e2e.cloud.stories import LATER_S, Chapter
from functional.promise_house import House

from functions.adapters.sqlite.streams import SqliteFeed
from functions.domain.customers import OPERATORS
from functions.domain.incidents import Incident

MOST = 100_000


class Oracle:
    """`with Oracle() as oracle:` tell it chapters, then ask how it ends."""

    def __enter__(self) -> Self:
        self.house = House()
        self._anomalies = SqliteFeed(self.house.database, "anomalies")
        self._incidents = SqliteFeed(self.house.database, "incidents")
        return self

    def __exit__(self, *_: object) -> None:
        self.house.database.close()

    async def load(self, meters: Mapping[str, Sequence[str]]) -> None:
        """Load a story's roster."""
        await self.house.load(meters)

    async def hear(self, chapter: Chapter) -> None:
        """Live through one chapter to its end."""
        application = self.house.application
        await self.house.score([each.body for each in chapter.events])
        await application.correlation.correlate(_read(self._anomalies))
        await self._fan_out()
        now = self.house.clock.now()
        self.house.clock.set(now + LATER_S)
        await application.correlation.release()
        self.house.clock.set(now)
        await self._fan_out()

    async def _fan_out(self) -> None:
        application = self.house.application
        for notification in (await application.fan_out.expand(_read(self._incidents))).notifications:
            state = await application.delivery.deliver(notification)
            # Of operators' news every revision is a reminder, of which the first is told.
            assert state or notification.customer_id == OPERATORS

    async def end(self) -> EndState:
        """How the story ends."""
        incidents: list[Incident] = await self.house.stores.incidents.latest(state=None, feeder_id=None, limit=MOST)
        members = [await self.house.stores.incidents.chunks(each.feeder_id, each.chunks) for each in incidents]
        sent = self._deliveries()
        return EndState(
            meters=self.house.meters(),
            anomalies=self.house.anomalies(),
            incidents=sorted(outage(each, chunks) for each, chunks in zip(incidents, members, strict=True)),
            told=sorted(told(each) for each in sent),
            deliveries=sorted((each["customer_id"], each["kind"], each["state"]) for each in sent),
            letters=sorted(each["id"] for each in self.house.letters()),
        )

    def _deliveries(self) -> list[dict[str, str]]:
        rows = self.house.database.rows("SELECT body FROM documents WHERE container = ?", ("deliveries",))
        deliveries = [msgspec.json.decode(body) for (body,) in rows]
        return [each for each in deliveries if each["kind"] != BY_THE_CLOCK]


def _read(feed: SqliteFeed) -> list[dict[str, object]]:
    changes = feed.read(MOST)
    if changes:
        feed.advance(changes[-1].position)
    return [{**msgspec.json.decode(each.body), "type": each.type} for each in changes]
