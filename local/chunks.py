"""A stream of sorted readings, cut into spans of time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True)
class Chunk:
    """Readings in (timestamp, meter) order; the arrays are read-only."""

    meter: np.ndarray
    """[n] int32, the place in `History.meters`."""
    timestamp: np.ndarray
    """[n] int64, seconds since the epoch, UTC."""
    voltage_v: np.ndarray
    """[n] float64, V; NaN where absent."""
    energy_kwh: np.ndarray
    """[n] float64, kWh; NaN where absent."""

    def __len__(self) -> int:
        return len(self.timestamp)


def cut(batches: Iterable[Chunk], span_s: int) -> Iterator[Chunk]:
    """Cut sorted batches where the span changes; what the end of a batch leaves open is carried into the next."""
    held: list[Chunk] = []
    for batch in batches:
        if not len(batch):
            continue
        spans = batch.timestamp // span_s
        if held and held[-1].timestamp[-1] // span_s != spans[0]:
            yield _joined(held)
            held = []
        edges = np.flatnonzero(spans[1:] != spans[:-1]) + 1
        for begin, end in pairwise((0, *edges.tolist(), len(batch))):
            held.append(
                Chunk(
                    batch.meter[begin:end],
                    batch.timestamp[begin:end],
                    batch.voltage_v[begin:end],
                    batch.energy_kwh[begin:end],
                )
            )
            if end < len(batch):
                yield _joined(held)
                held = []
    if held:
        yield _joined(held)


def _joined(parts: Sequence[Chunk]) -> Chunk:
    if len(parts) == 1:
        return parts[0]
    return Chunk(
        np.concatenate([part.meter for part in parts]),
        np.concatenate([part.timestamp for part in parts]),
        np.concatenate([part.voltage_v for part in parts]),
        np.concatenate([part.energy_kwh for part in parts]),
    )
