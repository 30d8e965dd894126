"""The service: a request comes in, is authorized, perhaps struck by a fault, and is answered."""

from __future__ import annotations

from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple

import msgspec

from emulators.cosmos.account import Account
from emulators.cosmos.authorization import check_authorization
from emulators.cosmos.container import Clock, Container
from emulators.cosmos.errors import CONTAINER_RECREATED, Refused, bad_request
from emulators.cosmos.faults import Faults, Strike, refused_by
from emulators.cosmos.items import Operation, Outcome, perform, perform_batch
from emulators.cosmos.messages import ITEM_OPERATIONS, Reply, Request, Route, encode, refusal, route
from emulators.cosmos.queries import DEFAULT_PAGE_ITEMS, Page, run
from emulators.cosmos.queries import Request as QueryRequest
from emulators.cosmos.request_units import MINIMUM, read_units
from emulators.cosmos.usage import Usage
from emulators.cosmos.values import UNDEFINED, SortKey, sort_key

RANGES_ETAG = '"1"'
WHOLE_RANGE = ("", "FF")
_Headers = tuple[tuple[str, str], ...]


class Call(NamedTuple):
    """An accepted request, with the fault that strikes it."""

    request: Request
    route: Route
    strike: Strike


class Charged(NamedTuple):
    """A reply and its price in RU."""

    reply: Reply
    units: float = MINIMUM


class Service:
    """All state of the server, and its answers."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Be as just started."""
        self.clock = Clock()
        self.account = Account(self.clock)
        self.faults = Faults()
        self.usage = Usage()

    def accept(self, request: Request) -> Call:
        """Authorize and route a request, and decide its fate; raises Refused (400, 401)."""
        found = route(request)
        check_authorization(request.method, found.parts, request.headers)
        self.usage.count(found)
        return Call(request, found, self.faults.strike(request.method, found))

    def answer(self, call: Call) -> Reply | None:
        """Do what a request asks; None where the connection is to be closed without an answer."""
        rule = call.strike.rule
        if rule is not None and rule.effect == "cut":
            return None
        try:
            refused = refused_by(rule) if rule is not None else None
            if refused is not None:
                return _finished(call, Charged(refusal(refused), 0.0))
            charged = self._answer(call)
        except Refused as refused:
            charged = Charged(refusal(refused))
        except (msgspec.DecodeError, KeyError, ValueError, TypeError, AttributeError) as fault:
            charged = Charged(refusal(bad_request(f"The request is malformed: {fault!r}.")))
        self.usage.charge(call.route, charged.units)
        return None if rule is not None else _finished(call, charged)

    def _answer(self, call: Call) -> Charged:
        request, found = call.request, call.route
        if found.operation not in ITEM_OPERATIONS:
            return self._answer_metadata(request, found)
        container = self.account.container(found)
        wanted = request.headers.get("x-ms-cosmos-intended-collection-rid", container.rid)
        if wanted != container.rid:
            raise bad_request(f"Container {container.id!r} was created anew; read it again.", CONTAINER_RECREATED)
        charged = _ITEM_ANSWERS.get(found.operation, _answer_item)(container, call)
        session: _Headers = (
            ("x-ms-session-token", f"0:-1#{container.lsn}"),
            ("x-ms-alt-content-path", container.link),
            ("x-ms-content-path", container.rid),
            ("x-ms-documentdb-partitionkeyrangeid", "0"),
        )
        return charged._replace(reply=charged.reply._replace(headers=charged.reply.headers + session))

    def _answer_metadata(self, request: Request, found: Route) -> Charged:
        if found.operation == "pkranges" and request.headers.get("if-none-match") == RANGES_ETAG:
            return Charged(Reply(304, b"", (("etag", RANGES_ETAG),)))
        settings = msgspec.json.decode(request.body) if request.body else {}
        status, body = self.account.answer(found, settings, request.headers.get("host", ""))
        headers: _Headers = (("etag", RANGES_ETAG),) if found.operation == "pkranges" else ()
        return Charged(Reply(status, b"" if body is None else encode(body), headers))


def _finished(call: Call, charged: Charged) -> Reply:
    headers: _Headers = (
        ("content-type", "application/json"),
        ("x-ms-request-charge", f"{charged.units:.2f}"),
        ("x-ms-activity-id", call.request.headers.get("x-ms-activity-id", "")),
    )
    return charged.reply._replace(headers=charged.reply.headers + headers)


def _answer_item(container: Container, call: Call) -> Charged:
    request = call.request
    outcome = perform(
        container,
        Operation(
            kind=call.route.operation,
            partition=_demanded_partition(request),
            id=call.route.item or None,
            body=msgspec.json.decode(request.body) if request.body else None,
            if_match=request.headers.get("if-match"),
            if_none_match=request.headers.get("if-none-match"),
        ),
    )
    return Charged(_item_reply(request, outcome), outcome.units)


def _item_reply(request: Request, outcome: Outcome) -> Reply:
    if outcome.item is None:
        return Reply(outcome.status)
    minimal = request.headers.get("prefer") == "return=minimal" and request.method != "GET"
    return Reply(outcome.status, b"" if minimal else outcome.item.encoded, (("etag", outcome.item.etag),))


def _answer_batch(container: Container, call: Call) -> Charged:
    status, results, units = perform_batch(container, _demanded_partition(call.request), call.request.body)
    return Charged(Reply(status, encode(results)), units)


def _answer_query(container: Container, call: Call) -> Charged:
    headers = call.request.headers
    _demand_whole_range(headers)
    query = msgspec.json.decode(call.request.body, type=QueryRequest)
    page = run(container, query, _partition(headers), headers.get("x-ms-continuation"), _max_items(headers))
    return _page(container, page)


def _answer_list(container: Container, call: Call) -> Charged:
    headers = call.request.headers
    every = QueryRequest("SELECT * FROM c")
    page = run(container, every, _partition(headers), headers.get("x-ms-continuation"), _max_items(headers))
    return _page(container, page)


def _page(container: Container, page: Page) -> Charged:
    body = encode({"_rid": container.rid, "Documents": page.rows, "_count": len(page.rows)})
    headers: _Headers = (("x-ms-item-count", str(len(page.rows))),)
    if page.continuation is not None:
        headers += (("x-ms-continuation", page.continuation),)
    return Charged(Reply(200, body, headers), page.units)


def _answer_feed(container: Container, call: Call) -> Charged:
    headers = call.request.headers
    _demand_whole_range(headers)
    if headers["a-im"].lower() != "incremental feed":
        raise bad_request(f"The change feed mode {headers['a-im']!r} is not covered; use the latest version mode.")
    start = headers.get("if-none-match", "").strip('"')
    after = container.lsn if start == "*" else int(start or 0)
    since = headers.get("if-modified-since") if not start else None
    earliest = parsedate_to_datetime(since).timestamp() if since else 0.0
    limit = _max_items(headers)
    page, last = container.changes(after, limit if limit is not None and limit > 0 else DEFAULT_PAGE_ITEMS)
    items = [item for item in page if item.timestamp >= earliest]
    etag: _Headers = (("etag", f'"{last}"'),)
    if not items:
        return Charged(Reply(304, b"", etag))
    rows = [msgspec.Raw(item.encoded[:-1] + b',"_lsn":%d}' % item.lsn) for item in items]
    body = encode({"_rid": container.rid, "Documents": rows, "_count": len(rows)})
    return Charged(Reply(200, body, etag), sum(read_units(item.size) for item in items))


def _demand_whole_range(headers: dict[str, str]) -> None:
    bounds = (headers.get("x-ms-start-epk", WHOLE_RANGE[0]), headers.get("x-ms-end-epk", WHOLE_RANGE[1]))
    if bounds != WHOLE_RANGE:
        raise bad_request(
            f"The range {bounds} of effective partition keys is not covered; ask for the whole container."
        )


def _max_items(headers: dict[str, str]) -> int | None:
    return int(headers["x-ms-max-item-count"]) if "x-ms-max-item-count" in headers else None


def _partition(headers: dict[str, str]) -> SortKey | None:
    text = headers.get("x-ms-documentdb-partitionkey")
    if text is None:
        return None
    values: list[Any] = msgspec.json.decode(text)
    if len(values) != 1:
        raise bad_request(f"The partition key {text} must have exactly one value.")
    return sort_key(UNDEFINED if values[0] == {} else values[0])


def _demanded_partition(request: Request) -> SortKey:
    partition = _partition(request.headers)
    if partition is None:
        raise bad_request(f"{request.method} {request.target!r} lacks the header x-ms-documentdb-partitionkey.")
    return partition


_ITEM_ANSWERS: dict[str, Callable[[Container, Call], Charged]] = {
    "batch": _answer_batch,
    "query": _answer_query,
    "list": _answer_list,
    "feed": _answer_feed,
}
