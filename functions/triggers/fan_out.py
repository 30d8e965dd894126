"""Change feed of incidents → one queued notification a customer, and revisions for the utility's OMS."""

from __future__ import annotations

from collections.abc import Callable
from typing import List

import azure.functions as func
import msgspec

from functions import names
from functions.application import Application


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
        # Claims make a repeat harmless.
        start_from_beginning=True,  # type: ignore[arg-type]  # typed as a time, written as the flag it is
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
        out = await application().fan_out.expand([dict(document) for document in documents])
        notifications.set([msgspec.json.encode(each).decode() for each in out.notifications])
        incidents.set([msgspec.json.encode(each).decode() for each in out.revisions])

    return bp
