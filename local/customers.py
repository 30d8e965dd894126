"""Customers on the command line: import, export, delete, and the catalogue of what they are told."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, TypeVar

import msgspec
import typer

from functions.domain.customer_rows import rows_of_table

if TYPE_CHECKING:
    from functions.application import Application

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Take customers over, show what is known of one, forget one, and write the catalogue of messages.",
)

Store = Annotated[
    str, typer.Option(help="sqlite:///PATH of the store, or cosmos.", metavar="URL", envvar="METERSENTRY_STORE")
]
CustomerId = Annotated[str, typer.Argument(metavar="CUSTOMER", help="Customer id.", show_default=False)]
SERVED = "sqlite:///out/serve/metersentry.db"
SERVED_OUT = Path("out/serve")
SHOWN = 20
ROWS_AT_ONCE = 5_000

Result = TypeVar("Result")


@app.command("import")
def import_customers(
    file: Annotated[Path, typer.Argument(help="CSV file with a header.", exists=True, dir_okay=False)],
    store: Store = SERVED,
) -> None:
    """Take customers over from a CSV file; every good row is applied, and every other one named with its reason.

    Columns: customer_id, and optionally phone (E.164), language, time_zone (IANA), channels (in order of preference,
    separated by spaces), critical (yes or no), quiet_from and quiet_to (21:00). A row replaces what was known before.
    """
    from local.console import progress_bar

    rows = rows_of_table(file.read_bytes())

    async def load(application: Application) -> tuple[int, list[str]]:
        applied, rejected = 0, []
        with progress_bar("importing", len(rows)) as progress:
            for first in range(0, len(rows), ROWS_AT_ONCE):
                done = await application.customers.load(rows[first : first + ROWS_AT_ONCE])
                applied += done.applied
                rejected += [
                    f"row {first + each.row}, customer {each.customer_id or '?'}: {each.field}: {each.error}"
                    for each in done.rejected
                ]
                progress(min(first + ROWS_AT_ONCE, len(rows)))
        return applied, rejected

    applied, rejected = _with_application(store, load)
    typer.echo(f"{applied:,} customers applied, {len(rejected):,} rows rejected")
    for line in rejected[:SHOWN]:
        typer.echo(line)
    if len(rejected) > SHOWN:
        typer.echo(f"… and {len(rejected) - SHOWN:,} more")
    if rejected:
        raise typer.Exit(1)


@app.command("export")
def export_customer(customer_id: CustomerId, store: Store = SERVED) -> None:
    """Print everything that is known of one customer, as JSON: their record, what their number said, their messages."""
    record = _with_application(store, lambda application: application.customers.export(customer_id))
    typer.echo(msgspec.json.format(msgspec.json.encode(record), indent=2).decode())


@app.command("delete")
def delete_customer(customer_id: CustomerId, store: Store = SERVED) -> None:
    """Forget one customer and their messages; that their number asked not to be written to is kept."""
    messages = _with_application(store, lambda application: application.customers.forget(customer_id))
    typer.echo(f"customer {customer_id} is forgotten, with {messages:,} messages")


@app.command()
def catalogue(
    page: Annotated[Path, typer.Option(help="Page to write the catalogue into.", dir_okay=False)] = Path(
        "docs/messages.md"
    ),
    golden: Annotated[
        Optional[Path],  # noqa: UP045  # typer reads this at run time
        typer.Option(help="Folder of the files that tests compare with.", file_okay=False, exists=True),
    ] = None,
) -> None:
    """Write every message in every language into docs/messages.md, as customers see it."""
    from local.message_page import write_golden, write_page

    write_page(page)
    if golden is not None:
        write_golden(golden)


def _with_application(store: str, use: Callable[[Application], Awaitable[Result]]) -> Result:
    from local.backend import open_application

    async def run() -> Result:
        async with open_application(store, SERVED_OUT) as application:
            return await use(application)

    return asyncio.run(run())
