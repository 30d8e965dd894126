"""Event Hub meter-readings → scored, committed state."""

from __future__ import annotations

from collections.abc import Callable
from typing import List

import azure.functions as func

from functions import names
from functions.application import Application
from functions.ports import LetterSource
from functions.services.scoring import Event
from functions.triggers.events import enqueued_at, partition_of


def blueprint(application: Callable[[], Application]) -> func.Blueprint:
    """The trigger, bound to an application that is built at the first call."""
    bp = func.Blueprint()

    @bp.function_name("score_readings")
    @bp.event_hub_message_trigger(
        arg_name="events",
        event_hub_name=names.READINGS_HUB,
        connection=names.EVENT_HUB_CONNECTION,
        consumer_group=names.READINGS_GROUP,
        cardinality="many",
        data_type="binary",
    )
    # Without limit: while a store is out of reach the checkpoint waits, and Event Hubs is the buffer.
    @bp.retry(
        strategy="exponential_backoff",
        max_retry_count="-1",
        minimum_interval="00:00:01",
        maximum_interval="00:05:00",
    )
    async def score_readings(events: List[func.EventHubEvent]) -> None:
        partition = partition_of(events)
        batch = [
            Event(event.get_body(), LetterSource(partition, event.sequence_number or 0), enqueued_at(event))
            for event in events
        ]
        await application().scoring.score(batch)

    return bp
