"""Outcomes: what one desk had made of the month by its end."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from functions.domain.incidents import Incident, IncidentKind
from functions.domain.notifications import Notification
from local.incident_evaluation.desks import Desk

EVER = 1 << 40


@dataclass
class Outcome:
    """Incidents, what they took in and when, and who was told what."""

    desk: str
    history: dict[str, list[Incident]] = field(default_factory=dict)
    """Every revision, oldest first, by incident."""
    incidents_of: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    """Incidents that an anomaly has been part of, by its id; a part that broke off comes last."""
    raised_at: dict[str, int] = field(default_factory=dict)
    """When an incident first named an anomaly, epoch s."""
    sent: list[Notification] = field(default_factory=list)

    def last(self, incident_id: str) -> Incident:
        """The newest revision."""
        return self.history[incident_id][-1]

    def kinds_of(self, anomaly_id: str) -> set[IncidentKind]:
        """As what an anomaly was shown; empty when it was not."""
        return {self.last(each).kind for each in self.incidents_of[anomaly_id]}

    def with_parents(self, incident_ids: set[str]) -> set[str]:
        """The incidents, and those they became part of."""
        parents = {self.last(each).parent_id for each in incident_ids} & self.history.keys()
        return incident_ids | parents


async def outcome_of(desk: Desk) -> Outcome:
    """Read a desk's incidents, member by member."""
    found = Outcome(desk.knowledge.name, sent=list(desk.told.sent))
    for last in await desk.stores.incidents.log(0, EVER):
        revisions = await desk.stores.incidents.history(last.feeder_id, last.incident_id)
        found.history[last.incident_id] = revisions
        seen: set[str] = set()
        for revision in revisions:
            new = [chunk for chunk in revision.chunks if chunk not in seen]
            seen.update(new)
            for chunk in await desk.stores.incidents.chunks(last.feeder_id, new) if new else []:
                for member in chunk.members:
                    known = found.incidents_of[member.anomaly_id]
                    if last.incident_id not in known:
                        known.append(last.incident_id)
                    earlier = found.raised_at.get(member.anomaly_id, EVER)
                    found.raised_at[member.anomaly_id] = min(earlier, revision.updated_at)
    return found
