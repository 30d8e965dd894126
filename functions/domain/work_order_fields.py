"""Names of fields: a work order as SAP PM or Maximo writes it, in our words.

The names are in `work_order_fields.json`, where a utility adds its own. A document that is in none of them is taken to
be in ours.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from functions.domain.documents import Document
from functions.domain.errors import RejectedDocument
from functions.domain.work_orders import OrderNotice, WorkOrderStatus

TABLE = Path(__file__).with_name("work_order_fields.json")
TIMES = ("start", "end", "issued_at", "updated_at")
EARLIEST_FIRST = tuple(WorkOrderStatus)
"""How far a status is along: of several that a system names at once the furthest counts."""


class System(msgspec.Struct, frozen=True, kw_only=True):
    """How one work management system writes."""

    fields: dict[str, list[str]]
    words: dict[WorkOrderStatus, list[str]]
    zone: str | None = None

    @property
    def status_of(self) -> dict[str, WorkOrderStatus]:
        """Our status of each of its words."""
        return {word: status for status, words in self.words.items() for word in words}


class _Table(msgspec.Struct):
    systems: dict[str, System]


@cache
def systems() -> dict[str, System]:
    """Every system known, by name."""
    return msgspec.json.decode(TABLE.read_bytes(), type=_Table).systems


def notice_of(document: Document) -> OrderNotice:
    """A work order in anybody's words; raises `RejectedDocument` naming the field at fault."""
    if "work_order_id" in document:
        return OrderNotice.of(document)
    # Maximo's REST writes names in lower case, and with the prefix of their schema.
    named = {name.rpartition(":")[2].upper(): value for name, value in document.items()}
    for name, system in systems().items():
        if any(field in named for field in system.fields["work_order_id"]):
            return _translated(name, system, named)
    ids = ", ".join(field for system in systems().values() for field in system.fields["work_order_id"])
    raise RejectedDocument("work_order_id", f"is missing, and so is {ids}; name the order")


def _translated(name: str, system: System, document: Document) -> OrderNotice:
    words: dict[str, object] = {}
    for field, candidates in system.fields.items():
        value = next((found for each in candidates if (found := _value(each, document, system.zone)) is not None), None)
        if value is not None:
            words[field] = value
    if "status" in words:
        words["status"] = _status(name, system, str(words["status"]))
    try:
        return OrderNotice.of(words)
    except RejectedDocument as fault:
        theirs = " or ".join(system.fields.get(fault.field, [])) or fault.field
        zone = f"; or set the zone of {name} in {TABLE.name}" if fault.field in TIMES and not system.zone else ""
        raise RejectedDocument(fault.field, f"{fault.reason} ({name} names it {theirs}{zone})") from None


def _value(candidate: str, document: Document, zone: str | None) -> object:
    """What a field holds, or a date and a time of day together; None where it is not filled."""
    parts = [document.get(part) for part in candidate.split("+")]
    if not all(_filled(part) for part in parts):
        return None
    text = "T".join(str(part).strip() for part in parts) if len(parts) > 1 else parts[0]
    return _in_zone(text, zone) if isinstance(text, str) and zone else text


def _filled(part: object) -> bool:
    """Whether a system has said something: SAP fills dates that are not set with zeros."""
    return part is not None and str(part).strip() not in ("", "00000000")


def _in_zone(text: str, zone: str) -> str:
    """A time without a zone in the system's; anything else as it is."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(zone)).isoformat()


def _status(name: str, system: System, text: str) -> WorkOrderStatus:
    known: Mapping[str, WorkOrderStatus] = system.status_of
    found = [known[word] for word in text.upper().split() if word in known]
    if not found:
        raise RejectedDocument("status", f"{text!r} is no status of {name}; add it to {TABLE.name}")
    return max(found, key=EARLIEST_FIRST.index)
