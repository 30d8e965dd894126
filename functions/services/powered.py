"""Powered: which meters are known to have had voltage, and when, from the packs of the transformers concerned."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from functions.domain.anomalies import Anomaly
from functions.domain.board import Board
from functions.domain.customer_reports import is_open_report
from functions.domain.evidence import fresh_s
from functions.domain.features import WINDOW
from functions.domain.incidents import IncidentKind
from functions.domain.limits import POWER_OFF_PU
from functions.domain.packs import NO_SLOT, Pack, join
from functions.domain.roster import Roster
from functions.domain.topology import FeederMap
from functions.domain.troubles import NATURE, Nature
from functions.ports import PackStore
from functions.services.pack_keys import PackKey, pack_number

WHOLE_FEEDER_SHARE = 0.25
"""From a quarter of its transformers on, all of a feeder is looked at: more than one of them may be the device."""
MANY_SILENT = 5
"""So many silent meters may be a collector, whose other meters are anywhere on the feeder."""


class Powered:
    """Reads evidence of power; no more packs than a feeder has."""

    def __init__(self, packs: PackStore) -> None:
        self._packs = packs

    async def of(
        self, board: Board, new: Sequence[Anomaly], roster: Roster, feeder: FeederMap, now: int
    ) -> dict[str, int]:
        """When each meter that matters was last known to have had voltage, seconds since the epoch."""
        meters = meters_asked(board, new, feeder, now)
        if not meters:
            return {}
        places = roster.places(sorted(meters))
        numbers = np.unique(pack_number(places[places >= 0])).tolist()
        keys = {key.id: key for key in (PackKey(roster, number) for number in numbers)}
        stored = await self._packs.read(list(keys))
        found: dict[str, int] = {}
        for name, pack in stored.items():
            found |= powered_in(pack, keys[name])
        return found


def meters_asked(board: Board, new: Sequence[Anomaly], feeder: FeederMap, now: int) -> Collection[str]:
    """Meters whose power bears on what is open: neighbours on a transformer, or all of a largely dark feeder."""
    dark: set[str] = set()
    alone: set[str] = set()
    silent, fresh = 0, fresh_s(feeder.interval_s)
    for trouble in board.troubles.values():
        if trouble.nature is Nature.supply and trouble.end is None:
            silent += not trouble.strong
            if not trouble.strong or is_open_report(trouble) or now - trouble.start <= fresh:
                dark.add(trouble.transformer_id)
            if is_open_report(trouble):
                alone.add(trouble.meter_id)
    for incident in board.incidents:
        alone |= incident.presumed.keys()
        if incident.kind is IncidentKind.outage and now - incident.started_at <= fresh:
            dark.update(feeder.transformers_below(incident.device_kind, incident.device_id))
    for anomaly in new:
        if anomaly.end is None and NATURE.get(anomaly.kind) is Nature.supply:
            silent += anomaly.kind == "no_reads"
            dark.add(anomaly.transformer_id)
            alone.add(anomaly.meter_id)
    known = dark & feeder.transformers.keys()
    if (len(known) >= WHOLE_FEEDER_SHARE * len(feeder.transformers) and len(known) > 1) or silent >= MANY_SILENT:
        return feeder.places
    return alone & feeder.places.keys() | {meter for each in known for meter in feeder.transformers[each]}


def powered_in(pack: Pack, key: PackKey) -> dict[str, int]:
    """The newest reading with voltage of every meter of a pack that the roster knows; its start."""
    state = join([pack])
    lit = state["voltage"] >= POWER_OFF_PU * np.nan_to_num(state["nominal_v"], nan=0.0)[:, None]
    lit &= state["voltage"] > 0
    newest = WINDOW - 1 - lit[:, ::-1].argmax(axis=1)
    slot = state["head"] - (WINDOW - 1) + newest
    moment = slot * state["interval_s"]
    known = len(key.roster.pack_columns(key.number).nominal_v)
    rows = np.flatnonzero(lit.any(axis=1) & (state["head"] != NO_SLOT))
    return {key.roster.meter_id(key.place(row)): int(moment[row]) for row in rows.tolist() if row < known}
