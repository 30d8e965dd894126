"""The plots of an evaluation: small PNG files in one style, in colours that colour-blind people tell apart.

Colours are those of Okabe and Ito (Color Universal Design, 2008); lines differ in their dashes too. Lines are means
over the seeds; shaded is what lies between the lowest and the highest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from model_export import rivals
from model_export.metrics import GROUPS_OF_KINDS
from model_export.results import RECALLS, spread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from model_export.results import Evaluation

BLACK, ORANGE, SKY, GREEN, YELLOW, BLUE, VERMILION, PURPLE = (
    *("#000000", "#E69F00", "#56B4E9", "#009E73"),
    *("#F0E442", "#0072B2", "#D55E00", "#CC79A7"),
)
CURVES = {
    rivals.PRODUCT: (BLACK, "-"),
    rivals.MODEL: (BLUE, "-"),
    rivals.BOOSTED: (GREEN, "--"),
    rivals.HEALTH: (ORANGE, "-"),
    rivals.RULES: (SKY, "-."),
    rivals.SIX_VAE: (PURPLE, "--"),
    rivals.NOTEBOOK["VAE"]: (VERMILION, ":"),
    rivals.NOTEBOOK["isolation forest"]: (VERMILION, "-."),
}
"""The detectors that are drawn; all are in the table."""
STYLE = {
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.4,
    "legend.frameon": False,
}
DPI = 110
WIDE, SMALL = (7.6, 3.3), (4.2, 3.1)


def draw_plots(found: Evaluation, folder: Path) -> tuple[str, ...]:
    """Write every plot to `folder`; returns the names of the files. The same results give the same bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (size, draw) in PLOTS.items():
        with mpl.rc_context(STYLE):
            figure = Figure(size, dpi=DPI, layout="constrained")
            FigureCanvasAgg(figure)
            draw(figure, found)
            figure.savefig(folder / name, metadata={"Software": None})
    return tuple(PLOTS)


def _precision_recall(figure: Figure, found: Evaluation) -> None:
    panels = figure.subplots(1, len(GROUPS_OF_KINDS), sharey=True)
    for panel, group in zip(panels, GROUPS_OF_KINDS, strict=True):
        for name, (colour, dashes) in CURVES.items():
            runs = [
                each.precision[group]
                for seed in found.seeds
                for each in seed.detectors
                if each.name == name and each.precision[group]
            ]
            if runs:
                panel.plot(RECALLS, np.mean(runs, axis=0), color=colour, linestyle=dashes, label=name)
        panel.set(title=f"{group} faults" if group == "all" else group, xlabel="recall", xlim=(0, 1), ylim=(0, 1.02))
    panels[0].set_ylabel("precision at 2 % prevalence")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)


def _recall(figure: Figure, found: Evaluation) -> None:
    axes = figure.subplots()
    names = [kind.result.kind for kind in found.seeds[0].kinds]
    place = np.arange(len(names))
    bars = (("model alone", "recall_by_model", SKY, -0.2), ("model and rules", "recall", BLUE, 0.2))
    for label, field, colour, offset in bars:
        spreads = [spread([getattr(seed.kinds[nth], field) for seed in found.seeds]) for nth in range(len(names))]
        shown = [(each.mean, each.mean - each.low, each.high - each.mean) if each else (0, 0, 0) for each in spreads]
        mean, below, above = zip(*shown, strict=True)
        error = {"linewidth": 0.8, "ecolor": "#444444"}
        axes.bar(place + offset, mean, 0.4, yerr=np.abs((below, above)), color=colour, label=label, error_kw=error)
    axes.set_xticks(place, [name.replace("_", " ") for name in names], rotation=35, ha="right")
    axes.set(
        ylabel=f"share of faulty hours flagged\nat {found.seeds[0].alerting.budget:g} false alerts", ylim=(0, 1.02)
    )
    axes.grid(visible=False, axis="x")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)


def _calibration(figure: Figure, found: Evaluation) -> None:
    axes = figure.subplots()
    points = [[share.observed for share in seed.alerting.calibration] for seed in found.seeds]
    nominal = [share.nominal for share in found.seeds[0].alerting.calibration]
    _against_diagonal(axes, nominal, points, "observed")
    axes.set(xlabel="promised share of healthy windows above a score", ylabel="observed share")


def _budget(figure: Figure, found: Evaluation) -> None:
    axes = figure.subplots()
    points = [[point.observed for point in seed.alerting.sweep] for seed in found.seeds]
    budgets = [point.budget for point in found.seeds[0].alerting.sweep]
    _against_diagonal(axes, budgets, points, "observed")
    axes.set(xlabel="budget: false alerts per 1,000 meters a day", ylabel="false alerts observed")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")


def _against_diagonal(axes: Axes, promised: Sequence[float], observed: Sequence[Sequence[float]], label: str) -> None:
    """What was observed (a row a seed) of what was promised, both logarithmic; zeros are not drawn."""
    values = np.array(observed, float)
    values[values == 0] = np.nan
    seen = ~np.isnan(values).any(axis=0)
    x, values = np.array(promised)[seen], values[:, seen]
    axes.loglog(promised, promised, color="#888888", linestyle="--", linewidth=1, label="as promised")
    if len(x):
        axes.fill_between(x, values.min(axis=0), values.max(axis=0), color=SKY, alpha=0.4, linewidth=0)
        axes.loglog(x, values.mean(axis=0), color=BLUE, marker="o", markersize=2.5, label=label)
    axes.legend(loc="upper left")


PLOTS: dict[str, tuple[tuple[float, float], Callable[[Figure, Evaluation], None]]] = {
    "precision-recall.png": (WIDE, _precision_recall),
    "recall-by-kind.png": (WIDE, _recall),
    "calibration.png": (SMALL, _calibration),
    "alert-budget.png": (SMALL, _budget),
}
