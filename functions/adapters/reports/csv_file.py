"""The inspection list as CSV (RFC 4180): every ranked meter, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from functions.domain.risk import InspectionReport

COLUMNS = (
    "rank",
    "meter_id",
    "customer_id",
    "transformer_id",
    "feeder_id",
    "risk",
    "level",
    "anomalous_days",
    "longest_streak_days",
    "worst_score",
    "kinds",
    "why",
)
SCORE_DIGITS = 3

# What Excel, LibreOffice and Sheets read as the start of a formula, with the full-width forms Excel folds into them.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?", re.ASCII)


def render_csv(report: InspectionReport) -> str:
    r"""Return the report as CSV text: a header, then one CRLF-ended line a meter, best reason to visit first.

    Text that a spreadsheet would run as a formula gets a leading apostrophe; numbers stay numbers. Write the text with
    `newline=""`, or the line ends are doubled on Windows.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(COLUMNS)
    for rank, meter in enumerate(report.ranked, start=1):
        writer.writerow(
            (
                rank,
                guarded(meter.meter_id),
                guarded(meter.customer_id),
                guarded(meter.transformer_id),
                guarded(meter.feeder_id),
                meter.risk,
                guarded(meter.level),
                meter.anomalous_days,
                meter.longest_streak_days,
                round(meter.worst_score, SCORE_DIGITS),
                guarded(";".join(meter.kinds)),
                guarded(meter.why),
            )
        )
    return text.getvalue()


def guarded(cell: str) -> str:
    """A cell that no spreadsheet runs as a formula."""
    if cell.startswith(_FORMULA_STARTS) and not _NUMBER.fullmatch(cell):
        return f"'{cell}"
    return cell
