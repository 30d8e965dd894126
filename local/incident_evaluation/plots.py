"""The plots of the evaluation, in the style and the colours of the detector's."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from local.incident_evaluation.figures import Evaluation
from local.incident_evaluation.judging import FALSE

SHORTEST_MIN = 0.1
"""At once has no place on a logarithmic axis."""

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_plots(found: Evaluation, folder: Path) -> tuple[str, ...]:
    """Write every plot to `folder`; returns the names of the files."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from model_export.plots import DPI, STYLE

    folder.mkdir(parents=True, exist_ok=True)
    for name, (size, draw) in PLOTS.items():
        with mpl.rc_context(STYLE):
            figure = Figure(size, dpi=DPI, layout="constrained")
            FigureCanvasAgg(figure)
            draw(figure, found)
            figure.savefig(folder / name, metadata={"Software": None})
    return tuple(PLOTS)


def _false_alarms(figure: Figure, found: Evaluation) -> None:
    from model_export.plots import BLUE, GREEN, ORANGE, SKY, VERMILION

    axes = figure.subplots()
    lines = [[seed.without, *seed.desks] for seed in found.seeds]
    names = [alarms.desk for alarms in lines[0]]
    left = np.zeros(len(names))
    for cause, colour in zip(FALSE, (BLUE, SKY, ORANGE, GREEN, VERMILION), strict=True):
        counts = np.mean([[alarms.false_by_cause[cause.name] for alarms in seed] for seed in lines], axis=0)
        axes.barh(names, counts, left=left, color=colour, label=cause.value)
        left += counts
    axes.invert_yaxis()
    axes.set_xlabel("false alarms in the month, by what really lay behind them (mean of the seeds)")
    axes.grid(visible=False, axis="y")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)


def _confirmation(figure: Figure, found: Evaluation) -> None:
    from model_export.plots import BLUE, ORANGE

    axes = figure.subplots()
    groups = (
        ("with a last gasp", [s for seed in found.seeds for s in seed.confirmed_s_with_gasp], BLUE, "-"),
        ("without", [s for seed in found.seeds for s in seed.confirmed_s_without], ORANGE, "--"),
    )
    for label, seconds, colour, dashes in groups:
        if seconds:
            minutes = np.maximum(np.sort(seconds) / 60, SHORTEST_MIN)
            share = np.arange(len(minutes) + 1) / len(minutes)
            axes.step([SHORTEST_MIN, *minutes], share, where="post", color=colour, linestyle=dashes, label=label)
    axes.set(
        xscale="log", xlabel="minutes from the first signal to confirmation", ylabel="share of outages", ylim=(0, 1.02)
    )
    axes.legend(loc="lower right")


def _storm(figure: Figure, found: Evaluation) -> None:
    from model_export.plots import BLUE

    axes = figure.subplots()
    axes.plot(np.array(found.storm.anomalies) / 1000, found.storm.seconds, color=BLUE, marker="o", markersize=3)
    axes.set(xlabel="anomalies of a storm, thousands", ylabel="seconds on one core", ylim=(0, None), xlim=(0, None))


PLOTS: dict[str, tuple[tuple[float, float], Callable[[Figure, Evaluation], None]]] = {
    "incidents-false-alarms.png": ((7.6, 3.3), _false_alarms),
    "incidents-confirmation.png": ((4.2, 3.1), _confirmation),
    "incidents-storm.png": ((4.2, 3.1), _storm),
}
