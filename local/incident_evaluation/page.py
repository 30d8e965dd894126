"""The page of the evaluation: tables between markers; what stands around them is written by hand."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np

from functions.domain.errors import InputError
from local.incident_evaluation.figures import Alarms, Evaluation, SeedFigures
from local.incident_evaluation.judging import FALSE, FAULTS
from local.incident_evaluation.plots import draw_plots

BEGIN, END = "<!-- evaluate-incidents:begin -->", "<!-- evaluate-incidents:end -->"
TOLERANCE = 0.10
"""Customers out at confirmation may be off by this share."""


def write_page(found: Evaluation, page: Path) -> None:
    """Put the tables between the markers of `page` and the plots into `images` beside it; the rest stays.

    Raises `InputError` when the page has no markers.
    """
    before, after = parts_of(page)
    images = page.parent / "images"
    names = draw_plots(found, images)
    shown = Path(os.path.relpath(images, page.parent)).as_posix()
    plots = "\n".join(f"![{name.removesuffix('.png').replace('-', ' ')}]({shown}/{name})" for name in names)
    page.write_text(f"{before}{BEGIN}\n{tables(found)}\n{plots}\n{END}{after}", encoding="utf-8")


def parts_of(page: Path) -> tuple[str, str]:
    """What stands before and after the tables of a page. Raises `InputError` when it has no markers."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(BEGIN) if page.exists() else ("", "", "")
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f"{page} has no line {BEGIN} followed by a line {END}; put them where the tables belong")
    return before, after


def tables(found: Evaluation) -> str:
    """Every table, as Markdown."""
    seeds = found.seeds
    title = (
        f"Measured {found.date} on {found.machine}: {seeds[0].meters:,} meters, {seeds[0].days} days, "
        f"{sum(each.readings for each in seeds):,} readings in {len(seeds)} seeds. Cells are the mean over the seeds, "
        "with the lowest and highest in brackets.\n"
    )
    return "\n".join((title, _summary(found), _alarms(seeds), _placing(seeds), _month(seeds), _storm(found)))


def _summary(found: Evaluation) -> str:
    seeds = found.seeds

    def share(pick: Callable[[SeedFigures], float]) -> str:
        return spread([pick(each) for each in seeds], lambda value: f"{value:.1%}")

    def minutes(pick: Callable[[SeedFigures], Sequence[float]]) -> str:
        waits = [float(np.median(pick(each))) / 60 for each in seeds if pick(each)]
        outages = sum(len(pick(each)) for each in seeds)
        return f"{spread(waits, lambda value: f'{value:.1f} min')}, {outages} outages"

    rows = (
        ("false alarms fewer with context", share(fewer_false), "≥ 85 %"),
        ("the same without silent collectors", share(fewer_without_collectors), ""),
        ("true unannounced outages raised, of those that showed", share(still_raised), "≥ 98 %"),
        ("sustained outages placed on the right device", share(placed), "≥ 90 %"),
        ("customers out at confirmation over the truth, median", spread(
            [float(np.median(each.customers_ratio)) for each in seeds if each.customers_ratio], "{:.2f}".format),
         "0.90–1.10"),
        ("outages with that within ±10 %", share(within_tolerance), ""),
        ("incidents that an outage below one feeder falls into", spread(
            [float(np.mean(each.pieces)) for each in seeds if each.pieces], "{:.2f}".format), "1"),
        ("first signal to confirmed, median, with last gasps", minutes(lambda each: each.confirmed_s_with_gasp),
         "≤ 1 min"),
        ("the same without last gasps", minutes(lambda each: each.confirmed_s_without), "≤ 1 interval + grace"),
        ("messages for each customer who got any", spread(
            [each.messages.sent / max(each.messages.customers, 1) for each in seeds], "{:.2f}".format), ""),
        ("outage messages that repeat what was said", _whole(seeds, lambda each: each.messages.twice), "0"),
        ("outage messages to customers without a sustained outage",
         _whole(seeds, lambda each: each.messages.without_outage), "≤ 7"),
        ("customers in unannounced outages who were never told",
         share(lambda each: each.messages.untold / max(each.messages.to_tell, 1)), "≤ 5 %"),
    )  # fmt: skip
    return table(("what", "measured", "wanted"), rows)


def fewer_false(seed: SeedFigures) -> float:
    """Share of the false alarms that all of the context takes away."""
    return 1 - seed.desks[-1].false / max(seed.without.false, 1)


def fewer_without_collectors(seed: SeedFigures) -> float:
    """The same if the silence of a collector is not counted as false."""
    with_, without = (each.false - each.false_by_cause["collector"] for each in (seed.desks[-1], seed.without))
    return 1 - with_ / max(without, 1)


def still_raised(seed: SeedFigures) -> float:
    """Share of the unannounced outages that showed at all which still reach the operator."""
    return seed.desks[-1].outages_found / max(seed.without.outages_found, 1)


def placed(seed: SeedFigures) -> float:
    """Share of the outages found that were placed on their device."""
    return sum(each.placed for each in seed.placing) / max(sum(each.found for each in seed.placing), 1)


def within_tolerance(seed: SeedFigures) -> float:
    """Share of the outages whose customers were counted right."""
    ratios = np.array(seed.customers_ratio)
    return float((np.abs(ratios - 1) <= TOLERANCE).mean()) if len(ratios) else 0.0


def _alarms(seeds: Sequence[SeedFigures]) -> str:
    def line(pick: Callable[[SeedFigures], Alarms]) -> tuple[str, ...]:
        these = [pick(each) for each in seeds]
        by_cause = (spread([each.false_by_cause[cause.name] for each in these], "{:,.0f}".format) for cause in FALSE)
        faults = (
            share([each.faults_found[sort] for each in these], [each.without.faults_found[sort] for each in seeds])
            for sort in FAULTS
        )
        found = share([each.outages_found for each in these], [each.without.outages_found for each in seeds])
        numbers = (spread([each.raised for each in these], "{:,.0f}".format),
                   spread([each.false for each in these], "{:,.0f}".format))  # fmt: skip
        return these[0].desk, *numbers, *by_cause, *faults, found

    def share(these: Sequence[int], of_those: Sequence[int]) -> str:
        return spread([each / max(of, 1) for each, of in zip(these, of_those, strict=True)], "{:.1%}".format)

    head = ("context", "alarms", "of them false", *(cause.value for cause in FALSE),
            *(f"{sort} faults raised" for sort in FAULTS), "outages raised")  # fmt: skip
    desks = (line(lambda each, nth=nth: each.desks[nth]) for nth in range(len(seeds[0].desks)))  # type: ignore[misc]
    return table(head, (line(lambda each: each.without), *desks))


def _placing(seeds: Sequence[SeedFigures]) -> str:
    totals: dict[str, list[int]] = {}
    for seed in seeds:
        for line in seed.placing:
            sums = totals.setdefault(line.device_kind, [0, 0, 0])
            for nth, count in enumerate((line.outages, line.found, line.placed)):
                sums[nth] += count
    rows = [(kind, *map("{:,}".format, sums), f"{sums[2] / max(sums[1], 1):.1%}") for kind, sums in totals.items()]
    return table(("outages of a", "all", "found", "placed right", "of those found"), rows)


def _month(seeds: Sequence[SeedFigures]) -> str:
    kinds = sorted({kind for seed in seeds for kind in seed.truths})
    rows = [(kind, spread([seed.truths.get(kind, 0) for seed in seeds], "{:,.0f}".format)) for kind in kinds]
    return table(("what went wrong in the month", "how often"), rows)


def _storm(found: Evaluation) -> str:
    storm = found.storm
    rows = [
        (f"{count:,}", f"{seconds:.2f} s", f"{1e6 * seconds / count:.0f} µs", f"{incidents:,}")
        for count, seconds, incidents in zip(storm.anomalies, storm.seconds, storm.incidents, strict=True)
    ]
    return table(("anomalies of a storm", "correlated in", "each", "incidents"), rows)


def _whole(seeds: Sequence[SeedFigures], pick: Callable[[SeedFigures], int]) -> str:
    return spread([pick(each) for each in seeds], "{:,.0f}".format)


def spread(values: Sequence[float], show: Callable[[float], str]) -> str:
    """Mean, and the range in brackets where the values differ."""
    if not values:
        return "–"
    mean, low, high = show(float(np.mean(values))), show(min(values)), show(max(values))
    return mean if low == high else f"{mean} ({low}–{high})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"
