"""The console channel: messages as lines of JSON, for one machine and for trying things out."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from functions.domain.errors import NotSent
from functions.domain.notifications import Customer, Delivery, Notification


class JsonLinesNotifier:
    """A `Notifier` that appends to a file; customers are named by id, their phone number is not written."""

    name = "console"

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()

    async def send(self, notification: Notification, customer: Customer, body: str) -> str:
        """Append one line; the reference is the notification's key."""
        line = {
            "customer_id": customer.customer_id,
            "kind": notification.kind,
            "reference": notification.key,
            "incident_id": notification.incident_id,
            "created_at": datetime.fromtimestamp(notification.created_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "body": body,
        }
        try:
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(line) + b"\n")
        except OSError as fault:
            raise NotSent(f"{self._path} cannot be written ({fault.strerror}); free the disk or its rights") from fault
        return notification.key

    async def find(self, claim: Delivery) -> str | None:
        """The message's key when the file has it. A line that a crash cut short was not sent."""
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError as fault:
            raise NotSent(f"{self._path} cannot be read ({fault.strerror}); check its rights") from fault
        for line in lines:
            with suppress(msgspec.DecodeError):
                if msgspec.json.decode(line).get("reference") == claim.key:
                    return claim.key
        return None
