"""Promised: whoever was told when power comes back is told again when that has moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from functions.domain.board import OpenIncident
from functions.domain.incidents import Incident, IncidentKind, IncidentState, MemberChunk, chunk
from functions.domain.notifications import Intent, IntentKind
from functions.domain.promises import TOLERANCE_S, standing
from functions.domain.schedule import ESTIMATE_S
from functions.domain.telling import mostly_back
from functions.domain.troubles import Trouble

GAP_S = 30 * 60
SHARE_AHEAD = 4
"""Nobody hears of a computed moment more often than every half hour; nor, while it only slides on as hours pass, before
a fourth of the time that it lay ahead is over. What the utility says itself is told at once."""
MOST_INTENTS = 2
"""Of a revision, as publication counts on."""
LOOK_AGAIN_S = 60
ON = frozenset({IncidentState.confirmed, IncidentState.restoring})
NO_TIME = 0
"""What was promised to those who were told that nobody can say yet."""


def keep_promises(
    incident: OpenIncident, revision: Incident, troubles: Sequence[Trouble], presumed: Sequence[Trouble],
    chunks: Sequence[MemberChunk], intents: Sequence[Intent], now: int,
) -> tuple[list[MemberChunk], list[Intent]]:  # fmt: skip
    """The intent of a revision for those who are to hear of another moment than they were told, and its chunks.

    `chunks` and `intents` are what it tells besides; whoever hears of the outage hears the moment with it. Those who
    were told without a signal of their own, `presumed`, hear it with their neighbours. What has to wait makes the
    incident's estimate due again when it may be told.
    """
    if revision.kind is not IncidentKind.outage or revision.state not in ON:
        return [], []
    until = standing(revision.utility_estimate, revision.restoration_estimate, now)
    waiting = _waiting((*troubles, *presumed))
    for customer in _announced(chunks, intents) & waiting.keys():
        _note(waiting[customer], until, now)
    if until is None or not waiting:
        return [], []
    _look_again(incident, until + LOOK_AGAIN_S)  # by then it is no promise any more
    moved = {} if mostly_back(troubles) else _moved(waiting, until)
    free_at = {customer: _may_be_told(incident, _last(theirs), until) for customer, theirs in moved.items()}
    room = len(intents) < MOST_INTENTS
    due = [each for customer, at in free_at.items() if room and at <= now for each in waiting[customer]]
    for at in free_at.values():
        if at > now or not room:
            _look_again(incident, max(at, now + LOOK_AGAIN_S))
    if not due:
        return [], []
    _note(due, until, now)
    members = [each.member() for each in due]
    made = chunk(revision.feeder_id, revision.incident_id, IntentKind.estimate_changed, members)
    return made, [_intent(revision, made, until, now)]


def _announced(chunks: Sequence[MemberChunk], intents: Sequence[Intent]) -> set[str]:
    """Customers who hear of the outage with this revision."""
    named = {name for intent in intents if intent.kind is IntentKind.outage_seen for name in intent.chunks}
    return {member.customer_id for each in chunks if each.id in named for member in each.members}


def _look_again(incident: OpenIncident, moment: int) -> None:
    incident.estimated_at = min(incident.estimated_at, moment - ESTIMATE_S)


def _waiting(troubles: Sequence[Trouble]) -> dict[str, list[Trouble]]:
    """Darkness of customers who were told of it and not of its end."""
    found: dict[str, list[Trouble]] = defaultdict(list)
    for each in troubles:
        if each.told and not each.told_back and each.end is None:
            found[each.customer_id].append(each)
    return found


def _moved(waiting: dict[str, list[Trouble]], until: int) -> dict[str, list[Trouble]]:
    """Of those who were told a moment, or told that there is none yet, those to whom `until` is news."""
    return {
        customer: theirs
        for customer, theirs in waiting.items()
        if (last := _last(theirs)).promised is not None and abs(until - last.promised) > TOLERANCE_S
    }


def _last(troubles: Sequence[Trouble]) -> Trouble:
    return max(troubles, key=lambda each: (each.promised is not None, each.promised_at))


def _may_be_told(incident: OpenIncident, last: Trouble, until: int) -> int:
    """When a moment may follow what was told last: at once if the utility has said it since then."""
    if until == incident.utility_estimate and (incident.estimate_revised_at or 0) >= last.promised_at:
        return last.promised_at
    promised = last.promised or NO_TIME
    ahead = promised - last.promised_at if NO_TIME < promised < until else 0
    return last.promised_at + max(GAP_S, ahead // SHARE_AHEAD)


def _note(troubles: Sequence[Trouble], until: int | None, now: int) -> None:
    for each in troubles:
        each.promised, each.promised_at = NO_TIME if until is None else until, now


def _intent(revision: Incident, made: Sequence[MemberChunk], until: int, now: int) -> Intent:
    return Intent(
        id=f"{revision.id}:{IntentKind.estimate_changed}",
        kind=IntentKind.estimate_changed,
        incident_id=revision.incident_id,
        revision=revision.revision,
        feeder_id=revision.feeder_id,
        chunks=tuple(each.id for each in made),
        created_at=now,
        cause=revision.cause,
        estimate=until,
    )
