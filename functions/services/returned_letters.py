"""Returned letters: what a service refuses again while a letter is replayed, held until the whole outcome is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.domain.letters import Letter
from functions.domain.outcomes import Refusal
from functions.ports import LetterSource


class ReturnedLetters:
    """A `DeadLetters` store in memory, for one replay."""

    def __init__(self) -> None:
        self._letters: dict[str, Letter] = {}

    async def keep(self, source: LetterSource, refusals: Sequence[Refusal]) -> None:
        """Hold refused records."""
        self._put(Letter.of_refusals(*source, refusals))

    async def keep_event(self, source: LetterSource, reason: str, body: bytes) -> None:
        """Hold a whole event."""
        self._put(Letter.of_event(*source, reason, body))

    async def keep_document(self, origin: str, document: Mapping[str, object], reason: str) -> None:
        """Hold a document."""
        self._put(Letter.of_document(origin, document, reason))

    async def letters(self, limit: int) -> list[Letter]:
        """What is held, in the order of the stores."""
        held = sorted(self._letters.values(), key=lambda each: (each.partition, each.sequence_number, each.id))
        return held[:limit]

    async def find(self, letter_id: str) -> Letter | None:
        """One letter; None when it is not held."""
        return self._letters.get(letter_id)

    async def remove(self, letter_id: str) -> None:
        """Forget a letter."""
        self._letters.pop(letter_id, None)

    def _put(self, letter: Letter) -> None:
        self._letters[letter.id] = letter
