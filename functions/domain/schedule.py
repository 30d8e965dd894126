"""Schedule: when an incident is to be looked at again although no signal has come."""

from __future__ import annotations

from collections.abc import Sequence

from functions.domain import presumed
from functions.domain.board import OpenIncident
from functions.domain.customer_reports import LONGEST_S, is_open_report
from functions.domain.evidence import ARRIVAL_S, PROBE_INTERVALS
from functions.domain.incidents import IncidentKind
from functions.domain.life_cycle import LONE_GASP_S, SILENCE_S, left_over, over_at
from functions.domain.severity import CRITICAL_CUSTOMER_S, DURATIONS_S, STEPS_S
from functions.domain.telling import pending_at
from functions.domain.troubles import Trouble

ESTIMATE_S = 3_600
"""An estimate is looked at again after an hour, and whenever something else has changed."""


def look_at(incident: OpenIncident, troubles: Sequence[Trouble], interval_s: int, now: int) -> int | None:
    """The next moment after `now` at which something about an incident may change by the clock alone."""
    moments = _ladder(incident)
    if troubles and all(each.end is not None for each in troubles):
        moments.append(over_at(incident, troubles))
    moments.append(left_over(incident, troubles, now)[1] or now)
    for each in troubles:
        if is_open_report(each):
            moments += [now + interval_s, each.heard_at + LONGEST_S, each.doubted_until]
    if incident.kind is IncidentKind.outage:
        moments += pending_at(incident, troubles) + _evidence(incident, interval_s)
        moments += presumed.moments(incident, troubles, interval_s, now)
        moments += [incident.started_at + after for after in (CRITICAL_CUSTOMER_S, *DURATIONS_S)]
        if incident.estimated_at:
            moments.append(incident.estimated_at + ESTIMATE_S)
        if incident.confirmed_at is None:
            heard = [each.heard_at for each in troubles if each.end is None]
            moments += [moment + wait for moment in heard for wait in (LONE_GASP_S, SILENCE_S)]
    return min((moment for moment in moments if moment > now), default=None)


def _evidence(incident: OpenIncident, interval_s: int) -> list[int]:
    """When the readings of neighbours that may speak against its device have come."""
    return [incident.started_at + nth * interval_s + ARRIVAL_S for nth in range(1, PROBE_INTERVALS + 2)]


def _ladder(incident: OpenIncident) -> list[int]:
    if incident.confirmed_at is None or incident.acknowledged_at is not None:
        return []
    return [incident.confirmed_at + step for step in STEPS_S[incident.severity]]
