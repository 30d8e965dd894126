"""What a person sees at the terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

if TYPE_CHECKING:
    from local.demo import DemoResult
    from local.demo_cloud import CloudDemoResult
    from local.push import PushCounts
    from local.told import Told

console = Console()
TOP = 5


@contextmanager
def progress_bar(label: str, total: int) -> Iterator[Callable[[int], None]]:
    """A progress bar; yields the function that takes how much is done."""
    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task(label, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def progress_bars() -> Iterator[Callable[[str, int], Callable[[int], None]]]:
    """A progress bar a stage, one below the other; yields what begins a stage of so many steps."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True)) as progress:

        def begin(label: str, total: int) -> Callable[[int], None]:
            task = progress.add_task(label, total=total)
            return lambda done: progress.update(task, completed=done)

        yield begin


def status(label: str) -> AbstractContextManager[Any]:
    """A spinner for what cannot tell how far it is."""
    return Console(stderr=True).status(label)


def show_demo(result: DemoResult, out: Path) -> None:
    """Print what the demo found, against the truth."""
    summary, card = result.summary, result.scorecard
    table = Table(title="Found against the simulator's truth", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("what was wrong")
    for name in ("cases", "detected", "missed"):
        table.add_column(name, justify="right")
    for line in card.lines:
        table.add_row(line.kind.replace("_", " "), str(line.truths), str(line.detected), str(line.missed))
    table.add_section()
    table.add_row("all", str(card.truths), str(card.detected), str(card.truths - card.detected))
    console.print(table)
    _facts(
        [
            ("alarms raised", f"{card.alarms:,} anomalies, of which {card.false_alarms:,} without a cause"),
            ("false alarms", f"{summary['false_alarms_per_1000_meters_day']} per 1,000 meters a day"),
            ("explained", f"{card.suppressed:,} anomalies by what was known ({card.suppressed_wrongly:,} wrongly)"),
            ("incidents", f"{summary['incidents']:,}"),
            ("messages", _counts(summary["messages"])),
            ("by kind", _counts(summary["messages_by_kind"])),
            ("by language", _counts(summary["messages_by_language"])),
            ("sent within", _within(result.told)),
            ("readings", _counts(summary["outcomes"])),
            ("speed", f"{summary['readings_per_s']:,} readings/s, everything included"),
        ]
    )
    show_conversation(result.told)
    if result.report.ranked:
        listing = Table(title="Top of the inspection list", title_justify="left", box=SIMPLE_HEAD)
        for name, justify in (
            ("meter", "left"),
            ("risk", "right"),
            ("level", "left"),
            ("days", "right"),
            ("why", "left"),
        ):
            listing.add_column(name, justify=justify)  # type: ignore[arg-type]
        for line in result.report.ranked[:TOP]:
            listing.add_row(line.meter_id, str(line.risk), line.level, str(line.anomalous_days), line.why)
        console.print(listing)
    console.print(f"Files are in {out}/ — open {out}/risk_report.html", highlight=False)


def show_conversation(told: Told) -> None:
    """Print what one customer was told."""
    if told.customer is None:
        return
    table = Table(title=f"What {told.customer.customer_id} was told", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("when", no_wrap=True)
    table.add_column("message")
    for moment, body in told.conversation[-TOP:]:
        table.add_row(f"{moment:%a %d %b %H:%M}", body)
    console.print(table)


def _within(told: Told) -> str:
    if told.accepted_s is None:
        return "–"
    middle, high = told.accepted_s
    if not high:
        return "at once, by the simulated clock"
    return f"{middle} s for half of them, {high} s for 95 of 100 (messages held over night not counted)"


UTILITIES = (247_000, 1_000_000)
"""Meters of the utilities that a bill is shown for."""


def show_cloud_demo(result: CloudDemoResult, out: Path) -> None:
    """Print what the demo found over the services, and what it asked of them."""
    from local.cost import Prices, bill

    show_demo(result.demo, out)
    prices, need = Prices.load(), result.need
    table = Table(
        title=f"What it asks of Azure ({prices.currency}, list prices of {prices.as_of})",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 0),
    )
    for name in ("meters", "readings/s", "mean RU/s", "provisioned", "Cosmos DB", "Event Hubs", "a month"):
        table.add_column(name, justify="right", no_wrap=True)
    for meters in UTILITIES:
        each = bill(meters, result.demo.utility.scenario.interval_s, need, prices)
        table.add_row(
            *(f"{meters:,}", f"{each.readings_s:,.0f}", f"{each.request_units_s:,.0f}"),
            *(f"{each.provisioned_units:,}", f"{each.cosmos:,.0f}", f"{each.event_hubs:,.0f}", f"{each.total:,.0f}"),
        )
    console.print(table)
    most = sorted(result.request_units.items(), key=lambda item: -item[1])[:TOP]
    total = sum(result.request_units.values())
    shares = ", ".join(f"{name} {units / total:.0%}" for name, units in most)
    console.print(f"{need.request_units:.2f} request units a reading: {shares}", highlight=False)


def show_replay(summary: dict[str, Any], out: Path) -> None:
    """Print what a replay found."""
    _facts(
        [
            ("meters", f"{summary['meters']:,}"),
            ("readings", f"{summary['received']:,} received: {_counts(summary['outcomes'])}"),
            ("refused", _counts(summary["reasons"])),
            ("not in the file", f"{summary['absent']:,} absent, {summary['unusable']:,} unusable rows"),
            ("anomalies", _counts(summary["anomalies"])),
            ("alert rate", f"{summary['alerts_per_1000_meters_day']} per 1,000 meters a day"),
            ("incidents", f"{summary['incidents']:,}"),
            ("messages sent", _counts(summary["messages"])),
            ("speed", f"{summary['readings_per_s']:,} readings/s"),
        ]
    )
    if summary["received"] and not summary["with_voltage"]:
        console.print("No reading has a voltage: name its column with --map voltage_v=COLUMN", style="bold")
    console.print(f"Files are in {out}/ — open {out}/risk_report.html", highlight=False)


def show_push(counts: PushCounts, *, sent: bool) -> None:
    """Print what was packed or sent."""
    _facts(
        [
            ("sent" if sent else "would send", f"{counts.events:,} events with {counts.readings:,} readings"),
            ("feeders", f"{counts.feeders:,}"),
            ("bytes", f"{counts.bytes:,}, largest event {counts.largest:,}"),
        ]
    )


def _facts(rows: list[tuple[str, str]]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold")
    table.add_column()
    for row in rows:
        table.add_row(*row)
    console.print(table)


def _counts(counts: Any) -> str:
    parts = [f"{count:,} {name.replace('_', ' ')}" for name, count in sorted(counts.items(), key=lambda item: -item[1])]
    return ", ".join(part for part in parts if not part.startswith("0 ")) or "none"
