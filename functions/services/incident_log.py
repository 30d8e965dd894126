"""Incident log: what people look up about incidents, old and new."""

from __future__ import annotations

import msgspec

from functions.domain.incident_search import Cursor, IncidentPage, IncidentSearch
from functions.domain.incidents import Incident, Member
from functions.ports import IncidentStore

PAGE = 500
MOST_PAGES = 20
"""Of one search: what the store cannot filter is looked through here, but not for ever."""
MOST_MEMBER_CHUNKS = 200


class IncidentDetail(msgspec.Struct, frozen=True, kw_only=True):
    """One incident with its revisions, oldest first, and its members as far as they are still kept."""

    incident: Incident
    history: tuple[Incident, ...]
    members: tuple[Member, ...]
    members_complete: bool


class IncidentLog:
    """Incidents by search and by id."""

    def __init__(self, incidents: IncidentStore) -> None:
        self._incidents = incidents

    async def page(self, search: IncidentSearch, after: Cursor | None, limit: int) -> IncidentPage:
        """The next incidents that a search wants, and the cursor behind which to go on."""
        found: list[Incident] = []
        for _ in range(MOST_PAGES):
            looked_at = await self._incidents.page(search, after, PAGE)
            for incident in looked_at:
                after = Cursor.of(incident)
                if search.matches(incident):
                    found.append(incident)
                if len(found) == limit:
                    return IncidentPage(incidents=tuple(found), next_cursor=after.text)
            if len(looked_at) < PAGE:
                return IncidentPage(incidents=tuple(found))
        return IncidentPage(incidents=tuple(found), next_cursor=after.text if after else None)

    async def detail(self, incident_id: str) -> IncidentDetail | None:
        """Everything about one incident; None when there is none of that id."""
        incident = await self._incidents.find(incident_id)
        if incident is None:
            return None
        wanted = incident.chunks[:MOST_MEMBER_CHUNKS]
        chunks = await self._incidents.chunks(incident.feeder_id, wanted)
        return IncidentDetail(
            incident=incident,
            history=tuple(await self._incidents.history(incident.feeder_id, incident_id)),
            members=tuple(member for chunk in chunks for member in chunk.members),
            members_complete=len(chunks) == len(incident.chunks),
        )
