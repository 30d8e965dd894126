"""What became of messages, for whoever watches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

LATE_S = 5 * 60
"""Who hears of an outage later than this hears late; operators are alerted when too many do."""


@dataclass
class MessageReport:
    """Some messages, or what waits at a moment."""

    outcomes: Counter[str] = field(default_factory=Counter)
    """Messages by the state they came to."""
    accepted_s: list[int] = field(default_factory=list)
    """Seconds from the reading's arrival at the utility to the provider's acceptance, of each message it took."""
    waiting: int | None = None
    """Messages whose time has come and that are still held back: the backlog. None when nobody looked."""
    unknown: int | None = None
    """Messages of which nobody has known for a quarter of an hour whether they went out."""


def p50_p95(seconds: Sequence[int]) -> tuple[int, int] | None:
    """Median and 95th percentile of times, the next time that occurs; None of none.

    >>> p50_p95([60] * 90 + [300] * 10)
    (60, 300)
    """
    if not seconds:
        return None
    middle, high = np.percentile(seconds, (50, 95), method="higher")
    return int(middle), int(high)
