"""Reliability indices and the audit trail."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Query, Response

from functions.application import Application
from functions.domain.periods import Period
from functions.web.auth import Access, Role
from functions.web.bodies import answer

MOST_ENTRIES = 10_000


def router(application: Callable[[], Application], access: Access) -> APIRouter:
    """Routes that look back."""
    routes = APIRouter(prefix="/api")

    @routes.get("/reliability", dependencies=[access.of(Role.viewer, Role.operator, Role.inspector)])
    async def reliability(start: str = Query("", alias="from"), to: str = "", zone: str = "") -> Response:
        here = application()
        return answer(await here.reliability.report(Period.of(start, to, zone, here.clock.now())))

    @routes.get("/audit", dependencies=[access.of(Role.operator)])
    async def audit(
        start: str = Query("", alias="from"), to: str = "", limit: int = Query(1_000, ge=1, le=MOST_ENTRIES)
    ) -> Response:
        here = application()
        period = Period.of(start, to, "", here.clock.now() + 1)
        return answer(await here.audit.entries(period.start, period.end, limit))

    return routes
