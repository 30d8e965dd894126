"""Incidents: what people look up, and what operators do to them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec
from fastapi import APIRouter, HTTPException, Query, Request, Response

from functions.application import Application
from functions.domain import documents
from functions.domain.errors import RejectedDocument
from functions.domain.incident_search import Cursor, IncidentSearch
from functions.domain.incidents import OPEN, IncidentKind, IncidentState, Severity
from functions.domain.periods import moment, zone_of
from functions.services.incident_actions import Facts, Judgement
from functions.web.auth import Access, Principal, Role
from functions.web.bodies import answer

MOST_ROWS = 1_000


def router(application: Callable[[], Application], access: Access) -> APIRouter:
    """Routes of incidents."""
    routes = APIRouter(prefix="/api/incidents")
    may_read = [access.of(Role.viewer, Role.operator, Role.inspector)]
    operator = access.of(Role.operator)

    @routes.get("", dependencies=may_read)
    async def incidents(
        request: Request,
        state: Annotated[list[str], Query()] = [],  # noqa: B006  # FastAPI's way to say that it may be repeated
        kind: Annotated[list[str], Query()] = [],  # noqa: B006
        severity: Annotated[list[str], Query()] = [],  # noqa: B006
        feeder_id: str = "",
        device_id: str = "",
        since: str = "",
        until: str = "",
        limit: int = Query(100, ge=1, le=MOST_ROWS),
        cursor: str = "",
    ) -> Response:
        search = IncidentSearch(
            states=_states(state),
            kinds=_known("kind", kind, [each.value for each in IncidentKind]),
            severities=_known("severity", severity, [each.value for each in Severity]),
            feeder_id=feeder_id,
            device_id=device_id,
            since=moment("since", since, zone_of("")) if since else None,
            until=moment("until", until, zone_of("")) if until else None,
        )
        after = Cursor.read(cursor) if cursor else None
        page = await application().incident_log.page(search, after, limit)
        response = answer(page.incidents)
        if page.next_cursor is not None:
            following = request.url.include_query_params(cursor=page.next_cursor)
            response.headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
        return response

    @routes.get("/{incident_id}", dependencies=may_read)
    async def incident(incident_id: str) -> Response:
        return answer(_found(await application().incident_log.detail(incident_id), incident_id))

    @routes.post("/{incident_id}/acknowledge")
    async def acknowledge(incident_id: str, who: Principal = operator) -> Response:
        revision = await application().incident_actions.acknowledge(incident_id, who.id)
        return answer(_found(revision, incident_id))

    @routes.post("/{incident_id}/verdict")
    async def judge(incident_id: str, request: Request, who: Principal = operator) -> Response:
        judgement = documents.read_as(Judgement, await _document(request))
        return answer(_found(await application().incident_actions.judge(incident_id, judgement, who.id), incident_id))

    @routes.post("/{incident_id}/facts")
    async def inform(incident_id: str, request: Request, who: Principal = operator) -> Response:
        facts = Facts.of(await _document(request))
        return answer(_found(await application().incident_actions.inform(incident_id, facts, who.id), incident_id))

    return routes


def _states(wanted: list[str]) -> frozenset[str]:
    """States by name; `open` is all of those that are not over."""
    named = _known("state", wanted, [*(each.value for each in IncidentState), "open"])
    return frozenset(OPEN | named - {"open"} if "open" in named else named)


def _known(field: str, wanted: list[str], values: list[str]) -> frozenset[str]:
    for each in wanted:
        if each not in values:
            raise RejectedDocument(field, f"{each[:64]!r} is unknown; send one of {', '.join(values)}")
    return frozenset(wanted)


async def _document(request: Request) -> documents.Document:
    try:
        found = msgspec.json.decode(await request.body())
    except msgspec.DecodeError as fault:
        raise RejectedDocument("body", f"is not JSON ({fault}); send one object") from fault
    if not isinstance(found, dict):
        raise RejectedDocument("body", "is no object; send one")
    return found


def _found(value: object, incident_id: str) -> object:
    if value is None:
        raise HTTPException(404, f"there is no incident {incident_id}; GET /api/incidents shows their ids")
    return value
