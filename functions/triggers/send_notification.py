"""Queue of notifications → one message to one customer."""

from __future__ import annotations

from collections.abc import Callable

import azure.functions as func
import msgspec

from functions import names
from functions.application import Application
from functions.domain.notifications import Notification


def blueprint(application: Callable[[], Application]) -> func.Blueprint:
    """The trigger, bound to an application that is built at the first call."""
    bp = func.Blueprint()

    @bp.function_name("send_notification")
    @bp.queue_trigger(arg_name="message", queue_name=names.NOTIFICATIONS_QUEUE, connection=names.STORAGE_CONNECTION)
    async def send_notification(message: func.QueueMessage) -> None:
        notification = msgspec.json.decode(message.get_body(), type=Notification)
        await application().delivery.deliver(notification)

    return bp
