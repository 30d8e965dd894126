"""Leases: which of several processes does a piece of work that only one should do, and how far it got."""

from __future__ import annotations

from functions.adapters.cosmos.container import CosmosContainer, Document
from functions.adapters.cosmos.database import CosmosDatabase
from functions.domain.errors import Conflict
from functions.names import LEASES
from functions.ports import Clock

LEASE_S = 60
RENEW_S = 20
"""A lease is renewed this long after it was taken, so that two writes may fail before somebody else takes it."""


class CosmosLease:
    """One named lease. Losing it is harmless, as all work under leases is safe to repeat; it only keeps work single."""

    def __init__(self, database: CosmosDatabase, name: str, owner: str, clock: Clock) -> None:
        self._leases = CosmosContainer(database, LEASES)
        self._id = f"consume:{name}"
        self._owner = owner
        self._clock = clock
        self._held: Document | None = None

    async def hold(self) -> bool:
        """Take or keep the lease; False while somebody else has it."""
        now = self._clock.now()
        if self._held is not None and now < self._held["until"] - LEASE_S + RENEW_S:
            return True
        found = await self._leases.read(self._id, self._id)
        if found is not None and found["owner"] != self._owner and now < found["until"]:
            self._held = None
            return False
        place = None if found is None else found.get("place")
        return await self._write(place, None if found is None else str(found["_etag"]))

    @property
    def place(self) -> str | None:
        """How far the work got: what the last `move` of any owner said."""
        return None if self._held is None else self._held["place"]

    async def move(self, place: str) -> bool:
        """Note how far the work got; False when the lease was lost meanwhile."""
        return self._held is not None and await self._write(place, self._held["_etag"])

    async def _write(self, place: str | None, etag: str | None) -> bool:
        until = self._clock.now() + LEASE_S
        document: Document = {"id": self._id, "owner": self._owner, "until": until, "place": place}
        try:
            written = await (self._leases.create(document) if etag is None else self._leases.replace(document, etag))
        except Conflict:
            self._held = None
            return False
        self._held = {**document, "_etag": written}
        return True
