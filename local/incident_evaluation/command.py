"""The command `evaluate-incidents`."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path
from typing import Annotated

import typer

from functions.domain.errors import InputError


def evaluate_incidents(
    meters: Annotated[int, typer.Option(help="Meters of each simulated utility.", min=100)] = 5000,
    days: Annotated[int, typer.Option(help="Days of each.", min=2)] = 30,
    seeds: Annotated[str, typer.Option(help="Seeds, with commas between; a utility each.")] = "1,2,3",
    out: Annotated[Path, typer.Option("--out", help="Folder for results.json.")] = Path("out/incidents"),
    page: Annotated[Path, typer.Option(help="Page whose tables and plots are made anew.")] = Path(
        "docs/incidents-measured.md"
    ),
) -> None:
    """Measure context and incidents on simulated months whose truth is known; takes minutes a seed.

    Needs matplotlib, which is in the training extra.
    """
    from local.console import progress_bars
    from local.incident_evaluation.evaluation import evaluate
    from local.incident_evaluation.page import parts_of, tables, write_page

    try:
        numbers = [int(seed) for seed in seeds.replace(",", " ").split()]
    except ValueError:
        raise typer.BadParameter(f"{seeds!r} is not a list of whole numbers", param_hint="--seeds") from None
    if importlib.util.find_spec("matplotlib") is None:
        raise InputError("matplotlib is not installed; install the extra: pip install '.[training]'")
    parts_of(page)  # what is wrong with the page is better known before the months are simulated
    with progress_bars() as stage:
        found = asyncio.run(evaluate(numbers, meters, days, out, stage))
    typer.echo(tables(found))
    write_page(found, page)
    typer.echo(f"{page} shows them; {out} has the figures")
