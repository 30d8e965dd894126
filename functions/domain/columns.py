"""Columns: fields of a batch's records taken out once, worked on as arrays of their own, and put back once.

In records a field lies every 929 bytes, a cache line or more a meter. Gathering from there costs five to twenty times
what it costs from an array of its own, and a batch gathers most fields several times.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from functions.domain.packs import METER, RecordArray

CHANGING = (
    *("head", "interval_s", "nominal_v", "voltage", "energy", "repeats"),
    *("sum_v", "sum_e", "count", "sample", "sample_score"),
)
"""Fields that every batch reads and writes."""
LEARNT = ("base_mean", "base_sd", "base_n", "days", "day_n", "top", "history_n")
"""Fields that every batch reads and only a block that closes writes. All others are worked on where they lie."""
AT_ONCE = 512
"""Records taken at once: those of one field are then still in the cache for the next."""
_BYTES: np.dtype[np.void] = np.dtype(
    {
        "names": CHANGING + LEARNT,
        "formats": [f"V{METER[field].itemsize}" for field in CHANGING + LEARNT],
        "offsets": [METER.fields[field][1] for field in CHANGING + LEARNT],  # type: ignore[index]  # it has fields
        "itemsize": METER.itemsize,
    }  # type: ignore[call-overload]  # a dict of lists, as numpy documents it
)
"""The fields as opaque bytes, which numpy copies whole; of arrays in records it copies number by number."""


class Columns:
    """Records with some fields taken out; by field it reads and writes like the records themselves."""

    def __init__(self, records: RecordArray) -> None:
        self._records = records
        self._bytes = {field: np.empty(len(records), _BYTES[field]) for field in _BYTES.names or ()}
        self._taken = {
            field: column.view(METER[field].base).reshape(-1, *METER[field].shape)
            for field, column in self._bytes.items()
        }
        self._changed: tuple[str, ...] = CHANGING
        source = records.view(_BYTES)
        for start in range(0, len(records), AT_ONCE):
            some = source[start : start + AT_ONCE]
            for field, column in self._bytes.items():
                column[start : start + AT_ONCE] = some[field]
        for field in LEARNT:
            self._taken[field].flags.writeable = False

    def __len__(self) -> int:
        return len(self._records)

    def __getitem__(self, field: str, /) -> NDArray[Any]:
        column = self._taken.get(field)
        return self._records[field] if column is None else column

    def let_learn(self) -> None:
        """Make the learnt fields writable: a block closes."""
        self._changed = CHANGING + LEARNT
        for field in LEARNT:
            self._taken[field].flags.writeable = True

    def put_back(self) -> None:
        """Write what may have changed into the records."""
        target = self._records.view(_BYTES)
        for start in range(0, len(target), AT_ONCE):
            some = target[start : start + AT_ONCE]
            for field in self._changed:
                some[field] = self._bytes[field][start : start + AT_ONCE]
