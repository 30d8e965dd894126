"""Parents: an outage of a substation, derived from those of its feeders. Pure.

A substation is out when at least half of its feeders have an outage of the whole feeder that began at the same time.
Its incident lives in a partition of its own and follows its children; customers are told by the children alone.
"""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from functions.domain.board import Board, OpenIncident
from functions.domain.incidents import OVER, Incident, IncidentKind, IncidentState, Severity
from functions.domain.severity import LADDER, worse
from functions.domain.topology import DeviceKind

SHARE_OF_FEEDERS = 0.5
LEAST_FEEDERS = 2
TOGETHER_S = 15 * 60
"""Feeders of one substation go dark within an interval of each other."""
PREFIX = "substation:"


def partition_of(substation_id: str) -> str:
    """Partition of a substation's board: no feeder has such an id."""
    return f"{PREFIX}{substation_id}"


def concerns(revision: Incident) -> bool:
    """Whether a revision may say something of the device above."""
    whole_feeder = revision.kind is IncidentKind.outage and revision.device_kind == DeviceKind.feeder
    return bool(revision.substation_id) and (whole_feeder or bool(revision.parent_id))


def follow(board: Board, revisions: Collection[Incident], feeders: int, now: int) -> list[Incident]:
    """Take revisions of feeders' outages into a substation's board (changed in place); returns its own new revisions.

    `feeders` is how many the substation has. A revision older than the one known changes nothing.
    """
    for revision in revisions:
        known = board.children.get(revision.incident_id)
        if known is None or revision.revision > known.revision:
            board.children[revision.incident_id] = revision
    parent = board.incidents[0] if board.incidents else None
    open_children = {each.incident_id: each for each in board.children.values() if each.state not in OVER}
    if parent is None:
        together = _largest([each for each in open_children.values() if each.device_kind == DeviceKind.feeder])
        if len({each.feeder_id for each in together}) < max(LEAST_FEEDERS, SHARE_OF_FEEDERS * feeders):
            board.children = open_children
            return []
        first = min(together, key=lambda each: (each.started_at, each.incident_id))
        parent = OpenIncident(
            incident_id=f"inc:{board.feeder_id}:{first.started_at}",
            kind=IncidentKind.outage,
            device_kind=DeviceKind.substation,
            device_id=board.feeder_id.removeprefix(PREFIX),
            started_at=first.started_at,
        )
        parent.revision = board.retired.get(parent.incident_id, 0)
        board.incidents = [parent]
    revision = _revision(board, parent, now)
    same = parent.last is not None and _as_before(revision, parent.last) == parent.last
    if revision.state in OVER:
        board.incidents, board.children = [], {}
        board.retired = {parent.incident_id: revision.revision}
    if same:
        return []
    parent.revision, parent.last = revision.revision, revision
    return [revision]


def _largest(children: list[Incident]) -> list[Incident]:
    """The most outages that began together."""
    best: list[Incident] = []
    for first in children:
        near = [each for each in children if 0 <= each.started_at - first.started_at <= TOGETHER_S]
        best = max(best, near, key=len)
    return best


def _mine(board: Board, parent: OpenIncident) -> list[Incident]:
    return sorted(
        (each for each in board.children.values() if abs(each.started_at - parent.started_at) <= TOGETHER_S),
        key=lambda each: each.incident_id,
    )


def _revision(board: Board, parent: OpenIncident, now: int) -> Incident:
    children = _mine(board, parent)
    out = sum(each.customers_out for each in children)
    parent.affected_customers = max(parent.affected_customers, sum(each.customers_affected for each in children))
    parent.affected_meters = max(parent.affected_meters, sum(each.meters_affected for each in children))
    confirmed = [each.confirmed_at for each in children if each.confirmed_at is not None]
    parent.confirmed_at = min(confirmed, default=None)
    for child in children:
        parent.severity = worse(parent.severity, worse(child.severity, Severity.high))
    restored = [each.restored_at for each in children]
    ended = max((each for each in restored if each is not None), default=None) if None not in restored else None
    return Incident(
        id=f"{parent.incident_id}:r{parent.revision + 1}",
        incident_id=parent.incident_id,
        revision=parent.revision + 1,
        feeder_id=board.feeder_id,
        kind=IncidentKind.outage,
        state=_state(children),
        device_kind=DeviceKind.substation,
        device_id=parent.device_id,
        started_at=parent.started_at,
        restored_at=ended,
        meters_out=sum(each.meters_out for each in children),
        meters_affected=parent.affected_meters,
        customers_affected=parent.affected_customers,
        chunks=(),
        updated_at=now,
        confirmed_at=parent.confirmed_at,
        momentary=all(each.momentary for each in children),
        severity=max(parent.severity, Severity.high, key=LADDER.index),
        customers_out=out,
        critical_customers=sum(each.critical_customers for each in children),
        substation_id=parent.device_id,
        children=tuple(each.incident_id for each in children),
        counted=False,
    )


def _state(children: list[Incident]) -> IncidentState:
    states = {each.state for each in children}
    if states <= OVER:
        return IncidentState.false_alarm if states == {IncidentState.false_alarm} else IncidentState.closed
    if states <= {*OVER, IncidentState.restored}:
        return IncidentState.restored
    if states == {IncidentState.suspected}:
        return IncidentState.suspected
    back = states & {*OVER, IncidentState.restored, IncidentState.restoring}
    return IncidentState.restoring if back else IncidentState.confirmed


def _as_before(revision: Incident, last: Incident) -> Incident:
    return msgspec.structs.replace(revision, id=last.id, revision=last.revision, updated_at=last.updated_at)
