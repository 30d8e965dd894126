"""Customers taken over, and what became of messages to them."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from fastapi import APIRouter, Query, Request, Response

from functions.application import Application
from functions.domain.customer_rows import rows_of_table
from functions.domain.errors import RejectedDocument
from functions.domain.notifications import Delivery, DeliveryState
from functions.domain.status_reports import BAD_NUMBERS
from functions.web.auth import Access, Principal, Role
from functions.web.bodies import answer

MOST_BYTES = 10_000_000
MOST_ROWS = 1_000


def router(application: Callable[[], Application], access: Access) -> APIRouter:
    """Routes of operators: they show no number and no text, which only the customer's own record has."""
    routes = APIRouter(prefix="/api")
    operator = access.of(Role.operator)

    @routes.post("/customers")
    async def load_customers(request: Request, who: Principal = operator) -> Response:
        body = await request.body()
        if len(body) > MOST_BYTES:
            raise RejectedDocument("body", f"has more than {MOST_BYTES // 1_000_000} MB; send it in several requests")
        rows = _rows(body, request.headers.get("content-type", ""))
        here = application()
        # How many, not who: a column in the wrong place would put names and numbers on record.
        async with here.audit.action(who.id, "customers", f"{len(rows)} rows"):
            loaded = await here.customers.load(rows)
        return answer(loaded)

    @routes.get("/deliveries", dependencies=[operator])
    async def deliveries(state: DeliveryState, limit: int = Query(100, ge=1, le=MOST_ROWS)) -> Response:
        found = await application().stores.deliveries.in_state(state, limit)
        return answer([_shown(each) for each in found])

    return routes


def _rows(body: bytes, content_type: str) -> list[dict[str, object]]:
    if content_type.partition(";")[0].strip().lower() == "text/csv":
        return [dict(row) for row in rows_of_table(body)]
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError as fault:
        raise RejectedDocument("body", f"is not JSON ({fault}); send one object or a list of them") from fault
    listed = [content] if isinstance(content, dict) else content
    if not isinstance(listed, list) or not all(isinstance(each, dict) for each in listed):
        raise RejectedDocument("body", "is neither an object nor a list of objects; send one of them")
    return listed


def _shown(delivery: Delivery) -> dict[str, object]:
    return {
        "customer_id": delivery.customer_id,
        "incident_id": delivery.incident_id,
        "kind": delivery.kind,
        "channel": delivery.channel,
        "state": delivery.state,
        "reason": delivery.reason,
        "code": delivery.code,
        "bad_number": delivery.code in BAD_NUMBERS,
        "reference": delivery.reference,
        "claimed_at": delivery.claimed_at,
        "sent_at": delivery.sent_at,
        "not_before": delivery.not_before or None,
    }
