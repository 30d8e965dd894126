"""What people look up: suppressions, meters and the inspection list."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from fastapi import APIRouter, HTTPException, Query, Response

from functions.application import Application
from functions.services.pack_keys import pack_number
from functions.web.auth import Access, Role
from functions.web.bodies import answer

MOST_ROWS = 1_000
LIMIT = Query(100, ge=1, le=MOST_ROWS)


def router(application: Callable[[], Application], access: Access) -> APIRouter:
    """Routes that change nothing."""
    routes = APIRouter(prefix="/api")
    may_read = [access.of(Role.viewer, Role.operator, Role.inspector)]

    @routes.get("/suppressions", dependencies=may_read)
    async def suppressions(feeder_id: str | None = None, limit: int = LIMIT) -> Response:
        return answer(await application().stores.incidents.suppressions(feeder_id, limit))

    @routes.get("/meters/{feeder_id}/{meter_id}", dependencies=may_read)
    async def meter(feeder_id: str, meter_id: str) -> Response:
        here = application()
        roster = await here.feeders.roster(feeder_id, here.clock.now())
        places = roster.places([meter_id])
        if places[0] < 0:
            raise HTTPException(404, f"meter {meter_id} is not on the roster of feeder {feeder_id}")
        work = await here.states.meters(roster, pack_number(places).tolist())
        return answer(work.describe(int(places[0])))

    @routes.get("/risk", dependencies=[access.of(Role.inspector)])
    async def risk(limit: int = LIMIT) -> Response:
        report = await application().inspection.report()
        return answer(msgspec.structs.replace(report, ranked=report.ranked[:limit]))

    return routes
