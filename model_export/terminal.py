"""What every command does at the terminal: errors of one sentence, and progress bars."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from functions.domain.errors import InputError, MeterSentryError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Advance = Callable[[float], None]

FAILED, WRONG_INPUT = 1, 2
console = Console()


@contextmanager
def one_sentence() -> Iterator[None]:
    """Errors raised on purpose end the command with their sentence: 2 for what a person gave us, 1 for the rest."""
    try:
        yield
    except (MeterSentryError, OSError) as error:
        Console(stderr=True).print(str(error), style="red", markup=False, highlight=False, soft_wrap=True)
        raise typer.Exit(WRONG_INPUT if isinstance(error, InputError) else FAILED) from None


def need_libraries(names: Sequence[str]) -> None:
    """Refuse to begin what cannot be ended, with an `InputError`."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"training needs {', '.join(missing)}; install the training extra: make setup-training")


def bars() -> Progress:
    """Progress bars that stay when they are full."""
    return Progress(TextColumn("{task.description:<26}"), BarColumn(), TimeElapsedColumn(), console=console)


def stage(progress: Progress, name: str) -> Advance:
    """A new bar, to be advanced by shares of the whole."""
    task = progress.add_task(name, total=1 - 1e-6)  # shares add up to one but for rounding
    return lambda share: progress.advance(task, share)
