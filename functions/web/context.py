"""Context: what a utility tells of its grid, work orders and weather, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Query, Request, Response

from functions.application import Application
from functions.domain.documents import moment, read_each
from functions.domain.weather import EVERYWHERE, MEASURABLE
from functions.domain.work_order_fields import notice_of
from functions.web.auth import Access, Role
from functions.web.bodies import answer, objects

WEATHER_SHOWN_S = 2 * 86_400


def router(application: Callable[[], Application], access: Access) -> APIRouter:
    """Routes of context."""
    routes = APIRouter(prefix="/api")
    operator = [access.of(Role.operator)]
    may_read = [access.of(Role.viewer, Role.operator, Role.inspector)]

    @routes.post("/work-orders", dependencies=operator)
    async def take_work_orders(request: Request) -> Response:
        notices = read_each(await objects(request), notice_of)
        taken = await application().work_orders.take(notices)
        return answer({"work_orders": taken.written, "outdated": taken.outdated})

    @routes.get("/work-orders", dependencies=may_read)
    async def work_orders(scope: str | None = Query(None, max_length=64), ending_after: str = "") -> Response:
        here = application()
        after = moment("ending_after", ending_after) if ending_after else here.clock.now()
        return answer(await here.stores.context.orders(scope, after))

    @routes.post("/weather", dependencies=operator)
    async def take_weather(request: Request) -> Response:
        here = application()
        taken = await here.context.take_weather(await objects(request, MEASURABLE), here.clock.now())
        return answer({"observations": taken.observations, "alerts": taken.alerts})

    @routes.get("/weather", dependencies=may_read)
    async def weather(area: str = Query(EVERYWHERE, max_length=64), since: str = "") -> Response:
        here = application()
        after = moment("since", since) - 1 if since else here.clock.now() - WEATHER_SHOWN_S
        return answer(
            {
                "observations": await here.stores.context.observations(area, after),
                "alerts": await here.stores.context.alerts(area, after),
            }
        )

    return routes
