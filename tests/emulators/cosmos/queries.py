"""Running a query: the index check, the rows, and the pages."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, NamedTuple

import msgspec

from emulators.cosmos.container import Container, Item
from emulators.cosmos.errors import bad_request
from emulators.cosmos.expressions import (
    And,
    Compare,
    Constant,
    Expression,
    In,
    Literal,
    Or,
    Parameter,
    Parameters,
    Property,
)
from emulators.cosmos.request_units import QUERY_LOOKUP, read_units
from emulators.cosmos.sql import Query, parse
from emulators.cosmos.values import UNDEFINED, Path, SortKey, is_defined, sort_key, value_at

DEFAULT_PAGE_ITEMS = 100
MAX_PAGE_ITEMS = 1000
MAX_PAGE_BYTES = 4 * 1024 * 1024

ID: Path = ("id",)

Position = list[Any]
"""Where an item stands in a query's order: its sort key's two parts and its number, so that no two stand alike."""


class Request(msgspec.Struct):
    """The body of a query request."""

    query: str
    parameters: list[dict[str, Any]] = []


class Page(NamedTuple):
    """Rows of a query; `continuation` is None after the last page."""

    rows: list[Any]
    continuation: str | None
    units: float


class _Continuation(msgspec.Struct, array_like=True):
    """The last row handed out, and how many were; so a page loses nothing when items change between two pages."""

    after: Position
    taken: int


def run(
    container: Container, request: Request, partition: SortKey | None, continuation: str | None, max_items: int | None
) -> Page:
    """One page of a query; raises Refused (400) for SQL not covered and for paths not indexed."""
    query = parse(request.query)
    parameters = {parameter["name"]: parameter["value"] for parameter in request.parameters}
    _check_index(container, query)
    matching = _matching(container, query.where, parameters, partition)
    if query.counts:
        return Page([sum(1 for _ in matching)], None, QUERY_LOOKUP)
    items = _sorted(container, query, matching)
    resumed = _decode(continuation) if continuation else None
    if resumed is not None:
        items = [each for each in items if _is_after(query, each[0], resumed.after)]
    elif query.offset is not None:
        items = items[_whole_number(query.offset, parameters) :]
    taken = resumed.taken if resumed is not None else 0
    bounds = [_whole_number(bound, parameters) - taken for bound in (query.top, query.limit) if bound is not None]
    allowed = min(bounds, default=len(items))
    page = _cut(items[:allowed], max_items)
    more = len(page) < min(allowed, len(items))
    token = _encode(_Continuation(page[-1][0], taken + len(page))) if more else None
    rows = [row for _, item in page if (row := _row(query, item)) is not UNDEFINED]
    return Page(rows, token, QUERY_LOOKUP + sum(read_units(item.size) for _, item in page))


def _check_index(container: Container, query: Query) -> None:
    filtered = set(query.where.paths()) if query.where is not None else set()
    sorted_by = {query.order.property.path} if query.order is not None else set()
    for path in (filtered - {container.key_path}) | sorted_by:
        if not container.indexing.covers(path):
            raise bad_request(
                f"The query filters or sorts by /{'/'.join(path)}, which the indexing policy of container "
                f"{container.id!r} excludes: Cosmos DB would scan every item; include the path in the policy."
            )


def _matching(
    container: Container, where: Expression | None, parameters: Parameters, partition: SortKey | None
) -> Iterator[Item]:
    if where is None:
        yield from container.items(partition)
        return
    found: set[int] = set()
    # Part by part, as `read_items` sends up to 1,000 parts of one key and one id each.
    for part in where.parts if isinstance(where, Or) else (where,):
        matches = part.bind(parameters)
        for item in _candidates(container, part, parameters, partition):
            if matches(item.document) is True and item.number not in found:
                found.add(item.number)
                yield item


def _candidates(
    container: Container, where: Expression, parameters: Parameters, partition: SortKey | None
) -> Iterator[Item]:
    """The items that the filter's partition keys and ids leave; spares a scan of the container for a few items."""
    keys = {partition} if partition is not None else _pinned(where, container.key_path, parameters)
    ids = _pinned(where, ID, parameters) if container.key_path != ID else None
    for key in keys if keys is not None else list(container.partitions):
        if ids is None:
            yield from container.items(key)
            continue
        for _, item_id in ids:
            item = container.find(key, item_id)
            if item is not None:
                yield item


def _pinned(where: Expression, path: Path, parameters: Parameters) -> set[SortKey] | None:
    """The only values that a path may have where the filter holds, or None if there is no such limit."""
    if isinstance(where, Compare) and where.operator == "=":
        sides = (where.left, where.right)
        constants = [side for side in sides if isinstance(side, Literal | Parameter)]
        if Property(path) in sides and constants:
            return _keys(constants, parameters)
    if isinstance(where, In) and where.subject == Property(path):
        return _keys(where.choices, parameters)
    if isinstance(where, And | Or):
        parts = [_pinned(part, path, parameters) for part in where.parts]
        if isinstance(where, And):
            return next((part for part in parts if part is not None), None)
        if all(part is not None for part in parts):
            return set().union(*(part for part in parts if part is not None))
    return None


def _keys(constants: list[Constant] | tuple[Constant, ...], parameters: Parameters) -> set[SortKey]:
    return {sort_key(constant.resolve(parameters)) for constant in constants}


def _sorted(container: Container, query: Query, items: Iterator[Item]) -> list[tuple[Position, Item]]:
    if query.order is None:
        placed = [([0, 0, item.number], item) for item in items]
    else:
        path = query.order.property.path
        keyed = [(sort_key(value_at(item.document, path)), item) for item in items]
        named = container.indexing.names(path)
        placed = [([*key, item.number], item) for key, item in keyed if named or is_defined(key)]
    return sorted(placed, key=lambda each: each[0], reverse=query.order is not None and query.order.descending)


def _is_after(query: Query, position: Position, other: Position) -> bool:
    return position < other if query.order is not None and query.order.descending else position > other


def _whole_number(constant: Constant, parameters: Parameters) -> int:
    value = constant.resolve(parameters)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise bad_request(f"TOP, OFFSET and LIMIT take a whole number of at least 0, not {value!r}.")
    return value


def _cut(items: list[tuple[Position, Item]], max_items: int | None) -> list[tuple[Position, Item]]:
    """The items of one page: by number, and by size as soon as there is one."""
    limit = DEFAULT_PAGE_ITEMS if max_items is None else MAX_PAGE_ITEMS if max_items < 1 else max_items
    total = 0
    for count, (_, item) in enumerate(items[:limit]):
        total += len(item.encoded)
        if count and total > MAX_PAGE_BYTES:
            return items[:count]
    return items[:limit]


def _row(query: Query, item: Item) -> Any:
    if query.columns is None:
        return msgspec.Raw(item.encoded)
    values = [(name, value_at(item.document, column.path)) for name, column in query.columns]
    if query.columns[0][0] == "":
        return values[0][1]
    return {name: value for name, value in values if value is not UNDEFINED}


def _encode(continuation: _Continuation) -> str:
    return base64.b64encode(msgspec.json.encode(continuation)).decode()


def _decode(text: str) -> _Continuation:
    try:
        return msgspec.json.decode(base64.b64decode(text), type=_Continuation)
    except (ValueError, msgspec.DecodeError) as fault:
        raise bad_request(f"The continuation {text!r} was not made by this server; start the query anew.") from fault
