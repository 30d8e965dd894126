"""How often a meter reads, told from the spacing of its readings."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

WIRE_INTERVAL_S = 900
"""What an event that names no interval means."""

USUAL_INTERVALS_S = (60, 300, 600, 900, 1800, 3600)
SNAP = 0.1
"""Clocks drift: a spacing within this share of a usual interval is that interval."""

LONGEST_INTERVAL_S = 86_400
"""A longer spacing is a gap, not an interval."""


def snapped(spacing_s: float) -> int:
    """The interval a spacing stands for.

    >>> snapped(61), snapped(120), snapped(3590)
    (60, 120, 3600)
    """
    nearest = min(USUAL_INTERVALS_S, key=lambda usual: abs(usual - spacing_s))
    return nearest if abs(nearest - spacing_s) <= SNAP * nearest else round(spacing_s)


def most_common(intervals_s: Iterable[int]) -> int:
    """The interval of most meters (the shortest of equals): a meter with one reading is taken to be like the others."""
    counts = Counter(intervals_s)
    return min(counts, key=lambda interval: (-counts[interval], interval), default=WIRE_INTERVAL_S)
