"""Telemetry as log lines, which the Functions host forwards to Application Insights."""

from __future__ import annotations

import logging

from functions.domain.outcomes import BatchReport

log = logging.getLogger("metersentry")


class LogTelemetry:
    """A `Telemetry` that writes one line a batch."""

    def batch(self, report: BatchReport) -> None:
        """Log counts of events, outcomes, reasons of refusal, windows and anomalies."""
        counts = {**report.tally.as_dict(), **report.reasons, "windows": report.windows, "anomalies": report.anomalies}
        log.info("batch events=%d %s", report.events, " ".join(f"{name}={n}" for name, n in counts.items() if n))
