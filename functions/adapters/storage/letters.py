"""Dead letters as blobs."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import msgspec

from functions.adapters.storage.blobs import BlobContainer
from functions.domain.errors import StoreError
from functions.domain.letters import Letter
from functions.domain.outcomes import Refusal
from functions.ports import LetterSource

AT_ONCE = 16
SEQUENCE_DIGITS = 20
LONGEST_NAME = 200
"""A blob's name has at most 1,024 characters, and one folder of it 254; an id of other alphabets is quoted to more."""


class BlobLetters:
    """A `DeadLetters` store. What an event leaves is kept under its place in the stream, so a repeat adds nothing."""

    def __init__(self, blobs: BlobContainer) -> None:
        self._blobs = blobs

    async def keep(self, source: LetterSource, refusals: Sequence[Refusal]) -> None:
        """Keep refused records."""
        await self._put(Letter.of_refusals(*source, refusals))

    async def keep_event(self, source: LetterSource, reason: str, body: bytes) -> None:
        """Keep a whole event."""
        await self._put(Letter.of_event(*source, reason, body))

    async def keep_document(self, origin: str, document: Mapping[str, object], reason: str) -> None:
        """Keep a document of a container or queue, under its id."""
        await self._put(Letter.of_document(origin, document, reason))

    async def letters(self, limit: int) -> list[Letter]:
        """What is kept, by partition and sequence number."""
        names = await self._blobs.names(limit)
        found: list[Letter | None] = []
        for start in range(0, len(names), AT_ONCE):
            found += await asyncio.gather(*(self._read(name) for name in names[start : start + AT_ONCE]))
        return [letter for letter in found if letter is not None]

    async def find(self, letter_id: str) -> Letter | None:
        """One letter; None when there is none of that id."""
        return await self._read(blob_name(letter_id))

    async def remove(self, letter_id: str) -> None:
        """Forget a letter."""
        await self._blobs.remove(blob_name(letter_id))

    async def _put(self, letter: Letter) -> None:
        await self._blobs.put(blob_name(letter.id), msgspec.json.encode(letter), "application/json")

    async def _read(self, name: str) -> Letter | None:
        body = await self._blobs.read(name)
        try:
            return None if body is None else msgspec.json.decode(body, type=Letter)
        except msgspec.DecodeError as fault:
            raise StoreError(f"the blob {name} is no dead letter ({fault}); move it out of the container") from fault


def blob_name(letter_id: str) -> str:
    """Where a letter lies: names sort as the letters do, by partition and sequence number.

    >>> blob_name("3/refusals:41")
    '3/00000000000000000041-refusals.json'
    >>> blob_name("incidents/document:a b")
    'incidents/00000000000000000000-document-a%20b.json'
    """
    partition, _, rest = letter_id.partition("/")
    kind, _, name = rest.partition(":")
    number, subject = (int(name), "") if name.isdecimal() and kind != "document" else (0, f"-{quote(name, safe='')}")
    if len(subject) > LONGEST_NAME:
        subject = f"-{hashlib.blake2b(name.encode(), digest_size=16).hexdigest()}"
    return f"{quote(partition, safe='')}/{number:0{SEQUENCE_DIGITS}}-{kind}{subject}.json"
