"""The account: what was made, who opted out, and the answers to questions about it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode

from emulators.twilio.errors import NOT_FOUND, not_covered, opted_out
from emulators.twilio.resources import VERSION, Resource, create, shown
from emulators.twilio.wire import Fields

PAGE_SIZE = 50
LARGEST_PAGE = 1_000
OUT = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
IN = frozenset({"start", "yes", "unstop"})
_LIST = re.compile(rf"/{VERSION}/Accounts/[^/]+/(Messages|Calls)\.json")
_ONE = re.compile(rf"/{VERSION}/Accounts/[^/]+/(Messages|Calls)/(\w+)\.json")
_COMPARISONS = {"": lambda day, wanted: day == wanted, "<": lambda d, w: d <= w, ">": lambda d, w: d >= w}


def route(path: str) -> tuple[str, str]:
    """What a path names: Messages or Calls, and a SID or nothing; raises Refused (404)."""
    if found := _LIST.fullmatch(path):
        return found[1], ""
    if found := _ONE.fullmatch(path):
        return found[1], found[2]
    raise NOT_FOUND


class Account:
    """Everything that was made, in order."""

    def __init__(self, sid: str) -> None:
        self.sid = sid
        self.shift_s = 0.0
        """How far its clock runs ahead of the machine's."""
        self.made: dict[str, dict[str, Resource]] = {"Messages": {}, "Calls": {}}
        self.opted_out: set[str] = set()
        self._to: dict[tuple[str, str], list[Resource]] = {}

    def create(self, kind: str, form: Fields) -> Resource:
        """Make a message or a call; raises Refused."""
        resource = create(kind, self.sid, form, self.shift_s)
        if kind == "Messages" and resource["to"] in self.opted_out:
            raise opted_out(resource["to"])
        self.made[kind][resource["sid"]] = resource
        self._to.setdefault((kind, resource["to"]), []).append(resource)
        return resource

    def fetch(self, kind: str, sid: str) -> Resource:
        """One resource; raises Refused (404)."""
        found = self.made[kind].get(sid)
        if found is None:
            raise NOT_FOUND
        return shown(found)

    def page(self, kind: str, query: Fields) -> dict[str, Any]:
        """A page of what matches, newest first, as in the OpenAPI document's examples of the list."""
        asked = {name: values[-1] for name, values in query.items()}
        size = min(int(asked.pop("PageSize", PAGE_SIZE)), LARGEST_PAGE)
        number = int(asked.pop("Page", 0))
        asked.pop("PageToken", None)
        candidates = self._to.get((kind, asked["To"]), []) if "To" in asked else list(self.made[kind].values())
        found = [each for each in reversed(candidates) if all(_matches(each, *pair) for pair in asked.items())]
        start = number * size
        rows = [shown(each) for each in found[start : start + size]]

        def address(page: int) -> str:
            return f"/{VERSION}/Accounts/{self.sid}/{kind}.json?{urlencode({**asked, 'PageSize': size, 'Page': page})}"

        return {
            kind.lower(): rows,
            "page": number,
            "page_size": size,
            "start": start,
            "end": start + len(rows) - 1 if rows else 0,
            "uri": address(number),
            "first_page_uri": address(0),
            "next_page_uri": address(number + 1) if start + size < len(found) else None,
            "previous_page_uri": address(number - 1) if number else None,
        }

    def hear(self, sender: str, body: str) -> None:
        """Note what the standard words say, https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out."""
        word = body.strip().casefold()
        if word in OUT:
            self.opted_out.add(sender)
        elif word in IN:
            self.opted_out.discard(sender)


def _matches(resource: Resource, name: str, wanted: str) -> bool:
    if name == "To":
        return bool(resource["to"] == wanted)
    if name == "From":
        return bool(resource["from"] == wanted)
    comparison = name.removeprefix("DateSent")
    if not name.startswith("DateSent") or comparison not in _COMPARISONS:
        raise not_covered(f"the filter {name}")
    sent = resource.get("date_sent")
    return sent is not None and _COMPARISONS[comparison](
        parsedate_to_datetime(sent).date(), datetime.strptime(wanted[:10], "%Y-%m-%d").replace(tzinfo=UTC).date()
    )
