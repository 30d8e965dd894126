"""The containers: partition keys, what is indexed, and how long documents live. `infra/` creates exactly these.

Every indexed path costs request units on each write, so a container indexes only what the adapters filter or sort on.
Times to live exceed the oldest input that can be replayed: Event Hubs keep events seven days, dead letters live thirty.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from functions import names

DAY_S = 86_400
FOREVER = -1
"""Documents live on unless they say otherwise themselves, in their `ttl`."""
RECORD_TTL_S = 120 * DAY_S
"""Anomalies, members of incidents, and intents."""
CONTEXT_TTL_S = 400 * DAY_S
"""Work orders and the like, after their end."""


@dataclass(frozen=True)
class ContainerSpec:
    """One container."""

    name: str
    partition_key: str
    indexed: tuple[str, ...] = ()
    ttl_s: int | None = None
    """None: no document expires."""

    @property
    def indexing_policy(self) -> dict[str, object]:
        """The policy as Cosmos DB writes it: nothing but what is named."""
        return {
            "indexingMode": "consistent",
            "automatic": True,
            "includedPaths": [{"path": f"{path}/?"} for path in self.indexed],
            "excludedPaths": [{"path": "/*"}],
        }


CONTAINERS = (
    ContainerSpec(names.ROSTERS, "/feeder_id", ("/customer_id/[]",)),
    ContainerSpec(names.PACKS, "/id", ("/due_at", "/outbox_pending")),
    ContainerSpec(names.ANOMALIES, "/feeder_id", ("/start", "/kind"), RECORD_TTL_S),
    ContainerSpec(names.INCIDENTS, "/feeder_id", ("/type", "/state", "/started_at", "/release_at"), FOREVER),
    ContainerSpec(names.CONTEXT, "/scope", ("/end",), FOREVER),
    ContainerSpec(names.CUSTOMERS, "/customer_id", ("/phone",)),
    ContainerSpec(names.DELIVERIES, "/customer_id", ("/state", "/not_before", "/critical"), CONTEXT_TTL_S),
    ContainerSpec(names.LEASES, "/id"),
    # How long an audit trail is to be kept is the operator's to say: the template sets a time to live.
    ContainerSpec(names.AUDIT, "/day", ("/at",), FOREVER),
)


def time_to_live(end: int) -> int:
    """Seconds that a document of the context is kept, counted as Cosmos DB does: from its write, by its own clock."""
    return max(end - int(time.time()), 0) + CONTEXT_TTL_S
