"""Refused records and whole events in SQLite."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import msgspec

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.outcomes import Refusal
from functions.ports import LetterSource


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What one event left behind."""

    partition: str
    sequence_number: int
    reason: str
    refusals: tuple[Refusal, ...] = ()
    body: str = ""
    """A whole event in base64, where it could not be processed at all."""


class SqliteLetters:
    """A `DeadLetters` store. What an event leaves is kept under its place in the stream, so a replay adds nothing."""

    def __init__(self, database: Database) -> None:
        self._letters = Container(database, "dead_letters")

    async def keep(self, source: LetterSource, refusals: Sequence[Refusal]) -> None:
        """Keep refused records."""
        reasons = ", ".join(sorted({refusal.reason for refusal in refusals}))
        self._put("refusals", Letter(**source._asdict(), reason=reasons, refusals=tuple(refusals)))

    async def keep_event(self, source: LetterSource, reason: str, body: bytes) -> None:
        """Keep a whole event."""
        self._put("event", Letter(**source._asdict(), reason=reason, body=base64.b64encode(body).decode()))

    async def keep_document(self, container: str, document: Mapping[str, object], reason: str) -> None:
        """Keep a document of a change feed, under its id."""
        body = base64.b64encode(msgspec.json.encode(document)).decode()
        letter = Letter(partition=container, sequence_number=0, reason=reason, body=body)
        self._put("document", letter, str(document.get("id")))

    def _put(self, kind: str, letter: Letter, name: str | None = None) -> None:
        identity = f"{kind}:{letter.sequence_number if name is None else name}"
        document = Document(letter.partition, identity, kind, letter, sort=letter.sequence_number)
        with self._letters.database.transaction() as connection:
            self._letters.put([document], connection)

    async def all(self) -> list[Letter]:
        """Everything kept, in the order of the stream."""
        return self._letters.select(Letter, "1 = 1 ORDER BY partition, sort")
