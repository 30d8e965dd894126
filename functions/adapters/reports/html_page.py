"""The inspection list as one self-contained page, to be read on a screen or printed and taken along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from functions.adapters.reports import charts

if TYPE_CHECKING:
    from jinja2 import Template

    from functions.domain.risk import InspectionReport, MeterRisk

ROWS_MAX = 500
"""Meters in the page's tables; the CSV has them all."""
ROWS_WITH_STRIP = 50
"""Meters shown with their daily scores."""

KIND_WORDS = {
    "power_off": "power off",
    "no_reads": "no readings",
    "sag": "voltage too low",
    "swell": "voltage too high",
    "stuck": "readings stuck",
    "unusual": "unusual pattern",
    "tamper": "tamper alarm",
}


@dataclass(frozen=True)
class Row:
    """One line of a table, as the template needs it."""

    rank: int
    meter: MeterRisk
    risk: int
    level_class: str
    kinds: str
    strip: str


def render_html(report: InspectionReport) -> str:
    """Return the report as one HTML page: no script, nothing fetched, every text from outside escaped."""
    ranked = report.ranked
    shown = ranked[:ROWS_MAX]
    ceiling = charts.strip_ceiling(shown[:ROWS_WITH_STRIP])
    rows = [_row(rank, meter, report.period_start, ceiling) for rank, meter in enumerate(shown, start=1)]
    last_second = max(report.period_start, report.period_end - 1)
    return _template().render(
        report=report,
        first_day=charts.day_text(report.period_start),
        last_day=charts.day_text(last_second),
        days=last_second // charts.DAY_S - report.period_start // charts.DAY_S + 1,
        generated=_moment(report.generated_at),
        levels=[(level, sum(meter.level == level for meter in ranked)) for level in charts.LEVELS],
        histogram=charts.risk_histogram(ranked),
        feeders=charts.feeder_bars(ranked),
        feeders_hidden=max(0, len({meter.feeder_id for meter in ranked}) - charts.TOP_FEEDERS),
        top_feeders=charts.TOP_FEEDERS,
        ceiling=ceiling,
        first_rows=rows[:ROWS_WITH_STRIP],
        more_rows=rows[ROWS_WITH_STRIP:],
        hidden=len(ranked) - len(shown),
    )


def _row(rank: int, meter: MeterRisk, period_start: int, ceiling: float) -> Row:
    words = ", ".join(KIND_WORDS.get(kind, kind.replace("_", " ")) for kind in meter.kinds)
    return Row(
        rank=rank,
        meter=meter,
        risk=min(max(meter.risk, 0), charts.RISK_MAX),
        level_class=charts.level_class(meter.level),
        kinds=words[:1].upper() + words[1:],
        strip=charts.daily_strip(meter.daily_worst, period_start, ceiling) if rank <= ROWS_WITH_STRIP else "",
    )


def _moment(timestamp_s: int) -> str:
    return f"{charts.day_text(timestamp_s)}, {datetime.fromtimestamp(timestamp_s, tz=UTC):%H:%M} UTC"


@cache
def _template() -> Template:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined  # not needed until somebody asks for a page

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: charts.printable(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2")
