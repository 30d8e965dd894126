"""Telling: whom an outage makes a message to, and when.

Each customer hears once that power is out, when that has lasted, and once that it is back, when that has lasted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from typing import NamedTuple

from functions.domain.board import OpenIncident
from functions.domain.incidents import Incident, IncidentKind, MemberChunk, chunk
from functions.domain.interruptions import MOMENTARY_S
from functions.domain.life_cycle import NESTED_SHARE
from functions.domain.notifications import Intent, IntentKind
from functions.domain.patience import relapse_due
from functions.domain.promises import standing
from functions.domain.troubles import SECOND_LOOK_S, Trouble

BOOT_S = 120
"""A meter that is back needs up to two minutes to say so."""
TELL_AFTER_S = MOMENTARY_S + BOOT_S
"""From then on, an outage that nobody has ended is no momentary interruption."""


class Silent(NamedTuple):
    """Meters without a signal of their own whose customers are to be told, as if they had one."""

    out: tuple[Trouble, ...] = ()
    back: tuple[Trouble, ...] = ()


NOBODY = Silent()


class Customers:
    """What the customers of a feeder know and suffer by now, whatever incidents it belongs to."""

    def __init__(
        self, troubles: Iterable[Trouble], outages: Container[str], told_back: dict[str, int], presumed: Iterable[str]
    ) -> None:
        self.told_back = told_back
        """When each was last told that power is back; added to."""
        self.dark: dict[str, list[Trouble]] = defaultdict(list)
        """Troubles that last, of outages, by customer."""
        self.informed: set[str] = set(presumed)
        """Who was told of an outage and not yet of its end."""
        self.promised: dict[str, tuple[int, int]] = {}
        """When they were last told that power comes back (0: nobody can say), and when they were."""
        for trouble in troubles:
            if trouble.end is None and trouble.incident_id in outages:
                self.dark[trouble.customer_id].append(trouble)
            if trouble.told and not trouble.told_back:
                self.informed.add(trouble.customer_id)
                before = self.promised.get(trouble.customer_id, (0, -1))
                if trouble.promised is not None and trouble.promised_at > before[1]:
                    self.promised[trouble.customer_id] = trouble.promised, trouble.promised_at

    def patience_until(self, customer_id: str, start: int) -> int:
        """Until when nothing is said to a customer who lost power at `start`, as far as is known."""
        return relapse_due(self.told_back, customer_id, start)


def tell(
    incident: OpenIncident,
    revision: Incident,
    troubles: Sequence[Trouble],
    customers: Customers,
    now: int,
    silent: Silent = NOBODY,
) -> tuple[list[MemberChunk], list[Intent]]:
    """Intents of a revision and the chunks they name; who is told is marked in `troubles`.

    A customer who was told of one outage and has slid into another hears nothing until all is over.
    """
    if incident.kind is not IncidentKind.outage or incident.verdict == "false_alarm":
        return [], []
    by_customer: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        if not trouble.told_back:
            by_customer[trouble.customer_id].append(trouble)
    out: list[Trouble] = list(silent.out)
    back: list[Trouble] = []
    tellable = may_tell(incident, troubles)
    proven = any(each.end is not None and not each.lapsed for each in troubles)
    for customer, theirs in by_customer.items():
        if any(each.told for each in theirs):
            _mark(theirs)
            if not all(each.end is not None and now >= each.stable_at for each in theirs):
                continue
            if customer in customers.dark:
                _mark(customers.dark[customer])
                _mark_back(theirs)
            elif proven or not all(each.lapsed for each in theirs):
                back += theirs
            else:
                _mark_back(theirs)  # that it is over is known of none: nothing is said of it
        elif tellable and any(each.end is None and now >= due_at(each) for each in theirs):
            _mark(theirs)
            if customer not in customers.informed:
                out += [each for each in theirs if each.end is None]
            elif customer in customers.promised:
                for each in theirs:
                    each.promised, each.promised_at = customers.promised[customer]
    _mark_back(back)
    back += [each for each in silent.back if each.customer_id not in customers.dark]
    for each in silent.back:
        _mark(customers.dark.get(each.customer_id, ()))
    customers.informed |= {each.customer_id for each in out}
    customers.told_back |= dict.fromkeys((each.customer_id for each in back), now)
    chunks, intents = [], []
    for kind, some in ((IntentKind.outage_seen, out), (IntentKind.restored, back)):
        if some:
            named, intent = _intent(incident, revision, kind, some, now)
            chunks += named
            intents.append(intent)
    return chunks, intents


def _intent(
    incident: OpenIncident, revision: Incident, kind: IntentKind, troubles: Sequence[Trouble], now: int
) -> tuple[list[MemberChunk], Intent]:
    """What those are told whose troubles these are, and the chunks that name them."""
    members = [each.member(start=max(each.start, revision.started_at)) for each in troubles]
    named = chunk(revision.feeder_id, revision.incident_id, kind, members)
    return named, Intent(
        id=f"{revision.id}:{kind}",
        kind=kind,
        incident_id=revision.incident_id,
        revision=revision.revision,
        feeder_id=revision.feeder_id,
        chunks=tuple(each.id for each in named),
        created_at=now,
        cause=revision.cause,
        estimate=standing(revision.utility_estimate, revision.restoration_estimate, now),
        noticed_at=min(_noticed_at(kind, troubles, incident.confirmed_at), now),
    )


def _noticed_at(kind: IntentKind, troubles: Sequence[Trouble], confirmed_at: int | None) -> int:
    """When the first of them could have been told: waiting for certainty is no delay."""
    if kind is IntentKind.outage_seen:
        return max(min(due_at(each) for each in troubles), confirmed_at or 0)
    stable: dict[str, int] = {}
    for each in troubles:
        stable[each.customer_id] = max(each.stable_at, stable.get(each.customer_id, 0))
    return min(stable.values())


def _mark(troubles: Sequence[Trouble]) -> None:
    for each in troubles:
        each.told = True


def _mark_back(troubles: Sequence[Trouble]) -> None:
    for each in troubles:
        each.told_back = True


def due_at(trouble: Trouble) -> int:
    """When the customer of a trouble that lasts is to hear of it."""
    return max(trouble.start + TELL_AFTER_S, trouble.heard_at + SECOND_LOOK_S, trouble.wait_until)


def may_tell(incident: OpenIncident, troubles: Sequence[Trouble]) -> bool:
    """Whether it is certain that somebody is out, and not that most of them are back."""
    return incident.confirmed_at is not None and incident.verdict != "false_alarm" and not mostly_back(troubles)


def mostly_back(troubles: Sequence[Trouble]) -> bool:
    """Whether the device is back: who seems dark still is told of nothing until it is known to be so."""
    dark = {each.meter_id for each in troubles if each.end is None}
    meters = {each.meter_id for each in troubles}
    return len(meters) > 1 and len(meters) - len(dark) >= NESTED_SHARE * len(meters)


def pending_at(incident: OpenIncident, troubles: Sequence[Trouble]) -> list[int]:
    """Moments at which somebody of these may have to be told something."""
    if incident.kind is not IncidentKind.outage:
        return []
    moments = [due_at(each) for each in troubles if not each.told and each.end is None]
    moments = moments if may_tell(incident, troubles) else []
    return moments + [each.stable_at for each in troubles if each.told and not each.told_back and each.end is not None]


def anything_due(incident: OpenIncident, troubles: Sequence[Trouble], now: int) -> bool:
    """Whether somebody is to be told something now."""
    return any(moment <= now for moment in pending_at(incident, troubles))
