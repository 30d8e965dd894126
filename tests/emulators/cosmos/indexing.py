"""Indexing policies: which paths of an item are indexed, and so may be filtered and sorted by."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from emulators.cosmos.errors import bad_request
from emulators.cosmos.values import Document, Path, SortKey, sort_key

DEFAULT_POLICY: dict[str, Any] = {
    "indexingMode": "consistent",
    "automatic": True,
    "includedPaths": [{"path": "/*"}],
    "excludedPaths": [{"path": '/"_etag"/?'}],
}
ELEMENT = "[]"
"""The path segment of every element of an array."""

_SEGMENT = re.compile(r'/(?:"([^"]+)"|([^/"]+))')
_ALWAYS_INDEXED: tuple[Path, ...] = (("id",), ("_ts",))
_SYSTEM = ("_rid", "_self", "_etag", "_attachments", "_ts")

Terms = frozenset[tuple[Path, SortKey]]


class _Pattern(NamedTuple):
    """A path of a policy: `/a/?` is that scalar alone, `/a/*` everything from there on."""

    prefix: Path
    exact: bool
    included: bool

    def matches(self, path: Path) -> bool:
        return path == self.prefix if self.exact else path[: len(self.prefix)] == self.prefix

    @property
    def precision(self) -> tuple[int, bool]:
        return len(self.prefix), self.exact


class IndexingPolicy:
    """A container's policy; raises Refused (400) for one that Cosmos DB would not take."""

    def __init__(self, policy: dict[str, Any]) -> None:
        self._on = policy.get("indexingMode", "consistent").lower() != "none"
        self._patterns = [
            _pattern(entry["path"], included=included)
            for field, included in (("includedPaths", True), ("excludedPaths", False))
            for entry in policy.get(field, ())
        ]
        self._covered: dict[Path, bool] = {}
        if self._on and not any(pattern.prefix == () for pattern in self._patterns):
            raise bad_request("The indexing policy must include or exclude the root path '/*'; add it to either list.")

    def covers(self, path: Path) -> bool:
        """Whether the values at a path are indexed; of the paths that match it, the most precise decides."""
        if path not in self._covered:
            matching = [pattern for pattern in self._patterns if pattern.matches(path)]
            best = max(matching, key=lambda pattern: pattern.precision, default=None)
            self._covered[path] = path in _ALWAYS_INDEXED or (self._on and best is not None and best.included)
        return self._covered[path]

    def names(self, path: Path) -> bool:
        """Whether a path is included by name; only then does ORDER BY return items that do not have it."""
        return any(pattern.included and pattern.prefix and pattern.matches(path) for pattern in self._patterns)

    def terms(self, document: Document) -> Terms:
        """The indexed terms of a document: each path with each scalar value it has there."""
        return frozenset(
            (path, sort_key(value))
            for name, child in document.items()
            if name not in _SYSTEM
            for path, value in _leaves((name,), child)
            if self.covers(path)
        )


def _pattern(text: str, *, included: bool) -> _Pattern:
    segments = [quoted or plain for quoted, plain in _SEGMENT.findall(text)]
    if not segments or segments[-1] not in ("?", "*"):
        raise bad_request(f"The indexing path {text!r} must end in '/?' (a scalar) or '/*' (everything below).")
    return _Pattern(tuple(segments[:-1]), segments[-1] == "?", included)


def _leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _leaves((*path, name), child)
    elif isinstance(value, list):
        for child in value:
            yield from _leaves((*path, ELEMENT), child)
    else:
        yield path, value
