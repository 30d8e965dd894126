"""What an Event Hubs event says of itself beside its body."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC

import azure.functions as func


def partition_of(events: Sequence[func.EventHubEvent]) -> str:
    """The partition that a batch is of."""
    metadata = events[0].metadata or {}  # one for the whole batch
    return str(metadata.get("PartitionContext", {}).get("PartitionId", "unknown"))


def enqueued_at(event: func.EventHubEvent) -> int | None:
    """When the hub took the event, epoch seconds; None when it does not say."""
    moment = event.enqueued_time
    if moment is None:
        return None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())  # naive as the host sends UTC
