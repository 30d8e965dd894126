"""Reports in a folder."""

from __future__ import annotations

from pathlib import Path

from functions.adapters.reports.csv_file import render_csv
from functions.adapters.reports.html_page import render_html
from functions.domain.risk import InspectionReport


class ReportFolder:
    """A `ReportStore` that writes `risk_report.csv` and `risk_report.html`, replacing those of the day before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def write(self, report: InspectionReport) -> None:
        """Write both files."""
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "risk_report.csv").write_text(render_csv(report), encoding="utf-8", newline="")
        (self._folder / "risk_report.html").write_text(render_html(report), encoding="utf-8")
