"""Reliability service: the incident log of a period to its IEEE 1366 indices."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, tzinfo

import numpy as np

from functions.domain.incidents import OVER, Cause, Incident, IncidentKind, IncidentState
from functions.domain.interruptions import MOMENTARY_S, Interrupted
from functions.domain.periods import Period
from functions.domain.reliability import (
    HISTORY_YEARS,
    EventLog,
    ReliabilityReport,
    Threshold,
    daily_saidi,
    med_threshold,
    report,
)
from functions.ports import Clock, IncidentStore, RosterStore
from functions.services.planned_interruptions import PlannedInterruptions

MOST_CHUNKS = 2_000
"""Member documents read to learn who was interrupted; beyond it CAIFI is left out rather than waited for."""
SERVED_HOLDS_S = 900
"""For somebody who looks every minute: to count the meters, every roster is read."""
THRESHOLD_HOLDS_S = 3_600
"""The history behind a threshold changes once a day at most, and reading five years takes its time."""


class ReliabilityService:
    """Indices of the utility and its feeders. Customers served are the meters on today's rosters."""

    def __init__(
        self, incidents: IncidentStore, rosters: RosterStore, planned: PlannedInterruptions, clock: Clock
    ) -> None:
        self._incidents = incidents
        self._planned = planned
        self._rosters = rosters
        self._clock = clock
        self._served: tuple[int, dict[str, int]] | None = None
        self._thresholds: dict[tuple[int, str], tuple[int, Threshold | None]] = {}

    async def report(self, period: Period) -> ReliabilityReport:
        """Indices of a period, with and without planned interruptions.

        Those of unplanned ones also without the days that five years before tell to be major event days.
        """
        outages = await self._outages(period.start, period.end)
        announced = await self._planned.log(period.start, period.end)
        served = await self._customers_served(0)
        threshold = await self._threshold(period, sum(served.values()))
        unplanned, overrun = by_plan(outages)
        log = self._log(unplanned, await self._customers(unplanned))
        planned = None
        if announced is not None:
            planned = EventLog.of([announced, self._log(overrun, await self._customers(overrun))])
        return _report(log, served, threshold, period, outages, planned)

    async def so_far(self, period: Period) -> ReliabilityReport:
        """Indices of unplanned interruptions for somebody who looks every minute.

        No day is judged, and nobody is identified.
        """
        outages = await self._outages(period.start, period.end)
        served = await self._customers_served(SERVED_HOLDS_S)
        return _report(self._log(by_plan(outages)[0], None), served, None, period, outages)

    async def _customers_served(self, holds_s: int) -> dict[str, int]:
        """Meters on the rosters by feeder, counted so long ago at most."""
        now = self._clock.now()
        if self._served is None or not 0 <= now - self._served[0] < holds_s:
            self._served = now, await self._rosters.feeders()
        return self._served[1]

    async def _outages(self, start: int, end: int) -> list[Incident]:
        return counted(await self._incidents.log(start, end))

    async def _threshold(self, period: Period, served: int) -> Threshold | None:
        now, key = self._clock.now(), (period.start, str(period.zone))
        held_since, threshold = self._thresholds.get(key, (None, None))
        if held_since is None or now - held_since >= THRESHOLD_HOLDS_S:
            unplanned, _ = by_plan(await self._outages(_years_before(period.start, period.zone), period.start))
            before = self._log(unplanned, None)
            threshold = med_threshold(daily_saidi(before, served, period.zone)[1])
            self._thresholds = {key: (now, threshold)}
        return threshold

    def _log(self, outages: Sequence[Incident], customers: tuple[Collection[str], ...] | None) -> EventLog:
        now = self._clock.now()
        costs = [cost(each, now) for each in outages]
        return EventLog(
            feeder_id=np.array([each.feeder_id for each in outages], np.str_),
            start=np.array([each.started_at for each in outages], np.int64),
            sustained=np.array([each.sustained for each in costs], np.int64),
            customer_min=np.array([each.customer_seconds / 60 for each in costs], np.float64),
            momentary=np.array([each.momentary for each in costs], np.int64),
            momentary_events=np.array([each.momentary_events for each in costs], np.int64),
            customers=customers,
        )

    async def _customers(self, outages: Sequence[Incident]) -> tuple[Collection[str], ...] | None:
        """Who was interrupted, by outage; None when their documents are too many, or gone."""
        now = self._clock.now()
        lasting = [cost(each, now).sustained > 0 for each in outages]
        wanted = [each.chunks if lasts else () for each, lasts in zip(outages, lasting, strict=True)]
        nameless = any(lasts and not ids for lasts, ids in zip(lasting, wanted, strict=True))
        if nameless or sum(len(ids) for ids in wanted) > MOST_CHUNKS:
            return None
        found = await asyncio.gather(
            *(self._incidents.chunks(each.feeder_id, ids) for each, ids in zip(outages, wanted, strict=True))
        )
        if any(len(chunks) < len(set(ids)) for chunks, ids in zip(found, wanted, strict=True)):
            return None
        return tuple(
            frozenset(
                member.meter_id
                for chunk in chunks
                for member in chunk.members
                if (now if member.end is None else member.end) - member.start > MOMENTARY_S
            )
            for chunks in found
        )


def counted(log: Sequence[Incident]) -> list[Incident]:
    """The outages of a log, each customer once.

    One that is over and has no cost was explained after all, or became part of another, which has its customers' times.
    One above the feeders is made of theirs.
    """
    return [
        each
        for each in log
        if each.kind is IncidentKind.outage
        and not each.children
        and (each.state not in OVER or (each.state is IncidentState.closed and each.interrupted is not None))
    ]


def by_plan(outages: Sequence[Incident]) -> tuple[list[Incident], list[Incident]]:
    """Outages that nobody had planned, and those of planned work that took longer than announced."""
    planned = [each for each in outages if each.cause == Cause.planned]
    return [each for each in outages if each.cause != Cause.planned], planned


def cost(outage: Incident, now: int) -> Interrupted:
    """What an outage cost; one that goes on costs what those who are still out have had of it.

    One whose power is back but has not lasted yet is taken as one interruption of everybody, from start to end.
    """
    if outage.interrupted is not None:
        return outage.interrupted
    customers = outage.meters_out if outage.restored_at is None else outage.meters_affected
    duration = max((now if outage.restored_at is None else outage.restored_at) - outage.started_at, 0)
    if duration > MOMENTARY_S:
        return Interrupted(sustained=customers, customer_seconds=customers * duration)
    return Interrupted() if outage.restored_at is None else Interrupted(momentary=customers, momentary_events=customers)


def _report(
    log: EventLog,
    served: dict[str, int],
    threshold: Threshold | None,
    period: Period,
    outages: Sequence[Incident],
    planned: EventLog | None = None,
) -> ReliabilityReport:
    ongoing = sum(each.restored_at is None for each in outages)
    start, end, zone = period
    return report(log, served, threshold, start=start, end=end, zone=zone, ongoing=ongoing, planned=planned)


def _years_before(moment: int, zone: tzinfo) -> int:
    day = datetime.fromtimestamp(moment, zone)
    if (day.month, day.day) == (2, 29):
        day = day.replace(day=28)
    return int(day.replace(year=max(day.year - HISTORY_YEARS, 1970)).timestamp())
