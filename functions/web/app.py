"""The HTTP interface: health, what a utility tells, and what people look up."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request, Response

from functions.application import Application
from functions.domain.errors import Conflict, RejectedDocument, StoreError, TransientFault
from functions.web import context, dashboard, incidents, intake, lookup, messages, reliability, twilio
from functions.web.auth import Access
from functions.web.bodies import answer


def create_app(application: Callable[[], Application]) -> FastAPI:
    """The ASGI application over a MeterSentry application that is built at the first call."""
    app = FastAPI(title="MeterSentry", docs_url="/api/docs", openapi_url="/api/openapi.json", redoc_url=None)
    access = Access(lambda: application().settings.platform_authentication)

    @app.exception_handler(RejectedDocument)
    async def rejected(_: Request, fault: RejectedDocument) -> Response:
        number = {} if fault.position is None else {"position": fault.position + 1}
        return answer({"field": fault.field, **number, "error": str(fault)}, 422)

    @app.exception_handler(TransientFault)
    @app.exception_handler(Conflict)
    async def busy(_: Request, fault: StoreError) -> Response:
        return answer({"error": f"{fault}; try again in a moment"}, 503)

    @app.get("/api/health")
    async def health() -> Response:
        return answer({"status": "ok", "time": application().clock.now()})

    app.include_router(intake.router(application, access))
    app.include_router(context.router(application, access))
    app.include_router(lookup.router(application, access))
    app.include_router(messages.router(application, access))
    app.include_router(twilio.router(application))
    app.include_router(incidents.router(application, access))
    app.include_router(reliability.router(application, access))
    app.include_router(dashboard.router(application, access))
    return app
