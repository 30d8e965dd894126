"""Incidents in Cosmos DB: a feeder is a partition, and one step of it is one transactional batch.

Beside the revisions, which the change feed must see and so are only ever inserted, every incident has a *head* that
holds its newest revision: whoever looks at incidents reads heads and never their history. The board is kept compressed,
because a storm's members repeat themselves: 4,000 suppressed meters are 2.5 MB of JSON and a tenth of that here. The
ledger of suppressions is kept in documents of many lines, so that no storm fills a batch.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import zlib
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from functions import names
from functions.adapters.cosmos.container import CosmosContainer, Document, plain
from functions.adapters.cosmos.database import CosmosDatabase
from functions.adapters.cosmos.schema import RECORD_TTL_S
from functions.domain.board import Board, read_board, stored_board
from functions.domain.context import Suppression
from functions.domain.incident_search import Cursor, IncidentSearch
from functions.domain.incidents import Incident, MemberChunk
from functions.domain.notifications import Intent
from functions.domain.publication import LEDGER_LINES

FASTEST = 1
"""Of zlib's levels: a board repeats itself so much that more effort gains little."""


class CosmosIncidents:
    """An `IncidentStore`; incident revisions and intents are what the change feed is watched for."""

    def __init__(self, database: CosmosDatabase) -> None:
        self._incidents = CosmosContainer(database, names.INCIDENTS)

    async def board(self, feeder_id: str) -> Board:
        """The feeder's board, or an empty one."""
        found = await self._incidents.read(feeder_id, "board")
        if found is None:
            return Board(feeder_id=feeder_id)
        board = read_board(zlib.decompress(base64.b64decode(found["body"])), feeder_id)
        board.etag = found["_etag"]
        return board

    async def put_chunks(self, chunks: Iterable[MemberChunk]) -> None:
        """Write member chunks."""
        await asyncio.gather(*(self._incidents.put(plain(each, type="members", ttl=RECORD_TTL_S)) for each in chunks))

    async def commit(
        self,
        board: Board,
        incidents: Sequence[Incident],
        suppressions: Sequence[Suppression],
        intents: Sequence[Intent],
    ) -> None:
        """Replace the board if unchanged and insert the records, all or nothing."""
        operations: list[tuple[Any, ...]] = [_board(board)]
        operations += [("create", (plain(each, type="incident"),)) for each in incidents]
        operations += [("upsert", (_head(each),)) for each in incidents]
        operations += [("create", (plain(each, type="intent", ttl=RECORD_TTL_S),)) for each in intents]
        operations += [("upsert", (each,)) for each in _ledger(board.feeder_id, suppressions)]
        await self._incidents.commit(board.feeder_id, operations)

    async def chunks(self, feeder_id: str, ids: Sequence[str]) -> list[MemberChunk]:
        """Member chunks by id."""
        found = await asyncio.gather(*(self._incidents.read(feeder_id, each) for each in ids))
        return [msgspec.convert(each, MemberChunk) for each in found if each is not None]

    async def due_boards(self, before: int, limit: int) -> list[str]:
        """Partitions whose board is to be looked at again at or before `before`."""
        text = (
            "SELECT c.feeder_id FROM c WHERE c.type = 'board' AND c.release_at <= @before"
            " ORDER BY c.release_at OFFSET 0 LIMIT @limit"
        )
        found = self._incidents.query(text, {"before": before, "limit": limit})
        return [each["feeder_id"] async for each in found]

    async def latest(self, *, state: str | None, feeder_id: str | None, limit: int) -> list[Incident]:
        """Newest revision of incidents, latest start first."""
        wanted = "c.type = 'head'" if state is None else "c.type = 'head' AND c.state = @state"
        text = f"SELECT VALUE c.incident FROM c WHERE {wanted} ORDER BY c.started_at DESC OFFSET 0 LIMIT @limit"  # noqa: S608  # conditions are above
        values: dict[str, object] = {"limit": limit} if state is None else {"limit": limit, "state": state}
        found = self._incidents.query(text, values, partition=feeder_id)
        incidents = [msgspec.convert(each, Incident) async for each in found]
        return sorted(incidents, key=lambda each: (-each.started_at, each.incident_id))

    async def head(self, feeder_id: str, incident_id: str) -> Incident | None:
        """Newest revision of one incident."""
        found = await self._incidents.read(feeder_id, incident_id)
        return None if found is None else msgspec.convert(found["incident"], Incident)

    async def page(self, search: IncidentSearch, after: Cursor | None, limit: int) -> list[Incident]:
        """Newest revision of incidents behind a cursor, latest start first; by state, feeder and start only."""
        text, values = page_query(search, after)
        found = self._incidents.query(text, values, partition=search.feeder_id or None)
        incidents: list[Incident] = []
        async for each in found:
            incident = msgspec.convert(each, Incident)
            # Of one start they come in no order: all of them are read before any is left out.
            if len(incidents) >= limit and incident.started_at < incidents[-1].started_at:
                break
            if after is None or (-incident.started_at, incident.incident_id) > (-after.started_at, after.incident_id):
                incidents.append(incident)
        return sorted(incidents, key=lambda each: (-each.started_at, each.incident_id))[:limit]

    async def find(self, incident_id: str) -> Incident | None:
        """Newest revision of one incident on whatever feeder."""
        text = "SELECT VALUE c.incident FROM c WHERE c.id = @id AND c.type = 'head'"
        async for each in self._incidents.query(text, {"id": incident_id}):
            return msgspec.convert(each, Incident)
        return None

    async def history(self, feeder_id: str, incident_id: str) -> list[Incident]:
        """Every revision of an incident, oldest first."""
        text = "SELECT * FROM c WHERE STARTSWITH(c.id, @prefix) AND c.type = 'incident'"
        found = self._incidents.query(text, {"prefix": f"{incident_id}:r"}, partition=feeder_id)
        return sorted([msgspec.convert(each, Incident) async for each in found], key=lambda each: each.revision)

    async def log(self, start: int, end: int) -> list[Incident]:
        """Newest revision of every incident that began in a period."""
        text = (
            "SELECT VALUE c.incident FROM c WHERE c.type = 'head' AND c.started_at >= @start AND c.started_at < @end"
            " ORDER BY c.started_at"
        )
        found = self._incidents.query(text, {"start": start, "end": end})
        incidents = [msgspec.convert(each, Incident) async for each in found]
        return sorted(incidents, key=lambda each: (each.started_at, each.incident_id))

    async def suppressions(self, feeder_id: str | None, limit: int, since: int = 0) -> list[Suppression]:
        """Lines of the suppression ledger from a moment on, newest first; of a line written again, the newest."""
        text = (
            "SELECT c.lines FROM c WHERE c.type = 'suppression' AND c.started_at >= @since ORDER BY c.started_at DESC"
        )
        newest: dict[str, Suppression] = {}
        async for page in self._incidents.query(text, {"since": since}, partition=feeder_id):
            for line in msgspec.convert(page["lines"], list[Suppression]):
                known = newest.get(line.anomaly_id)
                if known is None or _age(line) > _age(known):
                    newest[line.anomaly_id] = line
            if len(newest) >= limit:
                break
        lines = [line for line in newest.values() if line.suppressed_at >= since]
        return sorted(lines, key=lambda line: (-line.suppressed_at, line.anomaly_id))[:limit]


def _board(board: Board) -> tuple[Any, ...]:
    body = zlib.compress(msgspec.json.encode(stored_board(board)), FASTEST)
    document: Document = {
        "id": "board",
        "type": "board",
        "feeder_id": board.feeder_id,
        "body": base64.b64encode(body).decode(),
    }
    if board.release_at is not None:
        document["release_at"] = board.release_at
    if board.etag is None:
        return "create", (document,)
    return "replace", ("board", document), {"if_match_etag": board.etag}


def page_query(search: IncidentSearch, after: Cursor | None) -> tuple[str, dict[str, object]]:
    """Text and values of the query for a page: only what the container indexes."""
    conditions, values = ["c.type = 'head'"], dict[str, object]()
    for condition, name, value in (
        ("c.started_at >= @since", "since", search.since),
        ("c.started_at < @until", "until", search.until),
        ("c.started_at <= @after", "after", after.started_at if after else None),
    ):
        if value is not None:
            conditions.append(condition)
            values[name] = value
    states = {f"state{number}": state for number, state in enumerate(sorted(search.states))}
    if states:
        conditions.append(f"c.state IN ({', '.join(f'@{name}' for name in states)})")
    text = f"SELECT VALUE c.incident FROM c WHERE {' AND '.join(conditions)} ORDER BY c.started_at DESC"  # noqa: S608  # conditions are above
    return text, {**values, **states}


def _head(incident: Incident) -> Document:
    return {
        "id": incident.incident_id,
        "type": "head",
        "feeder_id": incident.feeder_id,
        "state": incident.state,
        "started_at": incident.started_at,
        "incident": msgspec.to_builtins(incident),
    }


def _ledger(feeder_id: str, suppressions: Sequence[Suppression]) -> list[Document]:
    documents = []
    for first in range(0, len(suppressions), LEDGER_LINES):
        lines = suppressions[first : first + LEDGER_LINES]
        digest = hashlib.blake2b(msgspec.json.encode(lines), digest_size=8).hexdigest()
        documents.append(
            {
                "id": f"sup:{digest}",
                "type": "suppression",
                "feeder_id": feeder_id,
                "started_at": max(each.suppressed_at for each in lines),
                "lines": msgspec.to_builtins(lines),
                "ttl": RECORD_TTL_S,
            }
        )
    return documents


def _age(line: Suppression) -> tuple[int, int]:
    """A line that tells of a release is newer than the same line without."""
    return line.suppressed_at, line.released_at or 0
