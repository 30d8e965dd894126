"""Queue of notifications → one message to one customer; what cannot be sent → a dead letter."""

from __future__ import annotations

from collections.abc import Callable

import azure.functions as func

from functions import names
from functions.application import Application


def blueprint(application: Callable[[], Application]) -> func.Blueprint:
    """The triggers, bound to an application that is built at the first call."""
    bp = func.Blueprint()

    @bp.function_name("send_notification")
    @bp.queue_trigger(arg_name="message", queue_name=names.NOTIFICATIONS_QUEUE, connection=names.STORAGE_CONNECTION)
    async def send_notification(message: func.QueueMessage) -> None:
        await application().dispatch.dispatch(message.get_body(), message.dequeue_count or 1)

    # The host gives up after `maxDequeueCount` tries of any kind, so many that no outage of a store comes to it.
    @bp.function_name("bury_notification")
    @bp.queue_trigger(arg_name="message", queue_name=names.POISON_QUEUE, connection=names.STORAGE_CONNECTION)
    async def bury_notification(message: func.QueueMessage) -> None:
        await application().dispatch.bury(message.get_body())

    return bp
