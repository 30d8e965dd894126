"""The HTTP interface: health, roster, work orders, incidents, suppressions, meters and the inspection list."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import msgspec
from fastapi import Depends, FastAPI, HTTPException, Query, Request, Response

from functions.application import Application
from functions.domain.errors import Conflict, RejectedDocument, StoreError, TransientFault
from functions.domain.roster import RosterRow
from functions.domain.work_orders import WorkOrder
from functions.services.pack_keys import pack_number
from functions.web.auth import Role, require

MOST_ROWS = 1_000
Document = TypeVar("Document")
READERS = (Role.viewer, Role.operator, Role.inspector)


def create_app(application: Callable[[], Application]) -> FastAPI:
    """The ASGI application over a MeterSentry application that is built at the first call."""
    app = FastAPI(title="MeterSentry", docs_url="/api/docs", openapi_url="/api/openapi.json", redoc_url=None)

    def trusted() -> bool:
        return application().settings.platform_authentication

    may_read = Depends(require(*READERS, trusted=trusted))
    may_operate = Depends(require(Role.operator, trusted=trusted))
    may_inspect = Depends(require(Role.inspector, trusted=trusted))

    @app.exception_handler(RejectedDocument)
    async def rejected(_: Request, fault: RejectedDocument) -> Response:
        return _json({"field": fault.field, "error": str(fault)}, 422)

    @app.exception_handler(TransientFault)
    @app.exception_handler(Conflict)
    async def busy(_: Request, fault: StoreError) -> Response:
        return _json({"error": f"{fault}; try again in a moment"}, 503)

    @app.get("/api/health")
    async def health() -> Response:
        return _json({"status": "ok", "time": application().clock.now()})

    @app.post("/api/roster", dependencies=[may_operate])
    async def load_roster(request: Request) -> Response:
        rows = await _documents(request, RosterRow)
        here = application()
        return _json({"meters": await here.feeders.load(rows, here.clock.now())})

    @app.post("/api/work-orders", dependencies=[may_operate])
    async def put_work_orders(request: Request) -> Response:
        orders = [order.checked() for order in await _documents(request, WorkOrder)]
        await application().stores.context.put_orders(orders)
        return _json({"work_orders": len(orders)})

    @app.get("/api/incidents", dependencies=[may_read])
    async def incidents(
        state: str | None = Query(None, pattern="^(open|closed)$"),
        feeder_id: str | None = None,
        limit: int = Query(100, ge=1, le=MOST_ROWS),
    ) -> Response:
        return _json(await application().stores.incidents.latest(state=state, feeder_id=feeder_id, limit=limit))

    @app.get("/api/suppressions", dependencies=[may_read])
    async def suppressions(feeder_id: str | None = None, limit: int = Query(100, ge=1, le=MOST_ROWS)) -> Response:
        return _json(await application().stores.incidents.suppressions(feeder_id, limit))

    @app.get("/api/meters/{feeder_id}/{meter_id}", dependencies=[may_read])
    async def meter(feeder_id: str, meter_id: str) -> Response:
        here = application()
        roster = await here.feeders.roster(feeder_id, here.clock.now())
        places = roster.places([meter_id])
        if places[0] < 0:
            raise HTTPException(404, f"meter {meter_id} is not on the roster of feeder {feeder_id}")
        work = await here.states.meters(roster, pack_number(places).tolist())
        return _json(work.describe(int(places[0])))

    @app.get("/api/risk", dependencies=[may_inspect])
    async def risk(limit: int = Query(100, ge=1, le=MOST_ROWS)) -> Response:
        report = await application().inspection.report()
        return _json(msgspec.structs.replace(report, ranked=report.ranked[:limit]))

    return app


async def _documents(request: Request, kind: type[Document]) -> list[Document]:
    """One document or a list of them; a wrong one is refused with its field, and nothing is applied."""
    body = (await request.body()).strip()
    try:
        return msgspec.json.decode(b"[" + body + b"]" if body.startswith(b"{") else body, type=list[kind])  # type: ignore[valid-type]  # a type at run time
    except msgspec.ValidationError as fault:
        raise RejectedDocument(_field(str(fault)), str(fault)) from fault
    except msgspec.DecodeError as fault:
        raise RejectedDocument("body", f"is not JSON ({fault}); send one object or a list of them") from fault


def _field(fault: str) -> str:
    """The field that msgspec names: the missing one, or the end of the path "at `$[0].start`".

    >>> _field("Object missing required field `end` - at `$[0]`"), _field("Expected `int` - at `$[0].start`")
    ('end', 'start')
    """
    missing = re.search(r"required field `(\w+)`", fault)
    path = re.search(r"at `\$\[\d+\]\.(.+)`", fault)
    found = missing or path
    return found[1] if found else "body"


def _json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")
