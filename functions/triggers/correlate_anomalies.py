"""Change feed of anomalies → incidents, suppressions and intents."""

from __future__ import annotations

from collections.abc import Callable

import azure.functions as func

from functions import names
from functions.application import Application


def blueprint(application: Callable[[], Application]) -> func.Blueprint:
    """The trigger, bound to an application that is built at the first call."""
    bp = func.Blueprint()

    @bp.function_name("correlate_anomalies")
    @bp.cosmos_db_trigger(
        arg_name="documents",
        database_name=names.DATABASE,
        container_name=names.ANOMALIES,
        connection=names.COSMOS_CONNECTION,
        lease_container_name=names.LEASES,
        lease_container_prefix="correlate",
        # What was found before the first lease is news as well; a repeat is harmless.
        start_from_beginning=True,  # type: ignore[arg-type]  # typed as a time, written as the flag it is
    )
    @bp.retry(strategy="fixed_delay", max_retry_count="-1", delay_interval="00:00:05")
    async def correlate_anomalies(documents: func.DocumentList) -> None:
        await application().correlation.correlate([dict(document) for document in documents])

    return bp
