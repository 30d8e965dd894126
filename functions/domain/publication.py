"""Publication: what has changed on a board becomes revisions, intents and chunks, as many as one commit takes."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import msgspec

from functions.domain.board import Board, OpenIncident, PastIncident
from functions.domain.context import Suppression
from functions.domain.evidence import Evidence
from functions.domain.incidents import OVER, Incident, IncidentKind, MemberChunk
from functions.domain.notifications import Intent
from functions.domain.presumed import Presumption
from functions.domain.promised import keep_promises
from functions.domain.revising import Estimate, differs, draft, members_of, merged
from functions.domain.schedule import ESTIMATE_S, look_at
from functions.domain.telling import Customers, Silent, anything_due, tell
from functions.domain.topology import DeviceKind, FeederMap
from functions.domain.troubles import SECOND_LOOK_S, Trouble

MOST_OPERATIONS = 100
"""Documents that one transactional batch of Cosmos DB takes."""
LEDGER_LINES = 1_000
"""Suppressions that are kept as one document."""
MOST_INCIDENTS = 22
"""Revisions of one commit: each is a record, a head and at most two intents; the board and the ledger need the rest."""


STORM_INCIDENTS = 12
"""With more outages of a feeder that nobody has heard of yet, they wait for a minute: most will turn out to be one."""
QUIET_S = 60
"""Only how many are out is told again no sooner than this."""


@dataclass
class Correlation:
    """What one step changes: the board, and the records to insert with it."""

    board: Board
    chunks: list[MemberChunk] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    suppressions: list[Suppression] = field(default_factory=list)
    intents: list[Intent] = field(default_factory=list)
    more: bool = False
    """Whether revisions were left for the next step, to be made at once."""

    @property
    def operations(self) -> int:
        """Documents to commit at once: the board, two an incident, one an intent, and the ledger's."""
        ledger = -(-len(self.suppressions) // LEDGER_LINES)
        return 1 + 2 * len(self.incidents) + len(self.intents) + ledger


def troubles_of(board: Board) -> dict[str, list[Trouble]]:
    """Troubles by the incident they belong to."""
    found: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in board.troubles.values():
        found[trouble.incident_id].append(trouble)
    return found


class Publication:
    """Revises what has changed on a board."""

    def __init__(
        self, step: Correlation, feeder: FeederMap, evidence: Evidence, now: int, estimate: Estimate | None, most: int
    ) -> None:
        self._step = step
        self._feeder = feeder
        self._evidence = evidence
        self._now = now
        self._estimate = estimate
        self._most = most
        self._storm = False
        self._presumption = Presumption(step.board, feeder, evidence, now)

    def run(self) -> None:
        """Revise incidents, the oldest first, and take those that are over off the board."""
        board = self._step.board
        members = troubles_of(board)
        outages = {each.incident_id for each in board.incidents if each.kind is IncidentKind.outage}
        for incident in board.incidents:
            self._presumption.bequeath(incident)
        self._presumption.hand_over()
        customers = Customers(board.troubles.values(), outages, board.told_back, self._presumption.customers())
        unheard = sum(each.last is None and each.kind is IncidentKind.outage for each in board.incidents)
        self._storm = unheard > STORM_INCIDENTS
        kept = []
        for incident in sorted(board.incidents, key=lambda each: (each.started_at, each.incident_id)):
            over = self._visit(incident, members.get(incident.incident_id, []), customers)
            if not over:
                kept.append(incident)
        board.incidents = kept
        shown = {*board.troubles, *board.suppressed}
        board.retired = {
            name: revision
            for name, revision in board.retired.items()
            if name.removeprefix("inc:").partition("~")[0] in shown
        }

    def _visit(self, incident: OpenIncident, troubles: list[Trouble], customers: Customers) -> bool:
        """Revise one incident if there is anything new; returns whether it leaves the board."""
        if incident.merged_into:
            return self._merge(incident)
        revision = draft(self._step.board, incident, troubles, self._feeder, self._evidence, self._now)
        expects = self._estimate is not None and incident.kind is IncidentKind.outage
        hour = expects and self._now >= incident.estimated_at + ESTIMATE_S
        new = self._is_news(revision, incident, troubles)
        silent = self._presumption.news(incident, revision, troubles, customers)
        due = any(silent) or anything_due(incident, troubles, self._now)
        if not new and not hour and not due:
            incident.look_at = look_at(incident, troubles, self._feeder.interval_s, self._now)
            return False
        wait = self._now if due else self._wait(incident, revision, troubles)
        if wait > self._now:
            incident.look_at = wait
            return False
        if len(self._step.incidents) >= self._most:
            self._step.more = True
            incident.look_at = self._now
            return False
        self._publish(incident, revision, troubles, customers, silent)
        if revision.state not in OVER:
            incident.look_at = look_at(incident, troubles, self._feeder.interval_s, self._now)
            return False
        self._remove(incident, revision, troubles)
        return True

    def _wait(self, incident: OpenIncident, revision: Incident, troubles: list[Trouble]) -> int:
        """When a revision may be made: at once, unless it is one of very many or says no more than a number."""
        last = incident.last
        if incident.kind is not IncidentKind.outage:
            return self._now
        if last is None:
            return min(each.heard_at for each in troubles) + SECOND_LOOK_S if self._storm else self._now
        same = (revision.state, revision.device_kind, revision.device_id, revision.severity, revision.escalation)
        before = (last.state, last.device_kind, last.device_id, last.severity, last.escalation)
        told = incident.acknowledged_at == last.acknowledged_at and incident.verdict == ""
        if same != before or not told or revision.state in OVER:
            return self._now
        facts = (revision.cause, revision.crew_status, revision.utility_estimate, revision.parent_id)
        known = (last.cause, last.crew_status, last.utility_estimate, last.parent_id)
        return last.updated_at + QUIET_S if facts == known else self._now

    def _is_news(self, revision: Incident, incident: OpenIncident, troubles: list[Trouble]) -> bool:
        if any(not each.listed for each in troubles):
            return True
        # But for outages, whose end is news of its own, an end that may be taken back within the minute waits.
        pending = revision.restored_at is not None and revision.state not in OVER
        return differs(revision, incident.last) and not (pending and revision.kind is not IncidentKind.outage)

    def _publish(
        self,
        incident: OpenIncident,
        revision: Incident,
        troubles: list[Trouble],
        customers: Customers,
        silent: Silent,
    ) -> None:
        chunks, cost = members_of(revision, troubles, self._feeder.interval_s)
        names = tuple(each.id for each in chunks)
        incident.chunks = names if revision.state in OVER else incident.chunks + names
        revision = self._expect(incident, revision)
        revision = msgspec.structs.replace(revision, chunks=incident.chunks, interrupted=cost)
        told, intents = tell(incident, revision, troubles, customers, self._now, silent)
        presumed = self._presumption.waiting(incident)
        others, news = keep_promises(incident, revision, troubles, presumed, told, intents, self._now)
        self._presumption.settle(incident, revision, silent, presumed)
        incident.revision, incident.last = revision.revision, revision
        for trouble in troubles:
            trouble.listed = True
        self._step.incidents.append(revision)
        self._step.chunks += [*chunks, *told, *others]
        self._step.intents += [*intents, *news]

    def _expect(self, incident: OpenIncident, revision: Incident) -> Incident:
        if self._estimate is None or revision.kind is not IncidentKind.outage or revision.state in OVER:
            return revision
        incident.estimated_at = self._now
        expected = self._estimate(revision, self._now)
        if expected is None:
            return revision
        return msgspec.structs.replace(
            revision, restoration_estimate=expected.estimate, restoration_quantiles=expected.quantiles
        )

    def _merge(self, incident: OpenIncident) -> bool:
        """Say for the last time where an incident has gone; one that nobody has heard of goes silently."""
        if incident.last is not None:
            if len(self._step.incidents) >= self._most:
                self._step.more = True
                incident.look_at = self._now
                return False
            farewell = merged(incident, incident.last, self._now)
            incident.revision = farewell.revision
            self._step.incidents.append(farewell)
        self._step.board.retired[incident.incident_id] = incident.revision
        return True

    def _remove(self, incident: OpenIncident, revision: Incident, troubles: list[Trouble]) -> None:
        board = self._step.board
        for trouble in troubles:
            board.troubles.pop(trouble.anomaly_id, None)
        board.retired[incident.incident_id] = incident.revision
        wide = revision.kind is IncidentKind.voltage and revision.device_kind != DeviceKind.meter
        if revision.restored_at is not None and (wide or revision.kind is IncidentKind.outage):
            board.past.append(
                PastIncident(
                    incident_id=incident.incident_id,
                    kind=revision.kind,
                    device_kind=revision.device_kind,
                    device_id=revision.device_id,
                    start=revision.started_at,
                    end=revision.restored_at,
                )
            )
