"""Inspection: the daily ranked list of meters worth a visit."""

from __future__ import annotations

from functions.domain.risk import INSPECTED_KINDS, SECONDS_PER_DAY, InspectionReport, rank
from functions.ports import AnomalyStore, Clock, ReportStore, RosterStore

PERIOD_DAYS = 30


class InspectionService:
    """Ranks meters over the last days and writes the report."""

    def __init__(self, anomalies: AnomalyStore, rosters: RosterStore, reports: ReportStore, clock: Clock) -> None:
        self._anomalies = anomalies
        self._rosters = rosters
        self._reports = reports
        self._clock = clock

    async def report(self, start: int | None = None, end: int | None = None) -> InspectionReport:
        """Rank meters over `[start, end)` (seconds since the epoch), by default the last 30 days up to now."""
        now = self._clock.now()
        end = now if end is None else end
        start = end - PERIOD_DAYS * SECONDS_PER_DAY if start is None else start
        return InspectionReport(
            period_start=start,
            period_end=end,
            generated_at=now,
            meters_watched=sum((await self._rosters.feeders()).values()),
            ranked=tuple(rank(await self._anomalies.between(start, end, INSPECTED_KINDS), start, end)),
        )

    async def publish(self, start: int | None = None, end: int | None = None) -> InspectionReport:
        """Write the report of `report` where inspectors find it."""
        report = await self.report(start, end)
        await self._reports.write(report)
        return report
