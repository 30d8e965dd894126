"""Twilio's webhooks: what became of messages, and what customers write back.

Anybody may call; only what Twilio signed for our public URL is believed. Both answer within a second, which Twilio
wants: each needs a handful of reads of single documents.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from fastapi import APIRouter, HTTPException, Request, Response

from functions.application import Application
from functions.services.inbound import Inbound

SIGNATURE_HEADER = "x-twilio-signature"
LARGEST_BODY = 64 * 1024
NOT_SIGNED = "Twilio has not signed this for our public URL; check PUBLIC_URL and TWILIO_AUTH_TOKEN"


def router(application: Callable[[], Application]) -> APIRouter:
    """Routes that only Twilio can use."""
    routes = APIRouter(prefix="/api/twilio")

    @routes.post("/status")
    async def status(request: Request, delivery: str = "") -> Response:
        form = await _signed(request, application())
        await application().status.take_form(delivery, form)
        return Response(status_code=204)

    @routes.post("/inbound")
    async def inbound(request: Request) -> Response:
        here = application()
        form = await _signed(request, here)
        assert here.webhooks is not None  # or nothing was signed
        message = Inbound(form.get("From", ""), form.get("Body", ""), answered="OptOutType" in form)
        answer = await here.inbound.take(message)
        return Response(here.webhooks.reply(answer), media_type="text/xml; charset=utf-8")

    return routes


async def _signed(request: Request, application: Application) -> Mapping[str, str]:
    """The fields of a request; raises 403 for one that Twilio has not signed."""
    if application.webhooks is None:
        raise HTTPException(403, "Twilio cannot call here; set PUBLIC_URL beside the account")
    body = await request.body()
    if len(body) > LARGEST_BODY:
        raise HTTPException(413, f"Twilio sends no more than {LARGEST_BODY} bytes")
    query = request.scope["query_string"].decode("latin-1")
    path = request.scope["path"] + (f"?{query}" if query else "")
    form = application.webhooks.form(path, body, request.headers.get(SIGNATURE_HEADER, ""))
    if form is None:
        raise HTTPException(403, NOT_SIGNED)
    return form
