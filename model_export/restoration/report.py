"""The tables of an evaluation of restoration times, as Markdown, and their place in the page."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from functions.domain.errors import InputError
from functions.domain.restoration import QUANTILES
from model_export.markdown import table
from model_export.restoration.evaluation import SAMPLED
from model_export.restoration.measures import EVERY
from model_export.restoration.plots import draw_plots, whole

if TYPE_CHECKING:
    from model_export.restoration.results import Found, Measured

BEGIN, END = "<!-- evaluate-restoration:begin -->", "<!-- evaluate-restoration:end -->"
TEMPLATE = Path(__file__).with_name("page.md")


def write_page(found: Found, page: Path, images: Path) -> None:
    """Put the tables between the markers of `page`, and the plots into `images`; a page that is not there is made.

    Raises
    ------
    InputError
        The page has no markers, or not in their order.
    """
    text = (page if page.exists() else TEMPLATE).read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise InputError(f"{page} has no line {BEGIN} followed by a line {END}; put them where the tables belong")
    page.parent.mkdir(parents=True, exist_ok=True)
    draw_plots(found, images)
    section = fragment(found, Path(os.path.relpath(images, page.parent)).as_posix())
    page.write_text(f"{before}{BEGIN}\n{section}{END}{after}", encoding="utf-8")


def fragment(found: Found, images: str) -> str:
    """All tables and plots; `images` is where the page finds the plots."""
    parts = [
        _origin(found),
        "### Against the best constant",
        _gains(found),
        f"![Reliability]({images}/restoration-reliability.png) ![Error]({images}/restoration-error.png)",
        "### Error of the median",
        _errors(found),
        "The utility's mean after some hours is that of a few revised estimates with a wrong month or year.",
        "### Planned and unplanned, and by year",
        _groups(found),
        "### What customers would have been told",
        _kept(found),
        f"![Example]({images}/restoration-example.png)",
    ]
    if found.robust:
        parts += ["### With less known", f"Every {SAMPLED}th outage after the split.", _robust(found)]
    return "\n\n".join(parts) + "\n"


def _origin(found: Found) -> str:
    origin = found.origin
    return (
        f"Made by `{origin.command}` on {origin.date}; {origin.cpu}, {origin.cores} cores, Python {origin.python}. "
        f"Records: {found.source}. Model: {found.model} ({found.trained_outages:,} outages)."
    )


def _gains(found: Found) -> str:
    head = (
        *("elapsed", "outages", "pinball loss, h", "below the constant", "the same, not calibrated"),
        *("10 to 90 % covers", *(f"over by {quantile:.0%}" for quantile in QUANTILES)),
    )
    rows = [
        (
            _age(each),
            f"{each.outages:,}",
            f"{each.pinball:.3f}",
            f"{each.gain:.1%}",
            f"{plain.gain:.1%}",
            f"{each.coverage:.1%}",
            *(f"{share:.1%}" for share in each.over),
        )
        for each, plain in zip(whole(found.measured), whole(found.plain), strict=True)
    ]
    return table(head, rows)


def _errors(found: Found) -> str:
    head = (
        *("elapsed", "mean, h", "median, h", "within 1 h", "constant: mean, h"),
        *("utility: mean, h", "utility: median, h", "utility: within 1 h", "below the utility's mean"),
    )
    rows = [
        (
            _age(each),
            f"{each.mean_error_h:.2f}",
            f"{each.median_error_h:.2f}",
            f"{each.within_hour:.0%}",
            f"{each.constant_error_h:.2f}",
            f"{each.utility_error_h:.2f}",
            f"{each.utility_median_error_h:.2f}",
            f"{each.utility_within_hour:.0%}",
            f"{1 - each.mean_error_h / each.utility_error_h:.1%}" if each.utility_error_h else "–",
        )
        for each in whole(found.measured)
    ]
    return table(head, rows)


def _groups(found: Found) -> str:
    parts = [each for each in found.measured if (each.group, each.span) != (EVERY, EVERY)]
    rows = [
        (
            each.group if each.span == EVERY else each.span,
            _age(each),
            f"{each.outages:,}",
            f"{each.gain:.1%}",
            f"{each.coverage:.1%}",
            f"{each.mean_error_h:.2f}",
            f"{each.utility_error_h:.2f}",
        )
        for each in sorted(parts, key=lambda each: (each.span != EVERY, each.span, each.group))
    ]
    head = ("outages", "elapsed", "number", "below the constant", "10 to 90 % covers", "mean, h", "utility: mean, h")
    return table(head, rows)


def _kept(found: Found) -> str:
    kept = found.kept
    return (
        f"Of {kept.outages:,} outages, {kept.first_kept:.1%} were over by the first moment promised (the utility's own "
        f"first estimate: {kept.utility_kept:.1%}) and {kept.last_kept:.1%} by the last one promised while the power "
        f"was off. The first promise lies {kept.median_ahead_h:.1f} h ahead (median); it is changed "
        f"{kept.changes:.2f} times an outage when it is looked at after 1, 2, 4, 8, 16 and 32 hours."
    )


def _robust(found: Found) -> str:
    rows = [
        (
            name,
            *(f"{each.gain:.1%}" for each in whole(measured)),
            *(f"{each.coverage:.0%}" for each in whole(measured)),
            f"{whole(measured)[0].mean_error_h:.2f}",
        )
        for name, measured in found.robust
    ]
    ages = [_age(each) for each in whole(found.measured)]
    head = (
        "known of the outages measured",
        *(f"below the constant, {age}" for age in ages),
        *(f"covers, {age}" for age in ages),
        "mean error at first sight, h",
    )
    return table(head, rows)


def _age(each: Measured) -> str:
    return f"{each.elapsed_h} h" if each.elapsed_h else "first sight"
