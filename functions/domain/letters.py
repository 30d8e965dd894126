"""Dead letters: what could not be used, kept whole enough to be looked at and played again."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from functions.domain.outcomes import Refusal


class LetterKind(StrEnum):
    """What a letter holds."""

    refusals = "refusals"
    """Records of one event that were refused; their neighbours were applied."""
    event = "event"
    """One event that could not be read or processed at all."""
    document = "document"
    """One document of a change feed, or one message of a queue."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """What one event, document or message left behind. The same origin always has the same id."""

    id: str
    kind: LetterKind
    partition: str
    """Partition of the event stream, or the container or queue a document came from."""
    sequence_number: int
    reason: str
    refusals: tuple[Refusal, ...] = ()
    body: str = ""
    """A whole event or document in base64."""

    @classmethod
    def of_refusals(cls, partition: str, sequence_number: int, refusals: Sequence[Refusal]) -> Letter:
        """The refused records of one event."""
        return cls(
            id=f"{partition}/{LetterKind.refusals}:{sequence_number}",
            kind=LetterKind.refusals,
            partition=partition,
            sequence_number=sequence_number,
            reason=", ".join(sorted({refusal.reason for refusal in refusals})),
            refusals=tuple(refusals),
        )

    @classmethod
    def of_event(cls, partition: str, sequence_number: int, reason: str, body: bytes) -> Letter:
        """A whole event."""
        return cls(
            id=f"{partition}/{LetterKind.event}:{sequence_number}",
            kind=LetterKind.event,
            partition=partition,
            sequence_number=sequence_number,
            reason=reason,
            body=base64.b64encode(body).decode(),
        )

    @classmethod
    def of_document(cls, origin: str, document: Mapping[str, object], reason: str) -> Letter:
        """A document of a container, or a message of a queue, named by its `id`."""
        return cls(
            id=f"{origin}/{LetterKind.document}:{document.get('id')}",
            kind=LetterKind.document,
            partition=origin,
            sequence_number=0,
            reason=reason,
            body=base64.b64encode(msgspec.json.encode(document)).decode(),
        )

    @property
    def content(self) -> bytes:
        """The event or document as it came."""
        return base64.b64decode(self.body)
