"""Known incidents: voltage that sags because power is going, and loads that all start at once when it is back.

What an outage explains joins it as a line of the ledger, and is released when the outage explains it no longer.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from functions.domain.anomalies import Kind
from functions.domain.board import Board
from functions.domain.context import RAISED, Verdict
from functions.domain.incidents import IncidentKind
from functions.domain.topology import DeviceKind, FeederMap
from functions.domain.troubles import Trouble

EXPLAINED = frozenset(kind.name for kind in (Kind.sag, Kind.swell, Kind.unusual))
PICKUP_S = 2 * 3_600
"""Cold load: for so long after an outage everything that heats and cools runs at once."""


class _Outage(NamedTuple):
    incident_id: str
    start: int
    end: int | None


class KnownOutages:
    """Outages of a feeder by what hangs below them: those on its board and those just over."""

    def __init__(self, board: Board, feeder: FeederMap) -> None:
        self._feeder = feeder
        self._by_transformer: dict[str, list[_Outage]] = defaultdict(list)
        self._by_meter: dict[str, list[_Outage]] = defaultdict(list)
        self._whole: list[_Outage] = []
        ends: dict[str, int | None] = {}
        for trouble in board.troubles.values():
            before = ends.get(trouble.incident_id, 0)
            lasts = trouble.end is None or before is None
            ends[trouble.incident_id] = None if lasts else max(before or 0, trouble.end or 0)
        for incident in board.incidents:
            if incident.kind is IncidentKind.outage and incident.incident_id in ends:
                end = ends[incident.incident_id]
                outage = _Outage(incident.incident_id, incident.started_at, end)
                self._add(incident.device_kind, incident.device_id, outage)
        for past in board.past:
            self._add(past.device_kind, past.device_id, _Outage(past.incident_id, past.start, past.end))

    def _add(self, kind: str, device_id: str, outage: _Outage) -> None:
        if kind == DeviceKind.feeder:
            self._whole.append(outage)
        elif kind == DeviceKind.meter:
            self._by_meter[device_id].append(outage)
        else:
            for transformer in self._feeder.transformers_below(kind, device_id):
                self._by_transformer[transformer].append(outage)

    def explain(self, trouble: Trouble, now: int) -> Verdict:
        """The outage that explains a trouble, the latest first; raised when none does."""
        if trouble.kind not in EXPLAINED:
            return RAISED
        near = [
            outage
            for outage in (
                *self._by_meter.get(trouble.meter_id, ()),
                *self._by_transformer.get(trouble.transformer_id, ()),
                *self._whole,
            )
            # The interval in which power went has some of it left: its reading begins before the outage.
            if outage.start - self._feeder.interval_s <= trouble.start
            and (outage.end is None or trouble.start <= outage.end + PICKUP_S)
        ]
        if not near:
            return RAISED
        last = max(near, key=lambda outage: (outage.start, outage.incident_id))
        until = (now if last.end is None else last.end) + PICKUP_S
        return Verdict(last.incident_id, f"known outage {last.incident_id}", until)
