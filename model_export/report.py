"""The tables of an evaluation, as Markdown, and their place in a page of the docs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from functions.domain.errors import InputError
from model_export.markdown import NONE, cell, mean, percent, scientific, table, words
from model_export.metrics import GROUPS_OF_KINDS
from model_export.plots import draw_plots
from model_export.results import spread
from model_export.rivals import BOOSTED, HEAD, HEALTH, MODEL, NOTEBOOK, PRODUCT, RULES
from simulator import THEFT_KINDS, TRIAL_KINDS, VOLTAGE_KINDS
from simulator.trial_faults import SILENT_SHARE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from model_export.results import Evaluation, RealSeriesResult, SeedResult

BEGIN, END = "<!-- evaluate:begin -->", "<!-- evaluate:end -->"
FRAGMENT = "tables.md"
NEW_PAGE = f"# Detection\n\n{BEGIN}\n{END}\n"
SILENT = (
    f"Of the outages, {SILENT_SHARE:.0%} send nothing while they last, so that there is no window to raise. The "
    "product reports a meter as `no_reads` once it is overdue by 90 minutes; those alerts count as caught."
)
BY_KIND = (NOTEBOOK["isolation forest"], NOTEBOOK["VAE"], HEALTH, BOOSTED, HEAD, MODEL, RULES, PRODUCT)
"""Columns of the table by kind; `results.json` has the others."""


def write_fragment(found: Evaluation, folder: Path) -> None:
    """Write the tables as they will stand in a page beside the folder's plots."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FRAGMENT).write_text(fragment(found, "."), encoding="utf-8")


def write_docs(found: Evaluation, page: Path, images: Path) -> None:
    """Put the tables between the markers of `page`, and the plots into `images`; the rest of the page stays.

    A page that does not exist is made, with a title and the markers.

    Raises
    ------
    InputError
        The page has no markers, or not in their order.
    """
    text = page.read_text(encoding="utf-8") if page.exists() else NEW_PAGE
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f"{page} has no line {BEGIN} followed by a line {END}; put them where the tables belong")
    page.parent.mkdir(parents=True, exist_ok=True)
    draw_plots(found, images)
    tables = fragment(found, Path(os.path.relpath(images, page.parent)).as_posix())
    page.write_text(f"{before}{BEGIN}\n{tables}{END}{after}", encoding="utf-8")


def fragment(found: Evaluation, images: str) -> str:
    """All tables and plots; `images` is where the page finds the plots."""
    parts = [_origin(found), *_ranking(found, images), *_operation(found, images)]
    if found.real_series:
        parts += ["### Real series", _real(found.real_series)]
    return "\n\n".join(parts) + "\n"


def _origin(found: Evaluation) -> str:
    origin, seeds = found.origin, found.seeds
    each = seeds[0]
    return (
        f"Made by `{origin.command}` on {origin.date}; {origin.cpu}, {origin.cores} cores, Python {origin.python}. "
        f"{len(seeds)} training{'s' if len(seeds) > 1 else ''} (seed {', '.join(str(seed.seed) for seed in seeds)}), "
        f"measured on {each.measured_meters:,} meters that were not trained on, in another season "
        f"({each.measured_windows:,} windows)."
        + (
            " A figure is the mean over the trainings, in brackets the lowest and the highest."
            if len(seeds) > 1
            else ""
        )
    )


def _ranking(found: Evaluation, images: str) -> list[str]:
    names = [each.name for each in found.seeds[0].detectors]
    rows = [(name, *(cell(_precisions(found, name, group)) for group in GROUPS_OF_KINDS)) for name in names]
    columns = [*BY_KIND, "kind left out"]
    kinds = [
        (words(kind), *(mean(_precisions(found, name, kind)) for name in BY_KIND), mean(_of_kind(found, kind)))
        for kind in TRIAL_KINDS
    ]
    kinds.append(("**mean**", *(mean([_over_kinds(found, name)]) for name in BY_KIND), mean(_left_out_means(found))))
    return [
        "### Average precision by meter-hour, at 2 % prevalence (chance: 0.020)",
        table(("detector", *GROUPS_OF_KINDS), rows),
        f"![Precision and recall]({images}/precision-recall.png)",
        "### Average precision by kind",
        table(("kind", *columns), kinds),
    ]


def _operation(found: Evaluation, images: str) -> list[str]:
    budget = found.seeds[0].alerting.budget
    groups = {"**voltage kinds**": VOLTAGE_KINDS, "**thefts**": THEFT_KINDS}
    rows = [_kind_row(found, words(kind), (kind,)) for kind in TRIAL_KINDS]
    rows += [_kind_row(found, name, kinds) for name, kinds in groups.items()]
    head = (
        "kind",
        "events",
        "caught",
        "by the model alone",
        "median delay, min",
        "hours flagged",
        "by the model alone",
    )
    return [
        f"### In operation, at a budget of {budget:g} false alerts per 1,000 meters a day",
        table(head, rows),
        SILENT,
        f"![Hours flagged by kind]({images}/recall-by-kind.png)",
        "### Meters with nothing wrong",
        _alerting(found),
        f"![Calibration]({images}/calibration.png) ![Alert budget]({images}/alert-budget.png)",
    ]


def _kind_row(found: Evaluation, name: str, kinds: Sequence[str]) -> tuple[str, ...]:
    """Events of all seeds together, and the shares of their hours by seed."""
    chosen = [kind for seed in found.seeds for kind in seed.kinds if kind.result.kind in kinds]
    events = sum(kind.result.events for kind in chosen)
    caught, alone = sum(kind.result.caught for kind in chosen), sum(kind.caught_by_model for kind in chosen)
    delays = [kind.result.median_delay_intervals for kind in chosen] if len(kinds) == 1 else []
    minutes = found.seeds[0].interval_min
    shares = (
        percent([_of_hours(seed, kinds, field) for seed in found.seeds]) for field in ("recall", "recall_by_model")
    )
    delay = spread(delays)
    return (
        name,
        f"{events:,}",
        *(f"{count / events:.0%}" if events else NONE for count in (caught, alone)),
        f"{delay.mean * minutes:,.0f}" if delay else NONE,
        *shares,
    )


def _of_hours(seed: SeedResult, kinds: Sequence[str], field: str) -> float | None:
    known = [(kind, getattr(kind, field)) for kind in seed.kinds if kind.result.kind in kinds]
    counted = [(kind.result.hours, share) for kind, share in known if share is not None]
    hours = sum(count for count, _ in counted)
    return sum(count * share for count, share in counted) / hours if hours else None


def _alerting(found: Evaluation) -> str:
    every = [seed.alerting for seed in found.seeds]
    days = sum(each.meter_days for each in every)
    rows = [
        (
            f"false alerts of the model per 1,000 meters a day (budget {every[0].budget:g}; {days:,} meter-days)",
            cell([each.false_alerts for each in every], 2),
        ),
        ("alerts of the rules per 1,000 meters a day", cell([each.rule_alerts for each in every], 2)),
    ]
    for title, field in (("healthy windows", "tails"), ("the same, without energy,", "voltage_only")):
        for nth, share in enumerate(getattr(every[0], field)):
            observed = [getattr(each, field)[nth].observed for each in every]
            rows.append((f"{title} above {share.score:g}: {share.nominal:.0e} promised", scientific(observed)))
    speeds = [float(seed.windows_per_second) for seed in found.seeds]
    rows.append(("windows a second through the graph, one thread, batches of 8,192", cell(speeds, 0)))
    return table(("", "found"), rows)


def _real(series: Iterable[RealSeriesResult]) -> str:
    head = ("file", "meter-days", "low-voltage episodes", "with a sag", "unusual", "95 % bound", "other anomalies")
    rows = []
    for each in series:
        if each.skipped:
            rows.append((each.file, *[NONE] * 5, f"not replayed: {each.skipped}"))
            continue
        asked = each.low_v is not None
        others = ", ".join(f"{count:,} {words(kind)}" for kind, count in sorted(each.other_kinds.items())) or "none"
        rows.append(
            (
                f"{each.about} (`{each.file}`)",
                f"{each.meter_days:,.0f}",
                f"{each.episodes:,} below {each.low_v:g} V" if asked else NONE,
                f"{each.episodes_covered:,}" if asked else NONE,
                f"{each.unusual:,} on {each.unusual_days:,} meter-days",
                f"{each.unusual_bound:,}",
                others,
            )
        )
    return table(head, rows)


def _precisions(found: Evaluation, name: str, group: str) -> list[float | None]:
    return [each.average_precision[group] for seed in found.seeds for each in seed.detectors if each.name == name]


def _of_kind(found: Evaluation, kind: str) -> list[float | None]:
    return [each.left_out for seed in found.seeds for each in seed.kinds if each.result.kind == kind]


def _over_kinds(found: Evaluation, name: str) -> float | None:
    means = [spread(_precisions(found, name, kind)) for kind in TRIAL_KINDS]
    over = spread([each.mean for each in means if each])
    return over.mean if over else None


def _left_out_means(found: Evaluation) -> list[float | None]:
    of_seeds = [spread([kind.left_out for kind in seed.kinds]) for seed in found.seeds]
    return [each.mean if each else None for each in of_seeds]
