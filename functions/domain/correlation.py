"""Correlation: a feeder's new anomaly records against its board, its context and its clock. Pure.

Every step puts together anew what belongs together, so that it does not matter in which pieces the records come. What is
published follows from comparing every incident with its newest revision; when more has changed than one commit takes,
the rest is left for the next.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from functions.domain.anomalies import Anomaly
from functions.domain.board import DAY_S, Board, OpenIncident, PastOutage
from functions.domain.context import GridContext, Suppression
from functions.domain.evidence import Evidence
from functions.domain.grouping import match, other_groups, supply_groups
from functions.domain.incidents import OVER, Incident, IncidentKind, MemberChunk
from functions.domain.intake import Intake
from functions.domain.known import PICKUP_S
from functions.domain.life_cycle import confirmed, left_over
from functions.domain.notifications import Intent
from functions.domain.revising import Estimate, differs, draft, members_of, merged
from functions.domain.schedule import ESTIMATE_S, look_at
from functions.domain.telling import Customers, anything_due, tell
from functions.domain.topology import FeederMap
from functions.domain.troubles import Nature, Trouble

MOST_OPERATIONS = 100
"""Documents that one transactional batch of Cosmos DB takes."""
LEDGER_LINES = 1_000
"""Suppressions that are kept as one document."""
MOST_INCIDENTS = 22
"""Revisions of one commit: each is a record, a head and at most two intents; the board and the ledger need the rest."""


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


def correlate(
    board: Board,
    anomalies: Sequence[Anomaly],
    feeder: FeederMap,
    powered: Mapping[str, int],
    context: GridContext,
    now: int,
    *,
    estimate: Estimate | None = None,
    most: int = MOST_INCIDENTS,
) -> Correlation:
    """Take a feeder's anomaly records into its board (changed in place) and return what to commit.

    `powered` tells when each meter was last known to have voltage: the start of that reading, seconds since the epoch. A
    record taken in before changes nothing. At most `most` incidents are revised; `more` says whether others wait.
    """
    intake = Intake(board, context, now)
    intake.take(anomalies)
    board.past = [each for each in board.past if now - each.end < PICKUP_S + DAY_S // 4]
    intake.review(feeder)
    evidence = Evidence(board, feeder, powered)
    _split(board, evidence, now)
    match(board, supply_groups(board, feeder, evidence), frozenset({Nature.supply}))
    intake.absorb(feeder)
    match(board, other_groups(board, feeder), frozenset({Nature.voltage, Nature.meter}))
    _confirm(board, now)
    step = Correlation(board, suppressions=list(intake.ledger.values()))
    _Publication(step, feeder, evidence, now, estimate, most).run()
    return step


def troubles_of(board: Board) -> dict[str, list[Trouble]]:
    """Troubles by the incident they belong to."""
    found: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in board.troubles.values():
        found[trouble.incident_id].append(trouble)
    return found


def _confirm(board: Board, now: int) -> None:
    """Note what is certain by now; silence that is certainly darkness is darkness from then on."""
    members = troubles_of(board)
    for incident in board.incidents:
        troubles = members.get(incident.incident_id, ())
        if not troubles or not confirmed(incident, troubles, now):
            continue
        if incident.confirmed_at is None:
            incident.confirmed_at = now
        if incident.kind is IncidentKind.outage and not any(each.strong for each in troubles):
            for trouble in troubles:
                trouble.believed = True


def _split(board: Board, evidence: Evidence, now: int) -> None:
    """Set apart what is dark still although its device is back; it is judged on its own from now on."""
    members = troubles_of(board)
    for incident in board.incidents:
        troubles = members.get(incident.incident_id, ())
        rest, _ = left_over(incident, troubles, now)
        if not rest:
            continue
        incident.pinned = True
        dark = {each.meter_id for each in rest}
        for transformer in {each.transformer_id for each in troubles if each.meter_id not in dark}:
            evidence.note_back(transformer, incident.incident_id, (each.start for each in rest))
        for trouble in rest:
            trouble.nested_in, trouble.incident_id, trouble.listed = incident.incident_id, "", False


class _Publication:
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

    def run(self) -> None:
        """Revise incidents, the oldest first, and take those that are over off the board."""
        board = self._step.board
        members = troubles_of(board)
        outages = {each.incident_id for each in board.incidents if each.kind is IncidentKind.outage}
        customers = Customers(board.troubles.values(), outages)
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
        if not new and not hour and not anything_due(incident, troubles, self._now):
            incident.look_at = look_at(incident, troubles, self._feeder.interval_s, self._now)
            return False
        if len(self._step.incidents) >= self._most:
            self._step.more = True
            incident.look_at = self._now
            return False
        self._publish(incident, revision, troubles, customers)
        if revision.state not in OVER:
            incident.look_at = look_at(incident, troubles, self._feeder.interval_s, self._now)
            return False
        self._remove(incident, revision, troubles)
        return True

    def _is_news(self, revision: Incident, incident: OpenIncident, troubles: list[Trouble]) -> bool:
        if any(not each.listed for each in troubles):
            return True
        # But for outages, whose end is news of its own, an end that may be taken back within the minute waits.
        pending = revision.restored_at is not None and revision.state not in OVER
        return differs(revision, incident.last) and not (pending and revision.kind is not IncidentKind.outage)

    def _publish(self, incident: OpenIncident, revision: Incident, troubles: list[Trouble], customers: Customers) -> None:
        chunks, cost = members_of(revision, troubles, self._feeder.interval_s)
        names = tuple(each.id for each in chunks)
        incident.chunks = names if revision.state in OVER else incident.chunks + names
        revision = self._expect(incident, revision)
        revision = msgspec.structs.replace(revision, chunks=incident.chunks, interrupted=cost)
        told, intents = tell(incident, revision, troubles, customers, self._now)
        incident.revision, incident.last = revision.revision, revision
        for trouble in troubles:
            trouble.listed = True
        self._step.incidents.append(revision)
        self._step.chunks += [*chunks, *told]
        self._step.intents += intents

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
        if revision.kind is IncidentKind.outage and revision.restored_at is not None:
            board.past.append(
                PastOutage(
                    incident_id=incident.incident_id,
                    device_kind=revision.device_kind,
                    device_id=revision.device_id,
                    start=revision.started_at,
                    end=revision.restored_at,
                )
            )
