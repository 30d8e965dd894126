"""What may be done to an item, alone or in a transactional batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from emulators.cosmos.container import MAX_ITEM_BYTES, Container, Item
from emulators.cosmos.errors import (
    PARTITION_KEY_MISMATCH,
    Refused,
    bad_request,
    conflict,
    not_found,
    precondition_failed,
    too_large,
)
from emulators.cosmos.patch import patched
from emulators.cosmos.request_units import INDEX_TERM, MINIMUM, PATCH_OPERATION, read_units, write_units
from emulators.cosmos.sql import parse
from emulators.cosmos.values import Document, SortKey

MAX_BATCH_OPERATIONS = 100
MAX_ID_CHARACTERS = 255
FAILED_DEPENDENCY = 424


class Operation(NamedTuple):
    """One request about one item; `id` is None where the body tells it."""

    kind: str
    partition: SortKey
    id: str | None = None
    body: Any = None
    if_match: str | None = None
    if_none_match: str | None = None


class Outcome(NamedTuple):
    """What an operation came to; `units` is its charge in RU."""

    status: int
    item: Item | None
    units: float


class BatchResult(msgspec.Struct, omit_defaults=True):
    """The answer to one operation of a batch."""

    statusCode: int  # noqa: N815  # as on the wire
    requestCharge: float = 0.0  # noqa: N815
    eTag: str | None = None  # noqa: N815
    resourceBody: msgspec.Raw | None = None  # noqa: N815


def perform(container: Container, operation: Operation) -> Outcome:
    """Do it, or raise Refused with Cosmos DB's status."""
    if operation.kind not in _VERBS:
        raise bad_request(f"The operation {operation.kind!r} is none of {', '.join(_VERBS)}.")
    return _VERBS[operation.kind](container, operation)


def perform_batch(container: Container, partition: SortKey, body: bytes) -> tuple[int, list[BatchResult], float]:
    """Do all of a batch or nothing; the batch's status, each operation's answer, and the charge in RU."""
    if len(body) > MAX_ITEM_BYTES:
        raise too_large("The batch", len(body), MAX_ITEM_BYTES)
    operations = [_batch_operation(partition, entry) for entry in msgspec.json.decode(body)]
    if len(operations) > MAX_BATCH_OPERATIONS:
        raise bad_request(
            f"A batch has at most {MAX_BATCH_OPERATIONS} operations, this one {len(operations)}; split it."
        )
    results: list[BatchResult] = []
    try:
        with container.transaction(partition):
            for operation in operations:
                status, item, units = perform(container, operation)
                results.append(BatchResult(status, units))
                if item is not None:
                    results[-1].eTag, results[-1].resourceBody = item.etag, msgspec.Raw(item.encoded)
    except Refused as refused:
        codes = [FAILED_DEPENDENCY] * len(operations)
        codes[len(results)] = refused.status
        return 207, [BatchResult(code) for code in codes], MINIMUM
    return 200, results, sum(result.requestCharge for result in results)


def _batch_operation(partition: SortKey, entry: dict[str, Any]) -> Operation:
    kind = entry["operationType"].lower()
    return Operation(
        kind, partition, entry.get("id"), entry.get("resourceBody"), entry.get("ifMatch"), entry.get("ifNoneMatch")
    )


def _create(container: Container, operation: Operation) -> Outcome:
    document = _checked(container, operation)
    if container.find(operation.partition, document["id"]) is not None:
        raise conflict(f"Item {document['id']!r} of {container.id}")
    item = container.put(document, None)
    return Outcome(201, item, write_units(item.size))


def _upsert(container: Container, operation: Operation) -> Outcome:
    document = _checked(container, operation)
    old = container.find(operation.partition, document["id"])
    if old is None:
        item = container.put(document, None)
        return Outcome(201, item, write_units(item.size))
    _check_condition(container, operation, old)
    return _put_over(container, old, document)


def _replace(container: Container, operation: Operation) -> Outcome:
    old = _existing(container, operation)
    document = _checked(container, operation)
    if document["id"] != old.id:
        raise bad_request(f"The id {old.id!r} cannot become {document['id']!r}; create a new item.")
    return _put_over(container, old, document)


def _read(container: Container, operation: Operation) -> Outcome:
    item = container.find(operation.partition, operation.id or "")
    if item is None:
        raise not_found(f"Item {operation.id!r} of {container.id}")
    if operation.if_none_match == item.etag:
        return Outcome(304, None, MINIMUM)
    return Outcome(200, item, read_units(item.size))


def _delete(container: Container, operation: Operation) -> Outcome:
    old = _existing(container, operation)
    container.remove(old)
    return Outcome(204, None, write_units(old.size))


def _patch(container: Container, operation: Operation) -> Outcome:
    old = _existing(container, operation)
    condition = operation.body.get("condition")
    if condition:
        where = parse(f"SELECT * {condition}").where
        if where is not None and where.bind({})(old.document) is not True:
            raise precondition_failed(f"Item {old.id!r} of {container.id}")
    operations = operation.body.get("operations", [])
    document = patched(old.document, operations)
    if document.get("id") != old.id or container.partition_of(document) != old.partition:
        raise bad_request(f"A patch cannot change the id or the partition key of item {old.id!r}; create a new item.")
    status, item, units = _put_over(container, old, document)
    return Outcome(status, item, units + PATCH_OPERATION * len(operations))


def _put_over(container: Container, old: Item, document: Document) -> Outcome:
    item = container.put(document, old)
    units = write_units(old.size) + write_units(item.size) + INDEX_TERM * len(old.terms ^ item.terms)
    return Outcome(200, item, units)


def _existing(container: Container, operation: Operation) -> Item:
    item = container.find(operation.partition, operation.id or "")
    if item is None:
        raise not_found(f"Item {operation.id!r} of {container.id}")
    _check_condition(container, operation, item)
    return item


def _check_condition(container: Container, operation: Operation, item: Item) -> None:
    matches = operation.if_match in (None, "*", item.etag)
    if not matches or operation.if_none_match in ("*", item.etag):
        raise precondition_failed(f"Item {item.id!r} of {container.id}")


def _checked(container: Container, operation: Operation) -> Document:
    document: Document = operation.body if isinstance(operation.body, dict) else {}
    item_id = document.get("id")
    if not isinstance(item_id, str) or not 0 < len(item_id) <= MAX_ID_CHARACTERS or set(item_id) & set("/\\?#"):
        raise bad_request(
            f"The id {item_id!r} must be 1 to {MAX_ID_CHARACTERS} characters without '/', '\\', '?' and '#'."
        )
    if container.partition_of(document) != operation.partition:
        raise bad_request(
            f"The partition key in item {item_id!r} differs from that in the request's header.", PARTITION_KEY_MISMATCH
        )
    return document


_VERBS: dict[str, Callable[[Container, Operation], Outcome]] = {
    "create": _create,
    "upsert": _upsert,
    "replace": _replace,
    "read": _read,
    "delete": _delete,
    "patch": _patch,
}
