"""The dashboard: one page for operators, rendered here, without a script."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from functions.application import Application
from functions.domain.incident_search import IncidentSearch
from functions.domain.incidents import OPEN
from functions.domain.notifications import short_reference
from functions.domain.periods import Period
from functions.web.auth import Access, Principal, Role
from functions.web.dashboard_page import dashboard_page

if TYPE_CHECKING:
    from jinja2 import Template

FOLDER = Path(__file__).parent
MOST_INCIDENTS = 200
MOST_LINES = 10_000
SEE_OTHER = 303


def router(application: Callable[[], Application], access: Access) -> APIRouter:
    """The page, and the one action it offers."""
    routes = APIRouter(prefix="/dashboard", include_in_schema=False)
    anybody = access.of(Role.viewer, Role.operator, Role.inspector)
    operator = access.of(Role.operator)

    @routes.get("")
    async def dashboard(refresh: str = "", who: Principal = anybody) -> HTMLResponse:
        here = application()
        now = here.clock.now()
        found = await here.incident_log.page(IncidentSearch(states=OPEN), None, MOST_INCIDENTS)
        page = dashboard_page(
            found.incidents,
            await here.stores.incidents.suppressions(None, MOST_LINES),
            await here.reliability.so_far(Period.today(now)),
            now,
            more=found.next_cursor is not None,
        )
        body = _template().render(page=page, css=_css(), refreshing=refresh == "on", may_act=Role.operator in who.roles)
        return HTMLResponse(body, headers=_headers())

    @routes.post("/incidents/{incident_id}/acknowledge")
    async def acknowledge(incident_id: str, who: Principal = operator) -> Response:
        if await application().incident_actions.acknowledge(incident_id, who.id) is None:
            raise HTTPException(404, f"there is no incident {incident_id}; go back to the dashboard")
        return RedirectResponse(f"/dashboard#{short_reference(incident_id)}", SEE_OTHER)

    return routes


@cache
def _headers() -> dict[str, str]:
    """The page may use its own style and its own forms, and nothing else; nobody may frame it or keep it."""
    digest = base64.b64encode(hashlib.sha256(_css().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


@cache
def _css() -> str:
    return (FOLDER / "dashboard.css").read_text(encoding="utf-8")


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # not needed until somebody asks for a page

    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("dashboard.html.j2")
