"""What a utility tells: its roster and its work orders."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Request, Response

from functions.application import Application
from functions.domain.roster import RosterRow
from functions.domain.work_orders import WorkOrder
from functions.web.auth import Access, Role
from functions.web.bodies import answer, documents


def router(application: Callable[[], Application], access: Access) -> APIRouter:
    """Routes that change what is known of the grid."""
    routes = APIRouter(prefix="/api", dependencies=[access.of(Role.operator)])

    @routes.post("/roster")
    async def load_roster(request: Request) -> Response:
        rows = await documents(request, RosterRow)
        here = application()
        return answer({"meters": await here.feeders.load(rows, here.clock.now())})

    @routes.post("/work-orders")
    async def put_work_orders(request: Request) -> Response:
        orders = [order.checked() for order in await documents(request, WorkOrder)]
        await application().stores.context.put_orders(orders)
        return answer({"work_orders": len(orders)})

    return routes
