"""Presumed: customers below a device that is out whose own meters say nothing are told all the same.

Every fifth gasp is lost, and that a meter is missing shows hours later by itself. Where a third of a transformer is
dark for certain, the rest of it is; elsewhere below a device that is out, the readings of the interval in which power
went tell: they have come of whoever has power.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from math import inf
from typing import NamedTuple

from functions.domain.anomalies import Kind, Signal
from functions.domain.board import Board, OpenIncident
from functions.domain.evidence import ARRIVAL_S, Evidence, fresh_s
from functions.domain.incidents import OVER, Incident, IncidentKind, IncidentState
from functions.domain.promises import standing
from functions.domain.revising import inferred
from functions.domain.telling import TELL_AFTER_S, Customers, Silent, due_at, may_tell
from functions.domain.topology import DeviceKind, FeederMap
from functions.domain.troubles import POWER_OFF, PRESUMED, SECOND_LOOK_S, STABILITY_S, Nature, Trouble

DEVICES = frozenset({DeviceKind.transformer, DeviceKind.lateral, DeviceKind.feeder})
SAG = Kind.sag.name
SHARE_DARK = 1 / 3
"""Of a transformer's meters: with so many dark by their own word and none back, it is out whatever is above it."""


def readings_due(started_at: int, interval_s: int) -> int:
    """When the readings of the interval in which power went have come; seconds since the epoch."""
    return (started_at // interval_s + 1) * interval_s + ARRIVAL_S


def moments(incident: OpenIncident, troubles: Sequence[Trouble], interval_s: int, now: int) -> list[int]:
    """When somebody without a signal may have to be told: after the first interval, the next, and while any waits."""
    due = [back + STABILITY_S for back in incident.presumed.values() if back]
    if incident.device_kind in DEVICES and not incident.pinned:
        readings = {readings_due(each.start, interval_s) for each in troubles if _speaks(each)}
        due += [moment + wait for moment in readings for wait in (0, interval_s)]
    if not all(incident.presumed.values()):
        due.append((now // interval_s + 1) * interval_s + ARRIVAL_S)
    return due


def _speaks(trouble: Trouble) -> bool:
    """Whether a meter says by itself that it is dark."""
    return trouble.end is None and trouble.strong and trouble.signal != Signal.customer_report


class _Wait(NamedTuple):
    """Since when those who speak of a place are dark, and when those who are silent there are known to be."""

    began: int
    sure: float
    """Without any reading; infinite where too few speak."""
    first: int
    """By the readings of the interval in which power went."""
    second: int


def _wait(troubles: Sequence[Trouble], interval_s: int, size: int = 0) -> _Wait:
    """The wait where these are dark; `size` is how many meters their transformer has, 0 for several of them."""
    began, due = min(each.start for each in troubles), [due_at(each) for each in troubles]
    heard_at = max(each.heard_at for each in troubles)
    first = max(readings_due(began, interval_s), min(due), heard_at + SECOND_LOOK_S)
    many = size and len({each.meter_id for each in troubles}) >= max(2, SHARE_DARK * size)
    return _Wait(began, max(due) if many else inf, first, first + interval_s)


class Presumption:
    """One step's view of a feeder's silent meters; the incidents of `board` are changed in place."""

    def __init__(self, board: Board, feeder: FeederMap, evidence: Evidence, now: int) -> None:
        self._board = board
        self._feeder = feeder
        self._evidence = evidence
        self._now = now
        self._dimmed: set[tuple[str, int]] | None = None

    def customers(self) -> set[str]:
        """Who was told without a signal, and not yet of the end."""
        return {self._customer(meter) for incident in self._board.incidents for meter in incident.presumed}

    def hand_over(self) -> None:
        """Leave meters that have a signal of their own by now to it: it tells when power is back."""
        open_ones = {each.incident_id: each for each in self._board.incidents if each.presumed}
        if not open_ones:
            return
        outages = {each.incident_id for each in self._board.incidents if each.kind is IncidentKind.outage}
        for trouble in self._board.troubles.values():
            if trouble.nature is not Nature.supply or trouble.incident_id not in outages or trouble.told_back:
                continue
            for incident in open_ones.values():
                earlier = trouble.end is not None and trouble.end < incident.started_at
                if not earlier and incident.presumed.pop(trouble.meter_id, None) is not None:
                    trouble.told = True
                    said = incident.promised.pop(trouble.meter_id, None)
                    if trouble.promised is None and said is not None:
                        trouble.promised, trouble.promised_at = said
        for incident in open_ones.values():
            for meter, back in incident.presumed.items():
                moment = self._evidence.powered_at(meter)
                if not back and moment >= incident.started_at:
                    incident.presumed[meter] = moment

    def news(
        self, incident: OpenIncident, revision: Incident, troubles: Sequence[Trouble], customers: Customers
    ) -> Silent:
        """Whom a revision is to tell."""
        return Silent(self._out(incident, troubles, customers), self._back(incident, revision))

    def _out(self, incident: OpenIncident, troubles: Sequence[Trouble], customers: Customers) -> tuple[Trouble, ...]:
        age_s = self._now - incident.started_at
        if incident.device_kind not in DEVICES or not TELL_AFTER_S <= age_s <= fresh_s(self._feeder.interval_s):
            return ()
        if incident.pinned or not may_tell(incident, troubles):
            return ()
        below = inferred(incident, troubles, self._feeder, self._evidence)
        # Where some are back the readings tell of the others; where work was announced everybody knows.
        passed = {each.transformer_id for each in troubles if each.end is not None}
        passed |= {each.transformer_id for _, each in self._board.suppressed.values() if each.nature is Nature.supply}
        silent: dict[str, list[str]] = defaultdict(list)
        for meter, customer in below.items():
            transformer = self._feeder.places[meter].transformer_id
            if meter not in incident.presumed and customer not in customers.informed and transformer not in passed:
                silent[transformer].append(meter)
        found = []
        for transformer, wait in self._waits(silent, troubles).items():
            for meter in silent[transformer]:
                due = min(wait.sure, wait.first if self._is_missing(meter, wait.began) else wait.second)
                if self._now >= max(due, customers.patience_until(below[meter], wait.began)):
                    found.append(self._trouble(incident, meter, wait.began, due))
        return tuple(found)

    def _waits(self, silent: Collection[str], troubles: Sequence[Trouble]) -> dict[str, _Wait]:
        """The wait of every transformer with silent meters; empty where nobody speaks."""
        speaking = [each for each in troubles if _speaks(each)] if silent else []
        if not speaking:
            return {}
        dark: dict[str, list[Trouble]] = defaultdict(list)
        for each in speaking:
            dark[each.transformer_id].append(each)
        interval_s, transformers = self._feeder.interval_s, self._feeder.transformers
        whole = _wait(speaking, interval_s)
        return {
            name: _wait(dark[name], interval_s, len(transformers[name])) if name in dark else whole for name in silent
        }

    def _is_missing(self, meter: str, started_at: int) -> bool:
        """Whether nothing has come of the interval in which power went, or a reading that shows part of it dark."""
        slot = started_at // self._feeder.interval_s * self._feeder.interval_s
        if self._evidence.powered_at(meter) < slot:
            return True
        if self._dimmed is None:
            known = [trouble for _, trouble in self._board.suppressed.values()]
            self._dimmed = {(each.meter_id, each.start) for each in known if each.kind == SAG}
        return (meter, slot) in self._dimmed

    def _back(self, incident: OpenIncident, revision: Incident) -> tuple[Trouble, ...]:
        found = []
        over = revision.state is IncidentState.closed
        for meter, back in incident.presumed.items():
            if back and self._now >= back + STABILITY_S:
                found.append(self._trouble(incident, meter, incident.started_at, self._now, end=back))
            elif over and not self._heirs(incident, meter):
                end = revision.restored_at if revision.restored_at is not None else self._now
                found.append(self._trouble(incident, meter, incident.started_at, self._now, end=back or end))
        return tuple(found)

    def waiting(self, incident: OpenIncident) -> tuple[Trouble, ...]:
        """Who was told of an incident without a signal of their own, and of no end; with what was promised to them."""
        found = []
        for meter, back in incident.presumed.items():
            if not back:
                trouble = self._trouble(incident, meter, incident.started_at, self._now)
                trouble.told = True
                trouble.promised, trouble.promised_at = incident.promised.get(meter, (None, 0))
                found.append(trouble)
        return tuple(found)

    def settle(self, incident: OpenIncident, revision: Incident, silent: Silent, waiting: Sequence[Trouble]) -> None:
        """Note who was told what; of an incident that is over, those who wait on go over to the one above them."""
        until = standing(revision.utility_estimate, revision.restoration_estimate, self._now)
        for each in silent.out:
            incident.presumed[each.meter_id] = 0
            incident.promised[each.meter_id] = until or 0, self._now
        for each in waiting:
            if each.promised is not None:
                incident.promised[each.meter_id] = each.promised, each.promised_at
        for each in silent.back:
            incident.presumed.pop(each.meter_id, None)
            incident.promised.pop(each.meter_id, None)
            if revision.state not in OVER:
                # It stays as what has ended, as if it had spoken: what goes dark there later is an outage of its own.
                each.told = each.told_back = True
                self._board.troubles[each.anomaly_id] = each
        if revision.state in OVER:
            for meter, back in incident.presumed.items():
                for heir in self._heirs(incident, meter)[:1]:
                    heir.presumed[meter] = back
                    if meter in incident.promised:
                        heir.promised[meter] = incident.promised[meter]

    def bequeath(self, incident: OpenIncident) -> None:
        """Let the incident that another became part of tell its silent meters."""
        heir = self._board.incident(incident.merged_into)
        if heir is not None and heir is not incident:
            heir.presumed |= incident.presumed
            heir.promised |= incident.promised
            incident.presumed, incident.promised = {}, {}

    def _heirs(self, incident: OpenIncident, meter: str) -> list[OpenIncident]:
        """Other outages that a meter hangs below."""
        transformer = self._feeder.places[meter].transformer_id if meter in self._feeder.places else ""
        return [
            each
            for each in self._board.incidents
            if each is not incident
            and each.kind is IncidentKind.outage
            and not (each.merged_into or each.pinned or (each.last is not None and each.last.state in OVER))
            and transformer in self._feeder.transformers_below(each.device_kind, each.device_id)
        ]

    def _customer(self, meter: str) -> str:
        return self._feeder.places[meter].customer_id if meter in self._feeder.places else meter

    def _trouble(self, incident: OpenIncident, meter: str, start: int, due: float, end: int | None = None) -> Trouble:
        place, heard_at = self._feeder.places.get(meter), int(due) - SECOND_LOOK_S
        return Trouble(
            anomaly_id=f"{meter}{PRESUMED}{incident.started_at}",
            meter_id=meter,
            customer_id=self._customer(meter),
            transformer_id=place.transformer_id if place else "",
            kind=POWER_OFF,
            start=start,
            heard_at=heard_at,
            score=0.0,
            threshold=0.0,
            end=end,
            ended_heard_at=heard_at,
            incident_id=incident.incident_id,
        )
