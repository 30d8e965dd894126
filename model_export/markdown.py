"""Markdown: numbers by seed as the cells of a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model_export.results import spread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

NONE = "–"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table of a head and rows; numbers stand on the right."""
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(values: list[float | None], digits: int = 3) -> str:
    """A number by seed, as one cell."""
    return _shown(values, lambda value: f"{value:,.{digits}f}")


def percent(values: list[float | None]) -> str:
    """A share by seed, as one cell."""
    return _shown(values, lambda value: f"{value:.0%}")


def scientific(values: list[float | None]) -> str:
    """A small number by seed, as one cell."""
    return _shown(values, lambda value: f"{value:.1e}")


def _shown(values: list[float | None], show: Callable[[float], str]) -> str:
    """Mean, and the range in brackets where there is more than one."""
    over = spread(values)
    if over is None:
        return NONE
    known = [value for value in values if value is not None]
    return f"{show(over.mean)} ({show(over.low)}–{show(over.high)})" if len(known) > 1 else show(over.mean)


def mean(values: list[float | None]) -> str:
    """Only the mean over the seeds."""
    over = spread(values)
    return f"{over.mean:.3f}" if over else NONE


def words(kind: str) -> str:
    """A kind as people write it."""
    return kind.replace("_", " ")
