"""Neighbours of an outage: the others on its feeder's board, and those that have just left it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from functions.domain.board import Board, OpenIncident
from functions.domain.incidents import OVER, Incident, IncidentKind, IncidentState
from functions.domain.restoration_features import log_hours
from functions.domain.topology import DeviceKind, FeederMap

HOUR_S = 3_600
NEW_S = 600
BACK = OVER | {IncidentState.restored}


class Neighbours(NamedTuple):
    """Facts of the same names in `restoration.Facts`; near is the same lateral, the circuit the feeder."""

    near_open: int
    near_restored: int
    """Within as long as the board remembers: 14 hours."""
    near_restored_h: float | None
    near_pace: float | None
    circuit_open: int
    circuit_new: int


def neighbours(board: Board, feeder: FeederMap, outage: Incident, now: int) -> Neighbours:
    """Other outages of a feeder as they are known at `now`."""
    place = _place(feeder, outage.device_kind, outage.device_id)
    others = [each for each in board.incidents if each.incident_id != outage.incident_id and _is_outage(each)]
    on = [each for each in others if each.last is None or each.last.state not in BACK]
    past = [
        each
        for each in board.past
        if each.kind is IncidentKind.outage
        and each.incident_id != outage.incident_id
        and _near(place, _place(feeder, each.device_kind, each.device_id))
    ]
    lasted = [(each.end - each.start) / HOUR_S for each in past]
    return Neighbours(
        near_open=sum(_near(place, _place(feeder, each.device_kind, each.device_id)) for each in on),
        near_restored=len(past),
        near_restored_h=max(now - max(each.end for each in past), 0) / HOUR_S if past else None,
        near_pace=float(log_hours(np.array(lasted)).mean()) if past else None,
        circuit_open=len(on),
        circuit_new=1 + sum((each.confirmed_at or 0) > now - NEW_S for each in others),
    )


def _is_outage(incident: OpenIncident) -> bool:
    return incident.kind is IncidentKind.outage and incident.confirmed_at is not None and not incident.merged_into


def _place(feeder: FeederMap, kind: str, device_id: str) -> str:
    """The lateral a device hangs on, or its transformer where that is not known; empty for a whole feeder."""
    if kind == DeviceKind.lateral:
        return device_id
    if kind == DeviceKind.meter:
        if device_id not in feeder.places:
            return device_id
        device_id = feeder.places[device_id].transformer_id or device_id
    elif kind != DeviceKind.transformer:
        return ""
    return feeder.lateral_of.get(device_id, device_id)


def _near(one: str, other: str) -> bool:
    return not one or not other or one == other
