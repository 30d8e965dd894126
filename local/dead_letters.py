"""Dead letters on the command line: list them, look at one, play them again."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional, TypeVar

import typer

from functions.domain.errors import InputError
from functions.domain.letters import LetterKind
from local.console import progress_bar

if TYPE_CHECKING:
    from functions.application import Application
    from functions.services.replay import Replayed

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Look at what could not be used, and play it again when it can be.",
)

MOST = 10_000
"""Letters listed or replayed in one run."""
SHOWN_CHARACTERS = 100

Store = Annotated[
    str, typer.Option(help="sqlite:///PATH of the store, or cosmos.", metavar="URL", envvar="METERSENTRY_STORE")
]
Out = Annotated[Path, typer.Option("--out", help="Folder for messages that are sent.", envvar="METERSENTRY_OUT")]
SERVED = "sqlite:///out/serve/metersentry.db"
SERVED_OUT = Path("out/serve")

Result = TypeVar("Result")


@app.command("list")
def list_letters(store: Store = SERVED, out: Out = SERVED_OUT) -> None:
    """List what could not be used, by partition and sequence number."""
    letters = _with_application(store, out, lambda application: application.stores.letters.letters(MOST))
    if not letters:
        typer.echo("There are no dead letters.")
        return
    lines = [(each.id, str(len(each.refusals) or 1), _short(each.reason)) for each in letters]
    _show_table([("letter", "records", "why"), *lines])
    if len(letters) == MOST:
        typer.echo(f"These are the first {MOST:,}; replay or look at them to see more.")


@app.command()
def show(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="Id from the list.", show_default=False)],
    store: Store = SERVED,
    out: Out = SERVED_OUT,
) -> None:
    """Show everything one letter holds."""
    letter = _with_application(store, out, lambda application: application.stores.letters.find(letter_id))
    if letter is None:
        raise InputError(f"there is no dead letter {letter_id}; `python -m local dead-letters list` shows their ids")
    _echo(f"{letter.id}: {letter.reason}")
    for refusal in letter.refusals:
        _echo(f"{refusal.reason}  feeder {refusal.feeder_id}  meter {refusal.meter_id}  {refusal.record}")
    if letter.kind is LetterKind.document:
        _echo(json.dumps(json.loads(letter.content), indent=2, ensure_ascii=False))
    elif letter.kind is LetterKind.event:
        _echo(letter.content.decode("utf-8", "backslashreplace"))


@app.command()
def replay(
    ids: Annotated[
        Optional[list[str]],  # noqa: UP045  # typer reads this at run time
        typer.Argument(metavar="[ID]...", help="Ids from the list.", show_default=False),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Replay every letter.")] = False,
    store: Store = SERVED,
    out: Out = SERVED_OUT,
) -> None:
    """Play letters again: what took effect is gone from the list, what is refused again stays on it."""
    if bool(ids) == everything:
        raise typer.BadParameter("give either ids from the list or --all", param_hint="ID")
    results: list[Replayed] = []
    try:
        _with_application(store, out, lambda application: _replay(application, ids, results))
    finally:  # a store that goes away in between does not take back what was done
        _show_results(results)


def _with_application(store: str, out: Path, work: Callable[[Application], Awaitable[Result]]) -> Result:
    from local.backend import open_application

    async def run() -> Result:
        async with open_application(store, out) as application:
            return await work(application)

    return asyncio.run(run())


async def _replay(application: Application, ids: list[str] | None, results: list[Replayed]) -> None:
    chosen = ids or [letter.id for letter in await application.stores.letters.letters(MOST)]
    if not chosen:
        typer.echo("There are no dead letters.")
    elif len(chosen) == 1:
        await _replay_each(application, chosen, results, lambda _: None)
    else:
        with progress_bar("replaying", len(chosen)) as progress:
            await _replay_each(application, chosen, results, progress)


async def _replay_each(
    application: Application, ids: list[str], results: list[Replayed], progress: Callable[[int], None]
) -> None:
    for letter_id in ids:
        results.append(await application.replay.replay(letter_id))
        progress(len(results))


def _show_results(results: list[Replayed]) -> None:
    if not results:
        return
    lines = [(each.id, _counts(each.outcomes) or "nothing new", _short(each.kept)) for each in results]
    _show_table([("letter", "outcome", "kept because"), *lines])
    kept = sum(bool(each.kept) for each in results)
    typer.echo(f"{len(results) - kept} of {len(results)} letters are gone, {kept} stay.")


def _show_table(lines: Sequence[Sequence[str]]) -> None:
    """Columns under their names, a line a letter: ids stay whole however narrow the terminal, to be copied."""
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        _echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _echo(text: str) -> None:
    """Print what meters sent; a terminal must not take it for a command."""
    typer.echo("".join(each if each.isprintable() or each == "\n" else ascii(each)[1:-1] for each in text))


def _counts(outcomes: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in outcomes.items())


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[:SHOWN_CHARACTERS]}…"
