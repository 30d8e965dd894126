"""When an incident is expected to end: its facts, put to the restoration model and promised as people speak."""

from __future__ import annotations

from functions.domain.incidents import Incident, IncidentKind, IncidentState
from functions.domain.promises import promise
from functions.domain.restoration import Facts, RestorationModel, forecast
from functions.domain.restoration_calibration import Calibration
from functions.domain.restoration_words import cause_of, crew_of
from functions.domain.revising import Estimate, Restoration

SETTLED = (IncidentState.restored, IncidentState.closed, IncidentState.false_alarm)


def expected_by(model: RestorationModel, calibration: Calibration | None = None) -> Estimate:
    """The estimate of a model: the 80 % quantile of outages that are confirmed and on, None for anything else."""
    shifts = calibration or Calibration()

    def estimate(incident: Incident, now: int) -> Restoration | None:
        if incident.kind is not IncidentKind.outage or incident.state in SETTLED or incident.confirmed_at is None:
            return None
        (each,) = forecast(model, shifts, [_facts(incident, now)])
        until = promise(each.quantiles.q80, now, incident.restoration_estimate)
        return Restoration(until, tuple(round(hours, 3) for hours in each.quantiles))

    return estimate


def _facts(incident: Incident, now: int) -> Facts:
    return Facts(
        start=incident.started_at,
        now=max(now, incident.started_at),
        first_seen=incident.confirmed_at,
        cause=cause_of(incident.cause),
        crew=crew_of(incident.crew_status),
        customers=incident.customers_out,
        customers_first=incident.customers_affected,
        estimate=incident.utility_estimate,
    )
