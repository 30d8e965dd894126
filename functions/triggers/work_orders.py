"""Event Hub work-orders → the context of feeders and substations."""

from __future__ import annotations

from collections.abc import Callable
from typing import List

import azure.functions as func

from functions import names
from functions.application import Application
from functions.services.work_order_intake import OrderEvent
from functions.triggers.events import enqueued_at, partition_of


def blueprint(application: Callable[[], Application]) -> func.Blueprint:
    """The trigger, bound to an application that is built at the first call."""
    bp = func.Blueprint()

    @bp.function_name("take_work_orders")
    @bp.event_hub_message_trigger(
        arg_name="events",
        event_hub_name=names.WORK_ORDERS_HUB,
        connection=names.EVENT_HUB_CONNECTION,
        consumer_group=names.WORK_ORDERS_GROUP,
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
    async def take_work_orders(events: List[func.EventHubEvent]) -> None:
        here = application()
        now, partition = here.clock.now(), partition_of(events)
        await here.work_orders.consume(
            [
                OrderEvent(
                    body=event.get_body(),
                    name=f"{partition}-{event.sequence_number or 0}",
                    arrived_at=enqueued_at(event) or now,
                )
                for event in events
            ]
        )

    return bp
