"""The operators' channel where nothing else is set up for them: a line in the log, which Application Insights keeps."""

from __future__ import annotations

import logging

import msgspec

from functions.domain.notifications import Customer, Delivery, Notification

log = logging.getLogger("metersentry.operators")


class OperatorLog:
    """A `Notifier` that writes one warning a message. One that was interrupted is written again."""

    name = "operators"

    async def send(self, notification: Notification, customer: Customer, body: str) -> str:  # noqa: ARG002  # no customer is named
        """Write a line of JSON; the reference is the notification's key."""
        line = {"kind": notification.kind, "incident_id": notification.incident_id, "body": body}
        log.warning("%s", msgspec.json.encode(line).decode())
        return notification.key

    async def find(self, claim: Delivery) -> str | None:  # noqa: ARG002  # a log cannot be asked
        """None: nobody knows what was written."""
        return None
