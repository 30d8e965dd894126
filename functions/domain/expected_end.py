"""When an incident is expected to end: its facts, put to the restoration model and promised as people speak."""

from __future__ import annotations

from functions.domain.board import Board, OpenIncident
from functions.domain.incidents import Incident, IncidentKind, IncidentState
from functions.domain.promises import promise
from functions.domain.restoration import Facts, RestorationModel, forecast
from functions.domain.restoration_learning import Crowd, Learnt, is_planned
from functions.domain.restoration_neighbours import neighbours
from functions.domain.restoration_words import cause_of, crew_of
from functions.domain.revising import Estimate, Restoration
from functions.domain.topology import FeederMap

SETTLED = (IncidentState.restored, IncidentState.closed, IncidentState.false_alarm)
STALE_S = 30 * 60
"""Counts of other outages that nobody has made anew for so long are not known any more."""
NOTHING = Learnt()


def expected_by(
    model: RestorationModel,
    learnt: Learnt = NOTHING,
    *,
    board: Board | None = None,
    feeder: FeederMap | None = None,
    utc_offset_s: int | None = None,
) -> Estimate:
    """The estimate of a model: the 80 % quantile of outages that are confirmed and on, None for anything else.

    `board` and `feeder` are those of the incidents that will be asked about, `utc_offset_s` that of local time now.
    """

    def estimate(incident: Incident, now: int) -> Restoration | None:
        if incident.kind is not IncidentKind.outage or incident.state in SETTLED or incident.confirmed_at is None:
            return None
        facts = _told(incident, learnt, now, utc_offset_s)
        course = board.incident(incident.incident_id) if board is not None else None
        if course is not None:
            facts |= _course(course)
        if board is not None and feeder is not None:
            facts |= neighbours(board, feeder, incident, now)._asdict()
        if now - learnt.at <= STALE_S:
            facts |= _elsewhere(incident, learnt)
        (each,) = forecast(model, learnt.calibration, [Facts(**facts)])  # type: ignore[arg-type]
        until = promise(each.quantiles.q80, now, incident.restoration_estimate, utc_offset_s or 0)
        return Restoration(until, tuple(round(hours, 3) for hours in each.quantiles))

    return estimate


def _told(incident: Incident, learnt: Learnt, now: int, utc_offset_s: int | None) -> dict[str, object]:
    """What the record itself says, and what is usual for the like of it."""
    planned = is_planned(incident)
    usual = learnt.levels.usual(planned)
    area = incident.substation_id
    return {
        "start": incident.started_at,
        "now": max(now, incident.started_at),
        "first_seen": incident.confirmed_at,
        "planned": planned,
        "cause": cause_of(incident.cause),
        "crew": crew_of(incident.crew_status),
        "customers": incident.customers_out,
        "customers_first": incident.customers_affected,
        "utc_offset_s": utc_offset_s,
        "estimate": incident.utility_estimate,
        "usual_remaining": usual.remaining,
        "usual_total": usual.total,
        "area_pace": learnt.levels.area_pace(area) if area else None,
    }


def _course(incident: OpenIncident) -> dict[str, object]:
    """How what the utility says of it has changed; None where it has said nothing."""
    estimated = incident.utility_estimate is not None
    return {
        "crew_since": incident.crew_since,
        "crew_changes": incident.crew_changes if incident.crew_status else None,
        "estimate_first": incident.estimate_first,
        "revisions": incident.estimate_revisions if estimated else None,
        "revised_at": incident.estimate_revised_at,
    }


def _elsewhere(incident: Incident, learnt: Learnt) -> dict[str, object]:
    """Outages of its substation and of the whole utility, without it among those open, with it among the new."""
    counted = incident.confirmed_at is not None and incident.confirmed_at <= learnt.at
    area = learnt.crowds.get(incident.substation_id, Crowd()) if incident.substation_id else None
    facts: dict[str, object] = {}
    for name, crowd in (("area", area), ("all", learnt.crowd)):
        if crowd is not None:
            facts[f"{name}_open"] = max(crowd.open - counted, 0)
            facts[f"{name}_new"] = crowd.new + (not counted)
            facts[f"{name}_restored"] = crowd.restored
    return facts
