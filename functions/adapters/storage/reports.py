"""Inspection reports as blobs."""

from __future__ import annotations

import asyncio

from functions.adapters.reports.csv_file import render_csv
from functions.adapters.reports.html_page import render_html
from functions.adapters.storage.blobs import BlobContainer
from functions.domain.risk import InspectionReport


class BlobReports:
    """A `ReportStore` that writes `risk_report.csv` and `risk_report.html`, replacing those of the day before."""

    def __init__(self, blobs: BlobContainer) -> None:
        self._blobs = blobs

    async def write(self, report: InspectionReport) -> None:
        """Write both files."""
        page = await asyncio.to_thread(render_html, report)
        await self._blobs.put("risk_report.csv", render_csv(report).encode(), "text/csv; charset=utf-8")
        await self._blobs.put("risk_report.html", page.encode(), "text/html; charset=utf-8")
