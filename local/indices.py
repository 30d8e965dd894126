"""Reliability indices on the command line."""

from __future__ import annotations

import asyncio
import csv
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

if TYPE_CHECKING:
    from functions.domain.reliability import Indices, ReliabilityReport

SERVED = "sqlite:///out/serve/metersentry.db"
WHOLE = "utility"
COLUMNS = (
    *("customers_served", "events", "customer_interruptions", "customer_minutes"),
    *("saidi_min", "saifi", "caidi_min", "caifi", "maifi", "maifi_e"),
)
SHOWN = {"saidi_min": "SAIDI min", "saifi": "SAIFI", "caidi_min": "CAIDI min", "caifi": "CAIFI", "maifi_e": "MAIFI_E"}
DIGITS = {"saidi_min": 1, "caidi_min": 1, "customer_minutes": 1}
USUAL_DIGITS = 3
CSV_DIGITS = 6


def indices(
    store: Annotated[
        str, typer.Option(help="sqlite:///PATH of the store, or cosmos.", metavar="URL", envvar="METERSENTRY_STORE")
    ] = SERVED,
    start: Annotated[
        str, typer.Option("--from", help="First day, or a time with a zone; the first of this year when absent.")
    ] = "",
    to: Annotated[str, typer.Option("--to", help="Day or time of the end, exclusive; now when absent.")] = "",
    zone: Annotated[str, typer.Option(help="Time zone of the days, like America/New_York.")] = "UTC",
    table: Annotated[
        Optional[Path],  # noqa: UP045  # typer reads this at run time
        typer.Option("--csv", help="Also write every index, with and without major event days, to a file."),
    ] = None,
) -> None:
    """Show the IEEE 1366 indices of a period, by feeder: minutes and interruptions a customer had."""
    report = asyncio.run(_report(store, start, to, zone))
    if table is not None:
        table.parent.mkdir(parents=True, exist_ok=True)
        with table.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file).writerows(csv_rows(report))
    show(report)


async def _report(store: str, start: str, to: str, zone: str) -> ReliabilityReport:
    from functions.domain.periods import Period
    from local.backend import open_application

    period = Period.of(start, to, zone, int(time.time()))
    async with open_application(store, Path("out/serve")) as application:
        return await application.reliability.report(period)


def csv_rows(report: ReliabilityReport) -> Iterator[tuple[object, ...]]:
    """A header, then the utility and every feeder, with and without major event days and planned interruptions."""
    from functions.adapters.reports.csv_file import guarded

    yield ("of", "feeder_id", "major_event_days", "planned", *COLUMNS)
    feeders = (("feeder", guarded(name), each) for name, each in report.feeders.items())
    for of, name, each in ((WHOLE, "", report.utility), *feeders):
        for days, planned, found in (
            ("included", "excluded", each.all_days),
            ("excluded", "excluded", each.without_major_event_days),
            ("included", "only", each.planned),
            ("included", "included", each.with_planned),
        ):
            if found is not None:
                yield (of, name, days, planned, *(_rounded(getattr(found, column)) for column in COLUMNS))


def show(report: ReliabilityReport) -> None:
    """Print the table, without major event days where there are any, and what it rests on."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from local.console import console

    judged = bool(report.major_event_days)
    title = "IEEE 1366 indices" + (", major event days excluded" if judged else "")
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD)
    table.add_column("")
    for name in ("customers", *SHOWN.values()):
        table.add_column(name, justify="right", no_wrap=True)
    for name, each in report.feeders.items():
        table.add_row(name, *_cells(each.without_major_event_days))
    table.add_section()
    table.add_row(WHOLE, *_cells(report.utility.without_major_event_days))
    if judged:
        table.add_row("with every day", *_cells(report.utility.all_days))
    if report.utility.planned is not None and report.utility.with_planned is not None:
        table.add_row("planned alone", *_cells(report.utility.planned))
        table.add_row("every day, planned too", *_cells(report.utility.with_planned))
    console.print(table)
    for line in _notes(report):
        console.print(line, highlight=False, markup=False)


def _cells(found: Indices) -> list[str]:
    return [f"{found.customers_served:,}", *(_number(getattr(found, column), column) for column in SHOWN)]


def _number(value: float | None, column: str) -> str:
    return "–" if value is None else f"{value:,.{DIGITS.get(column, USUAL_DIGITS)}f}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, CSV_DIGITS)


def _notes(report: ReliabilityReport) -> Iterator[str]:
    threshold = report.threshold
    if threshold is None:
        yield "No day is judged to be a major event day: there are too few days of history before the period."
    else:
        yield (
            f"Major event days have a SAIDI above {threshold.t_med_min:.2f} min "
            f"(alpha {threshold.alpha:.3f}, beta {threshold.beta:.3f}, "
            f"from {threshold.days:,} days with interruptions)."
        )
        for each in report.major_event_days:
            yield f"  {each.day}  {each.saidi_min:.1f} min"
    if report.utility.planned is None:
        yield "Planned interruptions are left out: they are known for the last 119 days only."
    if report.ongoing:
        yield f"{report.ongoing:,} outages have not ended; they count with what they have cost so far."
