"""What travels over HTTP: a request, its route, and the reply."""

from __future__ import annotations

from typing import Any, NamedTuple
from urllib.parse import unquote

import msgspec

from emulators.cosmos.errors import Refused, bad_request

ITEM_OPERATIONS = frozenset(
    ("create", "upsert", "replace", "read", "delete", "patch", "batch", "query", "feed", "list")
)


class Request(NamedTuple):
    """A request; header names are in lower case, `target` is the path as sent."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Reply(NamedTuple):
    """A reply; its length and connection headers are the connection's."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


class Route(NamedTuple):
    """What a request is about; ids are empty where it names none."""

    operation: str
    parts: list[str]
    database: str = ""
    container: str = ""
    item: str = ""


_METADATA = {
    ("GET", 0): "account",
    ("POST", 1): "create_database",
    ("GET", 1): "list_databases",
    ("GET", 2): "read_database",
    ("DELETE", 2): "delete_database",
    ("POST", 3): "create_container",
    ("GET", 3): "list_containers",
    ("GET", 4): "read_container",
    ("PUT", 4): "replace_container",
    ("DELETE", 4): "delete_container",
}
_ITEM_METHODS = {"GET": "read", "PUT": "replace", "DELETE": "delete", "PATCH": "patch"}
_POSTS = (
    ("x-ms-documentdb-isquery", "query"),
    ("x-ms-cosmos-is-batch-request", "batch"),
    ("x-ms-documentdb-is-upsert", "upsert"),
)
_COLLECTIONS = ("dbs", "colls", "docs")


def route(request: Request) -> Route:
    """Tell what a request is about; raises Refused (400) for what the emulator does not cover."""
    parts = [unquote(part) for part in request.target.partition("?")[0].split("/") if part]
    ids = [*parts[1::2], "", "", ""]
    operation = _operation(request, parts)
    return Route(operation, parts, ids[0], ids[1], ids[2])


def encode(value: Any) -> bytes:
    """JSON."""
    return msgspec.json.encode(value)


def refusal(refused: Refused) -> Reply:
    """The reply to a request that Cosmos DB would refuse."""
    headers = []
    if refused.substatus:
        headers.append(("x-ms-substatus", str(refused.substatus)))
    if refused.retry_after_ms:
        headers.append(("x-ms-retry-after-ms", str(refused.retry_after_ms)))
    return Reply(refused.status, encode({"code": refused.code, "message": refused.message}), tuple(headers))


def _operation(request: Request, parts: list[str]) -> str:
    method, headers, depth = request.method, request.headers, len(parts)
    found: str | None = None
    if parts[4:] == ["pkranges"] and method == "GET":
        found = "pkranges"
    elif all(part == name for part, name in zip(parts[::2], _COLLECTIONS, strict=False)):
        if depth == 6:
            found = _ITEM_METHODS.get(method)
        elif depth == 5 and method == "GET":
            found = "feed" if "a-im" in headers else "list"
        elif depth == 5 and method == "POST":
            found = next((name for header, name in _POSTS if headers.get(header, "").lower() == "true"), "create")
        elif headers.get("x-ms-documentdb-isquery", "").lower() != "true":
            found = _METADATA.get((method, depth))
    if found is None:
        raise bad_request(f"{method} {request.target!r} is beyond what the emulator covers.")
    return found
