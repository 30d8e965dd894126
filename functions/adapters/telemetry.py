"""Telemetry as log lines, which the Functions host forwards to Application Insights."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from functions.domain.incidents import Incident
from functions.domain.message_report import MessageReport
from functions.domain.outcomes import BatchReport

RequestUnits = Callable[[], Mapping[str, float]]
"""Request units this process has spent since it was last asked, by "container operation"."""

log = logging.getLogger("metersentry")


class LogTelemetry:
    """A `Telemetry` that writes one line a batch, of `name=number` pairs; a gap in the sequence makes it a warning."""

    def __init__(self, request_units: RequestUnits = dict) -> None:
        self._request_units = request_units

    def batch(self, report: BatchReport) -> None:
        """Log counts, lag, request units and the time spent by stage."""
        self.write(report, self._request_units())

    def write(self, report: BatchReport, spent: Mapping[str, float]) -> None:
        """Log a report and the request units spent, for a caller that has asked for them itself."""
        level = logging.WARNING if report.missing_events else logging.INFO
        if log.isEnabledFor(level):
            log.log(level, "batch events=%d %s", report.events, " ".join(_pairs(report, spent)))

    def messages(self, report: MessageReport) -> None:
        """Log what waits; a warning where nobody knows what became of messages."""
        if report.waiting or report.unknown:
            level = logging.WARNING if report.unknown else logging.INFO
            log.log(level, "messages waiting=%d unknown=%d", report.waiting or 0, report.unknown or 0)

    def incidents(self, revisions: Sequence[Incident]) -> None:
        """Log how many revisions there are of each kind and state."""
        counts = Counter(f"{each.kind}_{each.state}" for each in revisions)
        if counts:
            log.info("incidents %s", " ".join(f"{name}={count}" for name, count in counts.items()))

    def dead_letter(self, source: str) -> None:
        """Log a warning."""
        log.warning("dead letter source=%s", source)


def _pairs(report: BatchReport, spent: Mapping[str, float]) -> list[str]:
    counts = {
        **report.tally.as_dict(),
        **report.reasons,
        "windows": report.windows,
        "anomalies": report.anomalies,
        "missing_events": report.missing_events,
    }
    pairs = [f"{name}={n}" for name, n in counts.items() if n]
    if report.lag_s is not None:
        pairs.append(f"lag_s={report.lag_s}")
    if spent:
        pairs.append(f"request_units={sum(spent.values()):.1f}")
    pairs += [f"{operation.replace(' ', '_')}_ru={units:.1f}" for operation, units in spent.items()]
    return pairs + [f"{stage}_ms={ms}" for stage, ms in report.stage_ms.items()]
