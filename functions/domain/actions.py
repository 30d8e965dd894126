"""Actions: what operators do to an open incident. The next step on its board publishes it."""

from __future__ import annotations

from functions.domain.board import Board, OpenIncident
from functions.domain.errors import RejectedDocument

VERDICTS = ("confirmed", "false_alarm")


def acknowledge(board: Board, incident_id: str, by: str, at: int) -> None:
    """Note that somebody looks after it: it climbs no further. The first stands. Raises `RejectedDocument`."""
    incident = _open(board, incident_id)
    if incident.acknowledged_at is None:
        incident.acknowledged_by, incident.acknowledged_at = by, at


def judge(board: Board, incident_id: str, verdict: str, by: str, at: int) -> None:
    """Note whether it was real, `confirmed` or `false_alarm`; whoever says so looks after it."""
    if verdict not in VERDICTS:
        raise RejectedDocument("verdict", f"is none of {' and '.join(VERDICTS)}; send one of them")
    acknowledge(board, incident_id, by, at)
    _open(board, incident_id).verdict = verdict


def inform(
    board: Board,
    incident_id: str,
    *,
    cause: str | None = None,
    crew_status: str | None = None,
    utility_estimate: int | None = None,
    at: int,
) -> None:
    """Note what has become known at a moment; None leaves a fact as it is."""
    incident = _open(board, incident_id)
    if cause is not None:
        incident.cause = cause
    if crew_status is not None and crew_status != incident.crew_status:
        incident.crew_status, incident.crew_since = crew_status, at
        incident.crew_changes += 1
    if utility_estimate is not None and utility_estimate != incident.utility_estimate:
        if incident.estimate_first is None:
            incident.estimate_first = utility_estimate
        else:
            incident.estimate_revisions += 1
        incident.utility_estimate, incident.estimate_revised_at = utility_estimate, at
    incident.estimated_at = 0


def adopt(board: Board, incident_id: str, parent_id: str) -> bool:
    """Note that an open incident is part of one of the device above; returns whether that is new."""
    incident = board.incident(incident_id)
    if incident is None or incident.parent_id == parent_id:
        return False
    incident.parent_id = parent_id
    return True


def _open(board: Board, incident_id: str) -> OpenIncident:
    incident = board.incident(incident_id)
    if incident is None:
        raise RejectedDocument("incident_id", f"names no open incident of feeder {board.feeder_id}; it is over")
    return incident
