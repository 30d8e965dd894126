"""Correlation: a feeder's new anomaly records against its board, its context and its clock. Pure.

Every step puts together anew what belongs together, so that it does not matter in which pieces the records come. What
is published follows from comparing every incident with its newest revision; when more has changed than one commit
takes, the rest is left for the next.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from functions.domain.anomalies import Anomaly
from functions.domain.board import Board
from functions.domain.context import GridContext
from functions.domain.customer_reports import end_reports
from functions.domain.evidence import Evidence
from functions.domain.grouping import match, meter_groups, quality_groups, supply_groups
from functions.domain.incidents import IncidentKind
from functions.domain.intake import Intake
from functions.domain.known import REMEMBER_S
from functions.domain.life_cycle import NESTED_S, confirmed, left_over
from functions.domain.patience import be_patient, wait_alone
from functions.domain.publication import MOST_INCIDENTS, Correlation, Publication, troubles_of
from functions.domain.revising import Estimate
from functions.domain.topology import FeederMap
from functions.domain.troubles import Nature


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

    `powered` tells when each meter was last known to have voltage: the start of that reading, seconds since the
    epoch. A record taken in before changes nothing. At most `most` incidents are revised; `more` says whether others
    wait. In a storm the records are only taken in, and put together when `Board.release_at` says.
    """
    intake = Intake(board, context, feeder, now)
    storm = bool(anomalies) and board.in_storm(now)
    intake.take(anomalies)
    if storm:
        board.deferred = True
        return Correlation(board, suppressions=list(intake.ledger.values()))
    board.deferred, board.derived_at = False, now
    board.past = [each for each in board.past if now - each.end < REMEMBER_S]
    intake.review()
    end_reports(board, powered, feeder.interval_s, now)
    evidence = Evidence(board, feeder, powered)
    _split(board, evidence, feeder.interval_s, now)
    match(board, supply_groups(board, feeder, evidence), Nature.supply)
    intake.absorb()
    match(board, quality_groups(board, feeder), Nature.voltage)
    intake.absorb()
    match(board, meter_groups(board), Nature.meter)
    _confirm(board, now)
    be_patient(board, feeder, now)
    step = Correlation(board, suppressions=list(intake.ledger.values()))
    Publication(step, feeder, evidence, now, estimate, most).run()
    return step


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


def _split(board: Board, evidence: Evidence, interval_s: int, now: int) -> None:
    """Set apart what is dark still although its device is back; it is judged on its own from now on."""
    members = troubles_of(board)
    for incident in board.incidents:
        troubles = members.get(incident.incident_id, ())
        rest, due = left_over(incident, troubles, now)
        if not rest or due is None:
            continue
        incident.pinned = True
        wait_alone(rest, due - NESTED_S, interval_s)
        dark = {each.meter_id for each in rest}
        for transformer in {each.transformer_id for each in troubles if each.meter_id not in dark}:
            evidence.note_back(transformer, incident.incident_id, (each.start for each in rest))
        for trouble in rest:
            trouble.nested_in, trouble.incident_id, trouble.listed = incident.incident_id, "", False
