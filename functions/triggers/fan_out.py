"""Change feed of incidents → one queued notification a customer, and revisions for the utility's OMS."""

from __future__ import annotations

from collections.abc import Callable
from typing import List

import azure.functions as func
import msgspec

from functions import names
from functions.application import Application
from functions.domain.incidents import Incident
from functions.domain.notifications import Intent


def blueprint(application: Callable[[], Application]) -> func.Blueprint:
    """The trigger, bound to an application that is built at the first call."""
    bp = func.Blueprint()

    @bp.function_name("fan_out")
    @bp.cosmos_db_trigger(
        arg_name="documents",
        database_name=names.DATABASE,
        container_name=names.INCIDENTS,
        connection=names.COSMOS_CONNECTION,
        lease_container_name=names.LEASES,
        lease_container_prefix="fan-out",
    )
    @bp.queue_output(
        arg_name="notifications", queue_name=names.NOTIFICATIONS_QUEUE, connection=names.STORAGE_CONNECTION
    )
    @bp.event_hub_output(
        arg_name="incidents", event_hub_name=names.INCIDENTS_HUB, connection=names.EVENT_HUB_CONNECTION
    )
    @bp.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:05")
    async def fan_out(
        documents: func.DocumentList, notifications: func.Out[List[str]], incidents: func.Out[List[str]]
    ) -> None:
        by_type: dict[str, list[dict[str, object]]] = {}
        for document in documents:
            by_type.setdefault(document.get("type"), []).append(dict(document))
        intents = [msgspec.convert(document, Intent) for document in by_type.get("intent", [])]
        revisions = [msgspec.convert(document, Incident) for document in by_type.get("incident", [])]
        expanded = await application().fan_out.expand(intents)
        notifications.set([msgspec.json.encode(each).decode() for each in expanded])
        incidents.set([msgspec.json.encode(each).decode() for each in revisions])

    return bp
