"""Known incidents: what follows from one that is open, or has just ended, joins it instead of being raised.

Voltage sags while power is going, and everything that heats and cools starts at once when it is back; where the voltage
of a whole device is wrong, its customers' patterns are unusual. Each is a line of the ledger, and is released when the
incident explains it no longer.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from functions.domain.anomalies import Kind
from functions.domain.board import Board
from functions.domain.context import RAISED, Verdict
from functions.domain.episodes import UNUSUAL_HOLD_S
from functions.domain.incidents import IncidentKind
from functions.domain.topology import DeviceKind, FeederMap
from functions.domain.troubles import Trouble

UNUSUAL = Kind.unusual.name
EXPLAINED_BY_OUTAGE = frozenset({Kind.sag.name, Kind.swell.name, UNUSUAL})
EXPLAINED_BY_VOLTAGE = frozenset({UNUSUAL})
AFTERMATH_S = 2 * 3_600
"""Cold load: for so long after an outage everything runs at once."""
REMEMBER_S = UNUSUAL_HOLD_S + AFTERMATH_S
"""An incident that is over explains something for no longer."""


class _Known(NamedTuple):
    incident_id: str
    kind: IncidentKind
    start: int
    end: int | None


class KnownIncidents:
    """Incidents of a feeder by what hangs below them: those on its board and those just over."""

    def __init__(self, board: Board, feeder: FeederMap) -> None:
        self._feeder = feeder
        self._by_transformer: dict[str, list[_Known]] = defaultdict(list)
        self._by_meter: dict[str, list[_Known]] = defaultdict(list)
        self._whole: list[_Known] = []
        ends: dict[str, int | None] = {}
        for trouble in board.troubles.values():
            before = ends.get(trouble.incident_id, 0)
            lasts = trouble.end is None or before is None
            ends[trouble.incident_id] = None if lasts else max(before or 0, trouble.end or 0)
        for each in board.incidents:
            wide = each.kind is IncidentKind.voltage and each.device_kind != DeviceKind.meter
            if each.incident_id in ends and (wide or each.kind is IncidentKind.outage):
                known = _Known(each.incident_id, each.kind, each.started_at, ends[each.incident_id])
                self._add(each.device_kind, each.device_id, known)
        for past in board.past:
            known = _Known(past.incident_id, past.kind, past.start, past.end)
            self._add(past.device_kind, past.device_id, known)

    def _add(self, kind: str, device_id: str, known: _Known) -> None:
        if kind == DeviceKind.feeder:
            self._whole.append(known)
        elif kind == DeviceKind.meter:
            self._by_meter[device_id].append(known)
        else:
            for transformer in self._feeder.transformers_below(kind, device_id):
                self._by_transformer[transformer].append(known)

    def explain(self, trouble: Trouble, now: int) -> Verdict:
        """The incident that explains a trouble, the latest first; raised when none does."""
        if trouble.kind not in EXPLAINED_BY_OUTAGE:
            return RAISED
        near = [
            known
            for known in (
                *self._by_meter.get(trouble.meter_id, ()),
                *self._by_transformer.get(trouble.transformer_id, ()),
                *self._whole,
            )
            # The interval in which power went has some of it left: its reading begins before the outage.
            if known.start - self._feeder.interval_s <= trouble.start
            and (known.end is None or trouble.start <= known.end + AFTERMATH_S)
            and (known.kind is IncidentKind.outage or trouble.kind in EXPLAINED_BY_VOLTAGE)
        ]
        if not near:
            return RAISED
        last = max(near, key=lambda known: (known.start, known.incident_id))
        until = (now if last.end is None else last.end) + AFTERMATH_S
        return Verdict(last.incident_id, f"known {last.kind} {last.incident_id}", until)
