"""Counted stores: whatever is committed or given up is told to telemetry at the one place where all of it passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from functions.domain.board import Board
from functions.domain.context import Suppression
from functions.domain.incidents import Incident
from functions.domain.notifications import Intent
from functions.ports import DeadLetters, IncidentStore, LetterSource, Stores, Telemetry

READINGS = "meter-readings"
"""Where whole events come from; a document says it itself."""


def counted(stores: Stores, telemetry: Telemetry) -> Stores:
    """The same stores; incident revisions and dead letters are told to telemetry once they are kept."""
    return stores._replace(
        incidents=cast(IncidentStore, _CountedIncidents(stores.incidents, telemetry)),
        letters=cast(DeadLetters, _CountedLetters(stores.letters, telemetry)),
    )


class _CountedIncidents:
    def __init__(self, store: IncidentStore, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(
        self,
        board: Board,
        incidents: Sequence[Incident],
        suppressions: Sequence[Suppression],
        intents: Sequence[Intent],
    ) -> None:
        await self._store.commit(board, incidents, suppressions, intents)
        self._telemetry.incidents(incidents)


class _CountedLetters:
    """Single records that were refused are no letters of their own here: their outcome is counted with their batch."""

    def __init__(self, store: DeadLetters, telemetry: Telemetry) -> None:
        self._store = store
        self._telemetry = telemetry

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def keep_event(self, source: LetterSource, reason: str, body: bytes) -> None:
        await self._store.keep_event(source, reason, body)
        self._telemetry.dead_letter(READINGS)

    async def keep_document(self, origin: str, document: Mapping[str, object], reason: str) -> None:
        await self._store.keep_document(origin, document, reason)
        self._telemetry.dead_letter(origin)
