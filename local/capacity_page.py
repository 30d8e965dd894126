"""The command `capacity`, and the pages of a plan: on the screen, and the tables of docs/capacity.md."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec
import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table as Grid

from local.capacity import TABLE, Table, table
from local.console import console
from local.plan import Plan, Tariff, plan

PAGE = TABLE.parents[1] / "docs" / "capacity.md"
SHOWN = ((10_000, 15), (247_000, 15), (1_000_000, 15), (1_000_000, 1), (10_000_000, 15), (10_000_000, 1))
"""Meters and minutes of the plans in the page."""


def capacity(
    meters: Annotated[int, typer.Option(help="Meters that will report.", min=1, max=10_000_000)] = 1_000_000,
    interval: Annotated[int, typer.Option(help="Minutes between two readings of a meter.", min=1, max=1440)] = 15,
    private: Annotated[bool, typer.Option("--private", help="With private networking.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Write infra/capacity.json and the tables of docs/capacity.md anew.")
    ] = False,
) -> None:
    """Show what the templates in infra/ provision for so many meters, and what each part of it costs a month."""
    if write:
        write_tables()
    tariff = Tariff.load()
    show(plan(meters, interval, tariff, private=private), tariff)


def show(shown: Plan, tariff: Tariff) -> None:
    """Print a plan."""
    row = shown.row
    console.print(
        f"{shown.meters:,} meters every {shown.interval_min} min: {shown.readings_s:,.1f} readings/s\n"
        f"partitions {row.partitions} · throughput units up to {row.throughput_units} · RU/s up to "
        f"{row.packs_request_units:,} for packs and {row.shared_request_units:,} for the rest · "
        f"instances up to {row.instances}, always ready {row.always_ready}",
        highlight=False,
    )
    grid = Grid(
        title=f"A month ({tariff.currency}, list prices of {tariff.as_of})", title_justify="left", box=SIMPLE_HEAD
    )
    grid.add_column("component", no_wrap=True)
    grid.add_column("what")
    grid.add_column("a month", justify="right", no_wrap=True)
    for component in shown.components:
        grid.add_row(component.name, component.what, f"{component.month:,.0f}")
    grid.add_row("all", "", f"{shown.total:,.0f}")
    console.print(grid)
    console.print(
        f"Estimates ({tariff.region}). Not in them: messages ({tariff.sms} each), taxes, support.", highlight=False
    )


def write_tables() -> None:
    """Write the table for the templates, and the tables of the page, from the model."""
    TABLE.write_bytes(msgspec.json.format(msgspec.json.encode(table()), indent=2) + b"\n")
    text = PAGE.read_text(encoding="utf-8")
    for name, lines in sections(Tariff.load()).items():
        text = replaced(text, name, lines)
    PAGE.write_text(text, encoding="utf-8")


def sections(tariff: Tariff) -> dict[str, list[str]]:
    """The lines between the markers of the page, by the marker's name."""
    fields = Table.load().rows[0].__struct_fields__
    rows = [tuple(f"{value:,}" for value in msgspec.structs.astuple(row)) for row in Table.load().rows]
    plans = [plan(meters, interval, tariff) for meters, interval in SHOWN]
    names = [component.name for component in plans[0].components]
    costs = [
        (
            f"{each.meters:,}, {each.interval_min} min",
            *(f"{component.month:,.0f}" for component in each.components),
            f"**{each.total:,.0f}**",
        )
        for each in plans
    ]
    return {
        "rows": _grid([field.replace("_", " ") for field in fields], rows),
        "costs": _grid([f"{tariff.currency} a month, {tariff.as_of}", *names, "all"], costs),
    }


def replaced(text: str, name: str, lines: Iterable[str]) -> str:
    """A page with the lines between a pair of markers replaced."""
    head, opening, rest = text.partition(f"<!-- {name} -->\n")
    _, closing, tail = rest.partition(f"<!-- /{name} -->\n")
    assert closing, f"{PAGE.name} has no markers of {name!r}"
    return head + opening + "".join(f"{line}\n" for line in lines) + closing + tail


def _grid(head: list[str], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(cells)} |" for cells in (head, ["---:"] * len(head), *rows)]
