"""Looking for incidents: what is wanted, and where a page ended."""

from __future__ import annotations

import base64
import binascii
import json
from typing import NamedTuple

import msgspec

from functions.domain.errors import RejectedDocument
from functions.domain.incidents import Incident


class Cursor(NamedTuple):
    """The last incident of a page; the next page begins behind it."""

    started_at: int
    incident_id: str

    @classmethod
    def of(cls, incident: Incident) -> Cursor:
        """Where a page ends that ends with this incident."""
        return cls(incident.started_at, incident.incident_id)

    @property
    def text(self) -> str:
        """As it is handed out, to be brought back.

        >>> Cursor.read(Cursor(900, "inc:M1:power_off:1").text)
        Cursor(started_at=900, incident_id='inc:M1:power_off:1')
        """
        return base64.urlsafe_b64encode(json.dumps(self).encode()).decode()

    @classmethod
    def read(cls, text: str) -> Cursor:
        """The cursor that was handed out as `text`; raises `RejectedDocument`."""
        try:
            return msgspec.json.decode(base64.urlsafe_b64decode(text), type=cls)
        except (binascii.Error, ValueError) as fault:
            raise RejectedDocument("cursor", "is none; send the next_cursor of the page before, or none") from fault


class IncidentSearch(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted. Empty means any; `since` and `until` bound the start, seconds since the epoch, end exclusive."""

    states: frozenset[str] = frozenset()
    feeder_id: str = ""
    since: int | None = None
    until: int | None = None
    kinds: frozenset[str] = frozenset()
    severities: frozenset[str] = frozenset()
    device_id: str = ""

    def matches(self, incident: Incident) -> bool:
        """Whether an incident is wanted."""
        return (
            (not self.states or incident.state in self.states)
            and (not self.feeder_id or incident.feeder_id == self.feeder_id)
            and (self.since is None or incident.started_at >= self.since)
            and (self.until is None or incident.started_at < self.until)
            and (not self.kinds or incident.kind in self.kinds)
            and (not self.severities or incident.severity in self.severities)
            and (not self.device_id or incident.device_id == self.device_id)
        )


class IncidentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Incidents, latest start first. More may follow while there is a cursor, even behind an empty page."""

    incidents: tuple[Incident, ...]
    next_cursor: str | None = None
