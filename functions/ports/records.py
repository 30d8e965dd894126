"""What is kept for people: dead letters, what operators did, reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from functions.domain.audit import AuditEntry
from functions.domain.letters import Letter
from functions.domain.outcomes import Refusal
from functions.domain.risk import InspectionReport


class LetterSource(NamedTuple):
    """Where in the event stream a refused record came from."""

    partition: str
    sequence_number: int


class DeadLetters(Protocol):
    """What could not be used, kept so that nothing is lost."""

    async def keep(self, source: LetterSource, refusals: Sequence[Refusal]) -> None:
        """Keep refused records; the same source replaces what it left before."""
        ...

    async def keep_event(self, source: LetterSource, reason: str, body: bytes) -> None:
        """Keep a whole event that could not be processed."""
        ...

    async def keep_document(self, origin: str, document: Mapping[str, object], reason: str) -> None:
        """Keep a document of a container or queue that could not be processed; the same id replaces its letter."""
        ...

    async def letters(self, limit: int) -> list[Letter]:
        """What is kept, by partition and sequence number."""
        ...

    async def find(self, letter_id: str) -> Letter | None:
        """One letter; None when there is none of that id."""
        ...

    async def remove(self, letter_id: str) -> None:
        """Forget a letter that has been replayed; one that is gone already is no fault."""
        ...


class AuditStore(Protocol):
    """What people did; entries are added, and completed once with how it ended."""

    async def put(self, entry: AuditEntry) -> None:
        """Write an entry; one of the same id replaces it."""
        ...

    async def entries(self, since: int, until: int, limit: int) -> list[AuditEntry]:
        """Entries of a period, newest first; `until` is exclusive."""
        ...


class ReportStore(Protocol):
    """Where inspection reports go."""

    async def write(self, report: InspectionReport) -> None:
        """Write the report in every form people use."""
        ...
