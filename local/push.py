"""Push: a file packed into events, as a utility's head-end sends them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from functions.domain.packing import pack_columns
from functions.ports import Link
from local.grouping import by_group, groups_of
from local.history import History

SPAN_S = 3_600


class Sender(Protocol):
    """Sends event bodies to one partition key."""

    def send(self, partition_key: str, bodies: list[bytes]) -> None:
        """Send bodies in order."""
        ...

    def close(self) -> None:
        """Flush and close."""
        ...


@dataclass
class PushCounts:
    """What was packed."""

    events: int = 0
    readings: int = 0
    feeders: int = 0
    bytes: int = 0
    largest: int = 0


def push(history: History, sender: Sender | None, progress: Callable[[int], None]) -> PushCounts:
    """Pack a history and send it, or only count it when there is no sender."""
    counts, feeders, groups = PushCounts(), set(), groups_of(history.meters)
    try:
        for chunk in history.chunks(SPAN_S):
            for rows in by_group(groups, chunk):
                first = history.meters[int(chunk.meter[rows[0]])]
                ids = [history.meters[number].meter_id for number in chunk.meter[rows].tolist()]
                columns = (ids, chunk.timestamp[rows], chunk.voltage_v[rows], chunk.energy_kwh[rows])
                bodies = list(pack_columns(first.feeder_id, first.interval_s, *columns))
                if sender is not None:
                    sender.send(first.feeder_id, bodies)
                feeders.add(first.feeder_id)
                sizes = np.array([len(body) for body in bodies])
                counts.events += len(bodies)
                counts.bytes += int(sizes.sum())
                counts.largest = max(counts.largest, int(sizes.max()))
            counts.readings += len(chunk)
            progress(counts.readings)
    finally:
        if sender is not None:
            sender.close()
    counts.feeders = len(feeders)
    return counts


def sender(link: Link, hub: str) -> Sender:
    """A sender to Event Hubs; raises `InputError` when the connection string cannot be used."""
    from functions.adapters.event_hubs.sender import EventHubSender

    return EventHubSender(link, hub)
