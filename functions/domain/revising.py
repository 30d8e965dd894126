"""Revising: an open incident with its troubles becomes the record that is published."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from functions.domain.anomalies import Signal
from functions.domain.board import Board, OpenIncident
from functions.domain.evidence import Evidence
from functions.domain.incidents import (
    OVER,
    Cause,
    Incident,
    IncidentKind,
    IncidentState,
    Member,
    MemberChunk,
    chunk,
)
from functions.domain.interruptions import Interrupted, interrupted
from functions.domain.life_cycle import back_at, has_lapsed, is_momentary, returned_at, state_of
from functions.domain.severity import escalation, severity, worse
from functions.domain.topology import DeviceKind, FeederMap
from functions.domain.troubles import Trouble


class Restoration(NamedTuple):
    """When power is expected back."""

    estimate: int | None
    """Seconds since the epoch; None when there is nothing to be said yet."""
    quantiles: tuple[float, ...]
    """As the model gives them."""


Estimate = Callable[[Incident, int], "Restoration | None"]
"""What is expected of an incident at a moment."""


class Extent(NamedTuple):
    """How far an outage reaches now."""

    meters: int
    customers: int
    critical: int


def extent(incident: OpenIncident, troubles: Sequence[Trouble], feeder: FeederMap, evidence: Evidence) -> Extent:
    """Who is without power: by their own signal, or below a device that is out and without a sign of power."""
    dark = {each.meter_id: each.customer_id for each in troubles if each.end is None}
    if incident.kind is IncidentKind.outage and dark and incident.device_kind != DeviceKind.meter:
        dark |= inferred(incident, troubles, feeder, evidence)
    critical = {
        customer for meter, customer in dark.items() if meter in feeder.places and feeder.places[meter].critical
    }
    return Extent(len(dark), len(set(dark.values())), len(critical))


def inferred(
    incident: OpenIncident, troubles: Sequence[Trouble], feeder: FeederMap, evidence: Evidence
) -> dict[str, str]:
    """Meters below the device without a signal of their own, where most of their neighbours are dark."""
    spoken = {each.meter_id for each in troubles}
    balance: dict[str, int] = {}
    for each in troubles:
        balance[each.transformer_id] = balance.get(each.transformer_id, 0) + (1 if each.end is None else -1)
    whole = sum(balance.values())
    inferred = {}
    for transformer in feeder.transformers_below(incident.device_kind, incident.device_id):
        if balance.get(transformer, whole) <= 0:
            continue
        if transformer not in balance and evidence.live(transformer, incident.started_at, incident.nested_in):
            continue
        for meter in feeder.transformers.get(transformer, ()):
            if meter not in spoken and not evidence.has_power(meter, incident.started_at):
                inferred[meter] = feeder.places[meter].customer_id
    return inferred


def draft(
    board: Board,
    incident: OpenIncident,
    troubles: Sequence[Trouble],
    feeder: FeederMap,
    evidence: Evidence,
    now: int,
) -> Incident:
    """What the next revision would say; `incident` is brought up to date."""
    state = state_of(incident, troubles, now)
    size = extent(incident, troubles, feeder, evidence)
    if state is IncidentState.false_alarm:
        size = Extent(0, 0, 0)
    meters, customers = ({getattr(each, name) for each in troubles} for name in ("meter_id", "customer_id"))
    incident.affected_meters = max(incident.affected_meters, size.meters, len(meters))
    incident.affected_customers = max(incident.affected_customers, size.customers, len(customers))
    restored_at = None
    if all(each.end is not None for each in troubles) and not has_lapsed(troubles):
        restored_at = returned_at(troubles)
    started_at = incident.started_at
    level = severity(incident.kind, incident.device_kind, size.customers, size.critical, now - started_at)
    incident.severity = worse(incident.severity, level)
    return Incident(
        id=f"{incident.incident_id}:r{incident.revision + 1}",
        incident_id=incident.incident_id,
        revision=incident.revision + 1,
        feeder_id=board.feeder_id,
        kind=incident.kind,
        state=state,
        device_kind=incident.device_kind,
        device_id=incident.device_id,
        started_at=started_at,
        restored_at=restored_at,
        meters_out=size.meters,
        meters_affected=incident.affected_meters,
        customers_affected=incident.affected_customers,
        chunks=incident.chunks,
        updated_at=now,
        confirmed_at=incident.confirmed_at,
        momentary=incident.kind is IncidentKind.outage and is_momentary(troubles, started_at, restored_at),
        severity=incident.severity,
        escalation=_escalation(incident, state, now),
        acknowledged_by=incident.acknowledged_by,
        acknowledged_at=incident.acknowledged_at,
        customers_out=size.customers,
        critical_customers=size.critical,
        cause=incident.cause or (Cause.planned if any(each.overran for each in troubles) else Cause.unknown),
        crew_status=incident.crew_status,
        utility_estimate=incident.utility_estimate,
        substation_id=feeder.substation_id,
        parent_id=incident.parent_id,
        nested_in=incident.nested_in,
        restoration_estimate=incident.last.restoration_estimate if incident.last else None,
        restoration_quantiles=incident.last.restoration_quantiles if incident.last else (),
        counted=state is not IncidentState.false_alarm,
        verdict=incident.verdict,
    )


def _escalation(incident: OpenIncident, state: IncidentState, now: int) -> int:
    """It stays where it is once somebody looks after it, or there is nothing left to look after."""
    reached = incident.last.escalation if incident.last else 0
    waiting = state in (IncidentState.confirmed, IncidentState.restoring) and incident.acknowledged_at is None
    if not waiting or incident.confirmed_at is None:
        return reached
    return max(reached, escalation(incident.severity, now - incident.confirmed_at))


def differs(revision: Incident, last: Incident | None) -> bool:
    """Whether a draft says anything that the newest revision does not."""
    if last is None:
        return True
    same = {"id": last.id, "revision": last.revision, "updated_at": last.updated_at, "interrupted": last.interrupted}
    return msgspec.structs.replace(revision, **same) != last


def merged(incident: OpenIncident, last: Incident, now: int) -> Incident:
    """The final revision of an incident whose troubles belong to another, or are explained after all."""
    parent = incident.merged_into if incident.merged_into != incident.incident_id else ""
    explained = not parent and incident.kind is IncidentKind.outage
    return msgspec.structs.replace(
        last,
        id=f"{incident.incident_id}:r{incident.revision + 1}",
        revision=incident.revision + 1,
        state=IncidentState.closed,
        parent_id=parent or incident.parent_id,
        cause=Cause.planned if explained else last.cause,
        meters_out=0,
        customers_out=0,
        critical_customers=0,
        counted=False,
        updated_at=now,
    )


def final_members(revision: Incident, troubles: Sequence[Trouble], interval_s: int) -> list[Member]:
    """Members of an incident that is over, each with the times the incident as a whole knows best."""
    restored_at = revision.restored_at
    if restored_at is None or revision.kind is not IncidentKind.outage:
        return [each.member() for each in troubles]
    return [
        each.member(start=_lost_at(each, revision.started_at, interval_s), end=back_at(each, restored_at, interval_s))
        for each in troubles
    ]


def _lost_at(trouble: Trouble, started_at: int, interval_s: int) -> int:
    """When one meter went dark: silence begins before, and a reading without voltage an interval late."""
    said = trouble.signal == Signal.last_gasp
    return trouble.start if said or trouble.start - started_at > interval_s else started_at


def members_of(
    revision: Incident, troubles: Sequence[Trouble], interval_s: int
) -> tuple[list[MemberChunk], Interrupted | None]:
    """Chunks a revision adds: of those who joined; of all, with their ends, when it is over.

    Members are what was raised: who was told without a signal is none.
    """
    troubles = [each for each in troubles if not each.presumed]
    if revision.state in OVER:
        members = final_members(revision, troubles, interval_s)
        cost = None
        known = revision.restored_at is not None and revision.state is IncidentState.closed
        if revision.kind is IncidentKind.outage and known:
            cost = _cost(members)
        return chunk(revision.feeder_id, revision.incident_id, "all", members), cost
    joined = [each.member() for each in troubles if not each.listed]
    return chunk(revision.feeder_id, revision.incident_id, "joined", joined), None


def _cost(members: Sequence[Member]) -> Interrupted:
    ended = [member for member in members if member.end is not None]
    return interrupted(
        [member.meter_id for member in ended],
        np.array([member.start for member in ended], np.int64),
        np.array([member.end for member in ended], np.int64),
    )
