"""The report's charts as inline SVG.

Colours come from the page's style sheet by class name, so one drawing serves light, dark and print. Every chart carries
a title that says in words what it shows. Text from outside is escaped by the XML writer.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from collections.abc import Sequence

    from functions.domain.risk import MeterRisk

LEVELS = ("High", "Medium", "Low")
TOP_FEEDERS = 12
RISK_STEP = 5
RISK_MAX = 100
DAY_S = 86_400

# Sizes are in SVG user units; a chart is shown between 0.8 and 1.2 pixels a unit, which keeps 12-unit text readable.
_WIDTH = 480
_HISTOGRAM_HEIGHT = 264
_FEEDER_ROW = 21
_FEEDER_LABEL_CHARS = 18
_LABEL_CHAR_WIDTH = 7.2  # of 12-unit text in the widest of the system fonts
_STRIP_WIDTH, _STRIP_HEIGHT = 120, 26
_STRIP_BARS_MAX = 60  # more bars than this blur: a bar is then the worst of several days
_STRIP_CEILING_MIN = 4.0  # a score of 4 fills a strip only if no meter scored more

_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def printable(text: str) -> str:
    """Replace characters that neither XML nor UTF-8 can carry (control characters, lone surrogates)."""
    return _NOT_XML.sub("\ufffd", text)


def day_text(timestamp_s: int) -> str:
    """Return the UTC date in words, whatever the process's locale: `3 March 2026`."""
    day = datetime.fromtimestamp(timestamp_s, tz=UTC)
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def level_class(level: str) -> str:
    """Return the style class of a level; a level this page does not know is drawn in neutral grey."""
    return level.lower() if level in LEVELS else "other"


def risk_histogram(ranked: Sequence[MeterRisk]) -> str:
    """Draw how many listed meters have which risk, in steps of 5, stacked by level."""
    bins = RISK_MAX // RISK_STEP
    counts: list[Counter[str]] = [Counter() for _ in range(bins)]
    for meter in ranked:
        counts[min(max(meter.risk, 0) // RISK_STEP, bins - 1)][level_class(meter.level)] += 1
    top = max((bin_.total() for bin_ in counts), default=0)
    step = _tick_step(top)
    ceiling = step * max(1, math.ceil(top / step))
    svg = _chart(_HISTOGRAM_HEIGHT, f"Risk of the {_meters(len(ranked))} on the list, in steps of {RISK_STEP}")
    left, right, head, foot = 34, _WIDTH - 14, 24, _HISTOGRAM_HEIGHT - 38
    scale = (foot - head) / ceiling
    _text(svg, 0, 10, "meters")
    for tick in range(0, ceiling + 1, step):
        y = foot - tick * scale
        _add(svg, "line", x1=left, x2=right, y1=y, y2=y, **{"class": "axis" if tick == 0 else "grid"})
        _text(svg, left - 8, y + 4, f"{tick:,}", anchor="end")
    width = (right - left) / bins
    for index, bin_ in enumerate(counts):
        low = index * RISK_STEP
        high = RISK_MAX if index == bins - 1 else low + RISK_STEP - 1
        group = _add(svg, "g")
        _add(group, "title").text = f"Risk {low} to {high}: {_meters(bin_.total())}{_by_level(bin_)}"
        y = float(foot)
        for name in ("high", "medium", "low", "other"):
            if bin_[name]:
                y -= bin_[name] * scale
                box = {"x": left + index * width + 1.5, "y": y, "width": width - 3, "height": bin_[name] * scale}
                _add(group, "rect", **box, **{"class": name})
    for tick in range(0, RISK_MAX + 1, 20):
        _text(svg, left + (right - left) * tick / RISK_MAX, foot + 17, str(tick), anchor="middle")
    _text(svg, (left + right) / 2, foot + 35, "risk", anchor="middle")
    return ET.tostring(svg, encoding="unicode")


def feeder_bars(ranked: Sequence[MeterRisk]) -> str:
    """Draw the twelve feeders with most meters on the list, stacked by level."""
    feeders: dict[str, Counter[str]] = {}
    for meter in ranked:
        feeders.setdefault(meter.feeder_id, Counter())[level_class(meter.level)] += 1
    shown = sorted(feeders.items(), key=lambda item: (-item[1].total(), item[0]))[:TOP_FEEDERS]
    name = f"Meters on the list by feeder: {len(shown)} of {len(feeders)} feeders, most meters first"
    svg = _chart(max(1, len(shown)) * _FEEDER_ROW + 4, name)
    left = 14 + _LABEL_CHAR_WIDTH * max((len(_shortened(feeder_id)) for feeder_id, _ in shown), default=0)
    right = _WIDTH - 44
    top = max((bar.total() for _, bar in shown), default=1)
    for row, (feeder_id, bar) in enumerate(shown):
        y = row * _FEEDER_ROW + 4
        group = _add(svg, "g")
        _add(group, "title").text = printable(f"{feeder_id}: {_meters(bar.total())}{_by_level(bar)}")
        _text(group, left - 10, y + 12, _shortened(feeder_id), anchor="end", name="label")
        x = left
        for level in ("high", "medium", "low", "other"):
            if bar[level]:
                width = bar[level] * (right - left) / top
                _add(group, "rect", x=x, y=y, width=max(width - 1, 0.5), height=_FEEDER_ROW - 6, **{"class": level})
                x += width
        _text(group, x + 7, y + 12, f"{bar.total():,}")
    return ET.tostring(svg, encoding="unicode")


def strip_ceiling(ranked: Sequence[MeterRisk]) -> float:
    """Return the score that fills a daily strip: one scale for all meters, so that strips compare."""
    scores = (score for meter in ranked for score in meter.daily_worst if math.isfinite(score))
    return max(_STRIP_CEILING_MIN, max(scores, default=0.0))


def daily_strip(daily_worst: Sequence[float], period_start: int, ceiling: float) -> str:
    """Draw one meter's worst score of each day as small bars, oldest first; a quiet day has none."""
    scores = [0.0 if math.isnan(score) else min(max(score, 0.0), ceiling) for score in daily_worst]
    if not scores:
        return ""
    days = sum(score > 0 for score in scores)
    title = f"Anomalous on {days} of {len(scores)} days"
    if days:
        worst = max(range(len(scores)), key=lambda day: scores[day])
        title += f"; worst {scores[worst]:.1f} on {day_text(period_start + worst * DAY_S)}"
    stride = math.ceil(len(scores) / _STRIP_BARS_MAX)
    bars = [max(scores[day : day + stride]) for day in range(0, len(scores), stride)]
    pitch = _STRIP_WIDTH / len(bars)
    width = min(pitch - 1, 8.0)
    foot = _STRIP_HEIGHT - 1
    path = ""
    for index, score in enumerate(bars):
        if score > 0:
            height = max(2.0, score / ceiling * (foot - 1))
            path += f"M{_number(index * pitch + (pitch - width) / 2)} {foot}v-{_number(height)}h{_number(width)}"
            path += f"v{_number(height)}z"
    svg = _drawing(_STRIP_WIDTH, _STRIP_HEIGHT, "strip", title)
    _add(svg, "path", d=f"M0 {foot + 0.5}H{_STRIP_WIDTH}", **{"class": "axis"})
    if path:
        _add(svg, "path", d=path, **{"class": "bars"})
    return ET.tostring(svg, encoding="unicode")


def _chart(height: float, title: str) -> ET.Element:
    return _drawing(_WIDTH, height, "chart", title)


def _drawing(width: float, height: float, name: str, title: str) -> ET.Element:
    svg = ET.Element("svg", {"class": name, "viewBox": f"0 0 {_number(width)} {_number(height)}", "role": "img"})
    svg.set("aria-label", title)
    _add(svg, "title").text = title
    return svg


def _add(parent: ET.Element, tag: str, **attributes: float | str) -> ET.Element:
    written = {key: value if isinstance(value, str) else _number(value) for key, value in attributes.items()}
    return ET.SubElement(parent, tag, written)


def _text(parent: ET.Element, x: float, y: float, text: str, *, anchor: str = "start", name: str = "tick") -> None:
    _add(parent, "text", x=x, y=y, **{"text-anchor": anchor, "class": name}).text = printable(text)


def _number(value: float) -> str:
    return f"{round(value, 2):g}"


def _meters(count: int) -> str:
    return "1 meter" if count == 1 else f"{count:,} meters"


def _by_level(bar: Counter[str]) -> str:
    parts = [f"{bar[level.lower()]:,} {level}" for level in LEVELS if bar[level.lower()]]
    return f" ({', '.join(parts)})" if parts else ""


def _shortened(label: str) -> str:
    return label if len(label) <= _FEEDER_LABEL_CHARS else f"{label[: _FEEDER_LABEL_CHARS - 1]}…"


def _tick_step(top: int) -> int:
    """Return the smallest of 1, 2, 5, 10, 20, 50… that needs at most four steps."""
    step = 1
    for factor in (2, 2.5, 2) * 9:
        if step * 4 >= top:
            break
        step = round(step * factor)
    return step
