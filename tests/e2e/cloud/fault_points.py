"""Points where a consumer can be made to die: before and after each write that leaves the process."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

from azure.eventhub.aio import PartitionContext
from e2e.cloud.order import Point

from functions.adapters.cosmos.container import CosmosContainer
from functions.adapters.event_hubs.publisher import IncidentPublisher
from functions.adapters.json_lines import JsonLinesNotifier
from functions.adapters.storage.blobs import BlobContainer
from functions.adapters.storage.queues import StorageQueue

EVERY = "*"
NAMES = (
    *("packs replace", "anomalies commit", "incidents put", "incidents commit", "leases replace"),
    *("deliveries create", "deliveries replace", "queue put", "queue remove", "incidents publish"),
    *("message send", "checkpoint move"),
)
"""Writes that every chapter of a story makes."""


def arm(point: Point) -> None:
    """Let this process kill itself at a point."""
    seen: Counter[str] = Counter()

    def wrap(owner: type, verb: str, name_of: Callable[[Any], str]) -> None:
        original = getattr(owner, verb)

        async def call(self: Any, *arguments: Any, **keywords: Any) -> Any:
            name = name_of(self)
            seen[name] += 1
            seen[EVERY] += 1
            here = point.name in (name, EVERY) and seen[point.name] == point.nth
            return await _die_around(here, point.after, lambda: original(self, *arguments, **keywords))

        setattr(owner, verb, call)

    for verb in ("create", "replace", "put", "commit"):
        wrap(CosmosContainer, verb, lambda self, verb=verb: f"{self._name} {verb}")
    for verb in ("put", "remove"):
        wrap(StorageQueue, verb, lambda self, verb=verb: f"queue {verb}")
    wrap(BlobContainer, "put", lambda self: "blob put")
    wrap(IncidentPublisher, "publish", lambda self: "incidents publish")
    wrap(JsonLinesNotifier, "send", lambda self: "message send")
    wrap(PartitionContext, "update_checkpoint", lambda self: "checkpoint move")


async def _die_around(here: bool, after: bool, write: Callable[[], Awaitable[Any]]) -> Any:
    if here and not after:
        os.kill(os.getpid(), signal.SIGKILL)
    try:
        return await write()
    finally:  # a conflict, too, is an answer to a write
        if here:
            os.kill(os.getpid(), signal.SIGKILL)
