"""Audit service: an action is on record before it is taken, and how it ended after."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from uuid import uuid4

import msgspec

from functions.domain.audit import AuditEntry, Outcome, of_many
from functions.domain.errors import MeterSentryError, StoreError
from functions.ports import AuditStore, Clock


class AuditService:
    """The audit trail."""

    def __init__(self, store: AuditStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    @asynccontextmanager
    async def action(
        self, by: str, action: str, subject: str, details: Mapping[str, str] | None = None
    ) -> AsyncIterator[None]:
        """Record what a person does within: asked for, then done or refused.

        When the first record cannot be written, nothing is done. Whatever breaks off in between stays `asked`.
        """
        entry = AuditEntry(
            id=uuid4().hex,
            at=self._clock.now(),
            by=by,
            action=action,
            subject=subject,
            details=dict(details or {}),
        )
        await self._store.put(entry)
        try:
            yield
        except StoreError:  # part of it may have taken effect: it stays `asked`
            raise
        except MeterSentryError as fault:
            await self._store.put(msgspec.structs.replace(entry, outcome=Outcome.refused, reason=str(fault)))
            raise
        await self._store.put(msgspec.structs.replace(entry, outcome=Outcome.done))

    def action_on(self, by: str, action: str, ids: Sequence[str]) -> AbstractAsyncContextManager[None]:
        """Record what a person does within to many things at once."""
        return self.action(by, action, *of_many(ids))

    async def entries(self, since: int, until: int, limit: int) -> list[AuditEntry]:
        """Entries of a period, newest first."""
        return await self._store.entries(since, until, limit)
