"""Telemetry as log lines, which the Functions host forwards to Application Insights."""

from __future__ import annotations

import logging

from functions.domain.outcomes import BatchReport

log = logging.getLogger("metersentry")


class LogTelemetry:
    """A `Telemetry` that writes one line a batch."""

    def batch(self, report: BatchReport) -> None:
        """Log counts of events, outcomes, windows and anomalies."""
        outcomes = " ".join(f"{name}={count}" for name, count in report.tally.as_dict().items() if count)
        log.info(
            "batch events=%d %s windows=%d anomalies=%d", report.events, outcomes, report.windows, report.anomalies
        )
