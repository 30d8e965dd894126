"""Partial updates: the operations of a PATCH, on a copy of the document."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from emulators.cosmos.errors import Refused, bad_request
from emulators.cosmos.values import Document

MAX_OPERATIONS = 10


def patched(document: Document, operations: Sequence[dict[str, Any]]) -> Document:
    """The document after add, set, replace, remove, incr and move; raises Refused (400) if one cannot be done."""
    if not 0 < len(operations) <= MAX_OPERATIONS:
        raise bad_request(f"A patch has 1 to {MAX_OPERATIONS} operations, this one has {len(operations)}; split it.")
    result = copy.deepcopy(document)
    for operation in operations:
        _apply(result, operation)
    return result


def _apply(document: Document, operation: dict[str, Any]) -> None:
    name, path = operation.get("op"), operation.get("path", "")
    parent, key = _locate(document, path)
    if name == "move":
        source, source_key = _locate(document, operation["from"])
        _demand(source, source_key, operation["from"])
        _store(parent, key, source.pop(source_key))
    elif name in ("add", "set"):
        _store(parent, key, operation["value"], inserts=name == "add")
    elif name == "replace":
        _demand(parent, key, path)
        parent[key] = operation["value"]
    elif name == "remove":
        _demand(parent, key, path)
        del parent[key]
    elif name in ("incr", "increment"):
        _increment(parent, key, operation["value"], path)
    else:
        raise bad_request(f"The patch operation {name!r} is not one of add, set, replace, remove, incr, move.")


def _locate(document: Any, path: str) -> tuple[Any, Any]:
    """The object or array that holds the last segment of a path, and that segment as its key."""
    names = [name.replace("~1", "/").replace("~0", "~") for name in path.strip("/").split("/")]
    for name in names[:-1]:
        key = _key(document, name, path)
        _demand(document, key, path)
        document = document[key]
    return document, _key(document, names[-1], path)


def _key(parent: Any, name: str, path: str) -> str | int:
    if isinstance(parent, dict):
        return name
    if isinstance(parent, list) and (name == "-" or name.isdigit()):
        return len(parent) if name == "-" else int(name)
    raise _missing(path)


def _demand(parent: Any, key: Any, path: str) -> None:
    if not (key in parent if isinstance(parent, dict) else key < len(parent)):
        raise _missing(path)


def _store(parent: Any, key: Any, value: Any, *, inserts: bool = True) -> None:
    if isinstance(parent, dict):
        parent[key] = value
    elif inserts or key == len(parent):
        parent.insert(key, value)
    else:
        parent[key] = value


def _increment(parent: Any, key: Any, step: Any, path: str) -> None:
    exists = key in parent if isinstance(parent, dict) else key < len(parent)
    if exists and (isinstance(parent[key], bool) or not isinstance(parent[key], int | float)):
        raise bad_request(f"The patch path {path!r} does not hold a number; set it first.")
    _store(parent, key, parent[key] + step if exists else step, inserts=False)


def _missing(path: str) -> Refused:
    return bad_request(f"The patch path {path!r} does not exist in the item; add its parent first.")
