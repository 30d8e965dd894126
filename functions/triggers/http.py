"""HTTP → the FastAPI application, imported at the first request so that scoring starts sooner."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import azure.functions as func

from functions.application import Application


def blueprint(application: Callable[[], Application]) -> func.Blueprint:
    """The trigger, bound to an application that is built at the first request."""
    bp = func.Blueprint()

    @cache
    def middleware() -> func.AsgiMiddleware:
        from functions.web.app import create_app

        return func.AsgiMiddleware(create_app(application))

    @bp.function_name("http")
    @bp.route(
        route="{*path}",
        methods=["GET", "POST", "PUT", "DELETE"],
        # The platform's authentication stands in front; roles are checked from its principal header.
        auth_level=func.AuthLevel.ANONYMOUS,
    )
    async def http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        response: func.HttpResponse = await middleware().handle_async(req, context)
        return response

    return bp
