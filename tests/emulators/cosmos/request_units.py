"""Request units, by the table in Microsoft's "Understand request units consumption" (April 2026).

The rule, with sizes in bytes of an item's JSON without its system properties, and the table interpolated linearly:

- read: the table's read value; so is every item of a change feed page, and an empty page costs 1 RU.
- create, delete: the table's write value. It is taken to include the indexing of a few properties, so terms add
  nothing; the article's worked example adds 0.2 RU a term, which matters where everything is indexed.
- replace, and upsert of what exists: deleting the old and creating the new item, and 0.2 RU for each indexed term
  that goes or comes (a term is a path with its value, so a changed value is two terms).
- patch: a replace, and 0.4 RU for each operation.
- batch: the sum of its operations.
- query: 2.3 RU for the lookup, and a read of each item returned; COUNT is the lookup alone.
- a refused request, and everything about databases and containers: 1 RU.
"""

from __future__ import annotations

from bisect import bisect_left

MINIMUM = 1.0
QUERY_LOOKUP = 2.3
INDEX_TERM = 0.2
PATCH_OPERATION = 0.4

_KB = 1024
_SIZES = tuple(_KB << power for power in range(12))
_READS = (1.00, 1.04, 1.14, 1.33, 1.67, 2.19, 4.76, 9.95, 20.28, 40.95, 145.90, 291.80)
_WRITES = (4.95, 6.29, 6.67, 7.04, 9.52, 11.23, 22.67, 48.19, 98.29, 184.57, 625.00, 1250.00)


def read_units(size: int) -> float:
    """RU of a point read of `size` bytes."""
    return _interpolate(_READS, size)


def write_units(size: int) -> float:
    """RU of a create of `size` bytes."""
    return _interpolate(_WRITES, size)


def _interpolate(units: tuple[float, ...], size: int) -> float:
    above = bisect_left(_SIZES, size)
    if above == 0:
        return units[0]
    if above == len(_SIZES):
        return units[-1]
    share = (size - _SIZES[above - 1]) / (_SIZES[above] - _SIZES[above - 1])
    return units[above - 1] + share * (units[above] - units[above - 1])
