"""Context: what a utility tells of its grid, work orders and weather, and what is known of them."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import APIRouter, Query, Request, Response

from functions.application import Application
from functions.domain.documents import moment, read_each
from functions.domain.weather import EVERYWHERE, MEASURABLE
from functions.domain.work_order_fields import notice_of
from functions.services.grid_context import name_of, weather_of
from functions.web.auth import Access, Principal, Role
from functions.web.bodies import answer, objects

WEATHER_SHOWN_S = 2 * 86_400


def router(application: Callable[[], Application], access: Access) -> APIRouter:
    """Routes of context."""
    routes = APIRouter(prefix="/api")
    operator = access.of(Role.operator)
    may_read = [access.of(Role.viewer, Role.operator, Role.inspector)]

    @routes.post("/work-orders")
    async def take_work_orders(request: Request, who: Principal = operator) -> Response:
        notices = read_each(await objects(request), notice_of)
        here = application()
        async with here.audit.action_on(who.id, "work orders", [each.work_order_id for each in notices]):
            taken = await here.work_orders.take(notices)
        return answer({"work_orders": taken.written, "outdated": taken.outdated})

    @routes.get("/work-orders", dependencies=may_read)
    async def work_orders(scope: str | None = Query(None, max_length=64), ending_after: str = "") -> Response:
        here = application()
        after = moment("ending_after", ending_after) if ending_after else here.clock.now()
        return answer(await here.stores.context.orders(scope, after))

    @routes.post("/weather")
    async def take_weather(request: Request, who: Principal = operator) -> Response:
        here = application()
        told = weather_of(await objects(request, MEASURABLE), here.clock.now())
        async with here.audit.action_on(who.id, "weather", [name_of(each) for each in told]):
            taken = await here.context.take_weather(told)
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
