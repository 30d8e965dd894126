"""JSON values as Cosmos DB compares them."""

from __future__ import annotations

from typing import Any, Final

import msgspec

Document = dict[str, Any]
Path = tuple[str, ...]
SortKey = tuple[int, Any]

UNDEFINED: Final = object()
"""What a property is that a document does not have."""

_UNDEFINED_RANK, _NULL_RANK, _BOOLEAN_RANK, _NUMBER_RANK, _STRING_RANK, _ARRAY_RANK, _OBJECT_RANK = range(7)


def sort_key(value: Any) -> SortKey:
    """A hashable pair that sorts and equals as Cosmos DB does: first by type, so that `true` is not 1."""
    if isinstance(value, str):
        return _STRING_RANK, value
    if value is UNDEFINED:
        return _UNDEFINED_RANK, 0
    if value is None:
        return _NULL_RANK, 0
    if isinstance(value, bool):
        return _BOOLEAN_RANK, value
    if isinstance(value, int | float):
        return _NUMBER_RANK, value
    rank = _ARRAY_RANK if isinstance(value, list) else _OBJECT_RANK
    return rank, msgspec.json.encode(value, order="deterministic").decode()


def is_defined(key: SortKey) -> bool:
    """Whether the value behind a sort key exists."""
    return key[0] != _UNDEFINED_RANK


def are_alike(left: SortKey, right: SortKey) -> bool:
    """Whether `=` means something between two values: both exist and are of one type."""
    return left[0] == right[0] != _UNDEFINED_RANK


def are_ordered(left: SortKey, right: SortKey) -> bool:
    """Whether `<` or `!=` means something between two values: of one type, and neither array nor object."""
    return left[0] == right[0] and left[0] not in (_UNDEFINED_RANK, _ARRAY_RANK, _OBJECT_RANK)


def value_at(document: Any, path: Path) -> Any:
    """The value at a path, or UNDEFINED."""
    for name in path:
        if not isinstance(document, dict) or name not in document:
            return UNDEFINED
        document = document[name]
    return document
