"""Dead letters in SQLite."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.domain.letters import Letter
from functions.domain.outcomes import Refusal
from functions.ports import LetterSource

_SELECT = "SELECT partition, id, type, body FROM documents WHERE container = 'dead_letters'"


class SqliteLetters:
    """A `DeadLetters` store. What an event leaves is kept under its place in the stream, so a repeat adds nothing."""

    def __init__(self, database: Database) -> None:
        self._letters = Container(database, "dead_letters")

    async def keep(self, source: LetterSource, refusals: Sequence[Refusal]) -> None:
        """Keep refused records."""
        self._put(Letter.of_refusals(*source, refusals))

    async def keep_event(self, source: LetterSource, reason: str, body: bytes) -> None:
        """Keep a whole event."""
        self._put(Letter.of_event(*source, reason, body))

    async def keep_document(self, origin: str, document: Mapping[str, object], reason: str) -> None:
        """Keep a document of a container or queue, under its id."""
        self._put(Letter.of_document(origin, document, reason))

    async def letters(self, limit: int) -> list[Letter]:
        """What is kept, by partition and sequence number."""
        return self._read(f"{_SELECT} ORDER BY partition, sort, id LIMIT ?", limit)

    async def find(self, letter_id: str) -> Letter | None:
        """One letter; None when there is none of that id."""
        found = self._read(f"{_SELECT} AND partition = ? AND id = ?", *_place(letter_id))
        return found[0] if found else None

    async def remove(self, letter_id: str) -> None:
        """Forget a letter."""
        with self._letters.database.transaction() as connection:
            connection.execute(
                "DELETE FROM documents WHERE container = 'dead_letters' AND partition = ? AND id = ?", _place(letter_id)
            )

    def _put(self, letter: Letter) -> None:
        document = Document(*_place(letter.id), letter.kind, letter, sort=letter.sequence_number)
        with self._letters.database.transaction() as connection:
            self._letters.put([document], connection)

    def _read(self, query: str, *values: object) -> list[Letter]:
        # The id and the kind come from the row: the bodies of earlier releases are without them.
        return [
            msgspec.convert({**msgspec.json.decode(body), "id": f"{partition}/{identity}", "kind": kind}, Letter)
            for partition, identity, kind, body in self._letters.database.rows(query, values)
        ]


def _place(letter_id: str) -> tuple[str, str]:
    partition, _, identity = letter_id.partition("/")
    return partition, identity
