"""Grouping: which readings of a history can share an event, which names one feeder and one interval."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from local.chunks import Chunk
from local.history import History, MeterEntry


def groups_of(history: History) -> NDArray[np.int64]:
    """Number of the (feeder, interval) group of each meter, `[meters]`."""
    known: dict[tuple[str, int], int] = {}
    keys = ((meter.feeder_id, meter.interval_s) for meter in history.meters)
    return np.array([known.setdefault(key, len(known)) for key in keys], np.int64)


def by_group(
    history: History, groups: NDArray[np.int64], chunk: Chunk
) -> Iterator[tuple[MeterEntry, NDArray[np.int64]]]:
    """Rows of a chunk by group, in time order within each, with a meter of the group."""
    group = groups[chunk.meter]
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order]) != 0) + 1
    for rows in np.split(order, starts):
        yield history.meters[int(chunk.meter[rows[0]])], rows
