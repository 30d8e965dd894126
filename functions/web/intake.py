"""What a utility tells of itself: its roster."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from functions.application import Application
from functions.domain.roster_row import RosterRow
from functions.web.auth import Access, Principal, Role
from functions.web.bodies import answer, documents


def router(application: Callable[[], Application], access: Access) -> APIRouter:
    """Routes that change what is known of the grid."""
    routes = APIRouter(
        prefix="/api",
    )
    operator = access.of(Role.operator)

    @routes.post("/roster")
    async def load_roster(request: Request, who: Principal = operator) -> Response:
        rows = await documents(request, RosterRow)
        here = application()
        async with here.audit.action_on(who.id, "roster", [each.meter_id for each in rows]):
            meters = await here.feeders.load(rows, here.clock.now())
        return answer({"meters": meters})

    return routes
