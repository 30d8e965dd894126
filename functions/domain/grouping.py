"""Grouping: what is open on a feeder, put together anew at every step, and matched with the incidents there are.

What belongs together follows from the set of signals alone, not from the order in which they were heard; only the names
of incidents are kept from step to step.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import chain, count

from functions.domain import silence
from functions.domain.board import Board, OpenIncident
from functions.domain.evidence import Evidence
from functions.domain.incidents import IncidentKind
from functions.domain.placement import Group, place
from functions.domain.topology import DeviceKind, FeederMap
from functions.domain.troubles import Nature, Trouble, clusters, in_order
from functions.domain.voltage import voltage_groups

SAME_METER_S = 30 * 60
"""What shows at one meter within half an hour is one incident."""


def supply_groups(board: Board, feeder: FeederMap, evidence: Evidence) -> list[Group]:
    """Outages and communication faults."""
    pinned = {each.incident_id: each for each in board.incidents if each.pinned}
    kept: dict[str, list[Trouble]] = defaultdict(list)
    supply: list[Trouble] = []
    for trouble in board.troubles.values():
        if trouble.nature is Nature.supply:
            (kept[trouble.incident_id] if trouble.incident_id in pinned else supply).append(trouble)
    groups = []
    for incident_id, these in kept.items():
        held = pinned[incident_id]
        groups.append(Group(held.kind, DeviceKind(held.device_kind), held.device_id, these, held.nested_in))
    outages, silent = place(supply, feeder, evidence)
    return [*groups, *outages, *silence.explain(silent, feeder, evidence)]


def quality_groups(board: Board, feeder: FeederMap) -> list[Group]:
    """Voltage troubles."""
    return voltage_groups([each for each in board.troubles.values() if each.nature is Nature.voltage], feeder)


def meter_groups(board: Board) -> list[Group]:
    """Metering troubles, by meter."""
    by_meter = defaultdict(list)
    for trouble in board.troubles.values():
        if trouble.nature is Nature.meter:
            by_meter[trouble.meter_id].append(trouble)
    return [
        Group(IncidentKind.meter, DeviceKind.meter, meter, some)
        for meter, these in by_meter.items()
        for some in clusters(these, SAME_METER_S)
    ]


def match(board: Board, groups: Sequence[Group], nature: Nature) -> None:
    """Give every group of a nature its incident; `board` is changed in place.

    A group goes on under the oldest incident most of whose troubles it holds; the others that it holds are merged into
    that one. What comes apart from an incident becomes one of its own.
    """
    known = {each.incident_id: each for each in board.incidents}
    taken: dict[int, list[OpenIncident]] = defaultdict(list)
    votes: dict[str, Counter[int]] = defaultdict(Counter)
    for number, group in enumerate(groups):
        for trouble in group.troubles:
            if trouble.incident_id in known:
                votes[trouble.incident_id][number] += 1
    for incident_id, counts in votes.items():
        best = min(counts, key=lambda number: (-counts[number], groups[number].start, groups[number].device_id))
        taken[best].append(known[incident_id])
    for number, group in enumerate(groups):
        mine = sorted(taken.get(number, ()), key=lambda each: (each.started_at, each.incident_id))
        survivor = mine[0] if mine else _new(board, group, known)
        known[survivor.incident_id] = survivor
        for other in mine[1:]:
            other.merged_into = survivor.incident_id
        _settle(survivor, group)
    alive = {each.incident_id for each in board.troubles.values()}
    for incident in board.incidents:
        if _nature(incident) is nature and incident.incident_id not in alive and not incident.merged_into:
            incident.merged_into = incident.incident_id


def _nature(incident: OpenIncident) -> Nature:
    supply = incident.kind in (IncidentKind.outage, IncidentKind.communication)
    return Nature.supply if supply else Nature(incident.kind)


def _new(board: Board, group: Group, known: dict[str, OpenIncident]) -> OpenIncident:
    """An incident named after its first anomaly; one that was merged before goes on where it stopped."""
    names = [f"inc:{each.anomaly_id}" for each in in_order(group.troubles)]
    more = (f"{names[0]}~{number}" for number in count(2))
    name = next(name for name in chain(names, more) if name not in known)
    incident = OpenIncident(
        incident_id=name, kind=group.kind, revision=board.retired.pop(name, 0), nested_in=group.nested_in
    )
    board.incidents.append(incident)
    return incident


def _settle(incident: OpenIncident, group: Group) -> None:
    incident.kind = group.kind
    incident.device_kind, incident.device_id = group.device_kind, group.device_id
    incident.started_at = group.start
    for trouble in group.troubles:
        if trouble.incident_id != incident.incident_id:
            trouble.incident_id = incident.incident_id
            trouble.listed = False
