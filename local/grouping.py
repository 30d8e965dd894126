"""Grouping: which readings of a history can share an event, which names one feeder and one interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from local.chunks import Chunk


class Grouped(Protocol):
    """What decides which event a meter's readings go into."""

    @property
    def feeder_id(self) -> str:
        """Of its feeder."""
        ...

    @property
    def interval_s(self) -> int | None:
        """Between its readings, s; None where that is not known."""
        ...


def groups_of(meters: Sequence[Grouped]) -> NDArray[np.int64]:
    """Number of the (feeder, interval) group of each meter, `[meters]`."""
    known: dict[tuple[str, int | None], int] = {}
    keys = ((meter.feeder_id, meter.interval_s) for meter in meters)
    return np.array([known.setdefault(key, len(known)) for key in keys], np.int64)


def by_group(groups: NDArray[np.int64], chunk: Chunk) -> Iterator[NDArray[np.int64]]:
    """Rows of a chunk by group, in time order within each."""
    group = groups[chunk.meter]
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order]) != 0) + 1
    yield from np.split(order, starts)
