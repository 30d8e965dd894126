"""The plots of the page on restoration times, in the style of the detector's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from functions.domain.restoration import QUANTILES
from model_export.plots import BLACK, BLUE, DPI, GREEN, ORANGE, SKY, SMALL, STYLE, VERMILION
from model_export.restoration.measures import EVERY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from model_export.restoration.results import Found, Measured

COLOURS = (BLACK, BLUE, GREEN, ORANGE)


def draw_plots(found: Found, folder: Path) -> tuple[str, ...]:
    """Write every plot to `folder`; returns the names of the files. The same results give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in PLOTS.items():
        with mpl.rc_context(STYLE):
            figure = Figure(SMALL, dpi=DPI, layout="constrained")
            FigureCanvasAgg(figure)
            draw(figure, found)
            figure.savefig(folder / name, metadata={"Software": None})
    return tuple(PLOTS)


def whole(measured: tuple[Measured, ...]) -> list[Measured]:
    """Those of all outages and years, by elapsed time."""
    return [each for each in measured if (each.group, each.span) == (EVERY, EVERY)]


def _reliability(figure: Figure, found: Found) -> None:
    axes = figure.subplots()
    axes.plot((0, 1), (0, 1), color="#888888", linestyle="--", linewidth=1)
    for each, colour in zip(whole(found.measured), COLOURS, strict=False):
        axes.plot(QUANTILES, each.over, color=colour, marker="o", markersize=3, label=f"{each.elapsed_h} h")
    for each in whole(found.plain)[:1]:
        axes.plot(QUANTILES, each.over, color=VERMILION, linestyle=":", label=f"{each.elapsed_h} h, not calibrated")
    axes.set(xlabel="quantile", ylabel="share of outages over by then", xlim=(0, 1), ylim=(0, 1))
    axes.legend(loc="upper left")


def _errors(figure: Figure, found: Found) -> None:
    axes, every = figure.subplots(), whole(found.measured)
    place = np.arange(len(every))
    bars = (
        ("utility's estimate", "utility_error_h", VERMILION, -0.27),
        ("constant", "constant_error_h", SKY, 0.0),
        ("model", "mean_error_h", BLUE, 0.27),
    )
    for label, field, colour, offset in bars:
        axes.bar(place + offset, [getattr(each, field) for each in every], 0.27, color=colour, label=label)
    axes.set_xticks(place, [f"{each.elapsed_h} h" if each.elapsed_h else "first sight" for each in every])
    axes.set(xlabel="time the outage had lasted", ylabel="mean error, hours")
    axes.grid(visible=False, axis="x")
    axes.legend(loc="upper left")


def _example(figure: Figure, found: Found) -> None:
    axes = figure.subplots()
    last = found.example[-1]
    until = (last[-1], *last[1:])  # the last forecast stood until the end
    since, q10, q50, q80, q90, estimate, end = np.array((*found.example, until)).T
    axes.fill_between(since, q10, q90, color=SKY, alpha=0.4, linewidth=0, label="10 to 90 %", step="post")
    axes.step(since, q50, color=BLUE, where="post", label="median")
    axes.step(since, q80, color=GREEN, where="post", label="80 %: what is promised")
    axes.step(since, np.where(estimate == 0, np.nan, estimate), color=VERMILION, where="post", linestyle=":",
              label="utility's estimate")  # fmt: skip
    axes.axhline(end[0], color=BLACK, linewidth=1, label="the end")
    axes.plot(since, since, color="#888888", linestyle="--", linewidth=1, label="now")
    axes.set(xlabel="hours since first sight", ylabel="end, hours since first sight", ylim=(0, 1.5 * max(q90)))
    axes.legend(loc="upper left", ncols=2)


PLOTS: dict[str, Callable[[Figure, Found], None]] = {
    "restoration-reliability.png": _reliability,
    "restoration-error.png": _errors,
    "restoration-example.png": _example,
}
