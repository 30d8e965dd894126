"""Serve: the product on one machine until Ctrl-C, as a utility or an inspector would meet it in the cloud."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import azure.functions as func
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from functions.adapters.clocks import SystemClock
from functions.domain.errors import TransientFault
from functions.settings import Settings
from functions.web.auth import PRINCIPAL_HEADER, Role
from local.machine import Machine

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
MAX_EVENT_BYTES = 1_048_576
"""An Event Hubs event may have 1 MB."""
BEAT_S = 1.0
METHODS = ["GET", "POST", "PUT", "DELETE"]

LOCAL_CLAIMS = [("oid", "local"), *(("roles", role.value) for role in Role)]
LOCAL_PRINCIPAL = base64.b64encode(
    json.dumps({"claims": [{"typ": name, "val": value} for name, value in LOCAL_CLAIMS]}).encode()
).decode()
"""In Azure the platform signs people in; on one machine, whoever reaches the loopback address has every role."""


def serve(store: Path | str, out: Path, port: int) -> None:
    """Run the embedded host and its HTTP endpoints until Ctrl-C; the store keeps the state."""
    machine = Machine.start(store, out, SystemClock(), channels=Settings.of().channels)
    log.info("http://%s:%d/dashboard and /api/docs; events at POST /local/events; results in %s", HOST, port, out)
    uvicorn.run(create_asgi(machine), host=HOST, port=port, log_level="warning")
    machine.database.close()


def create_asgi(machine: Machine) -> Starlette:
    """The endpoints of one machine: the HTTP trigger, and a door for events."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        beat = asyncio.create_task(_beat(machine))
        yield
        beat.cancel()
        await asyncio.gather(beat, return_exceptions=True)

    async def events(request: Request) -> Response:
        body = await request.body()
        if len(body) > MAX_EVENT_BYTES:
            return JSONResponse({"error": "an event has at most 1 MB; split it"}, 413)
        totals = machine.totals.report
        before, reasons_before = totals.tally.as_dict(), totals.reasons.copy()
        try:
            await machine.host.deliver("0", [body])
        except TransientFault as fault:
            return JSONResponse({"error": f"{fault}; send it again"}, 503)
        outcomes = {name: count - before[name] for name, count in totals.tally.as_dict().items()}
        return JSONResponse({**outcomes, "reasons": dict(totals.reasons - reasons_before)})

    async def forward(request: Request) -> Response:
        answer = await machine.host.request(
            func.HttpRequest(
                method=request.method,
                url=str(request.url),
                headers={**request.headers, PRINCIPAL_HEADER: LOCAL_PRINCIPAL},
                params=dict(request.query_params),
                route_params={"path": request.path_params["path"]},
                body=await request.body(),
            )
        )
        return Response(answer.get_body(), answer.status_code, dict(answer.headers or {}), answer.mimetype)

    return Starlette(
        routes=[
            Route("/local/events", events, methods=["POST"]),
            Route("/{path:path}", forward, methods=METHODS),
        ],
        lifespan=lifespan,
    )


async def _beat(machine: Machine) -> None:
    """Timers, change feeds and queues, every second; a fault is logged and the next beat tries again."""
    while True:
        try:
            await machine.host.run_timers()
            await machine.host.settle()
        except Exception:
            log.exception("a beat failed; trying again in %.0f s", BEAT_S)
        await asyncio.sleep(BEAT_S)
