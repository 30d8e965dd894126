"""Interruptions: what an event cost the customers it touched, from each one's own loss and return of supply.

A customer is a metered service point, as IEEE Std 1366-2012 defines it: two meters of one household are two customers.
Counting everyone's own minutes is what makes restoration in steps right: nobody is charged with the longest outage.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

MOMENTARY_S = 5 * 60
"""An interruption of up to five minutes is momentary, a longer one is sustained (IEEE Std 1366-2012, clause 2)."""


class Interrupted(msgspec.Struct, frozen=True, kw_only=True):
    """What one event cost, over all its customers; a customer interrupted twice counts twice."""

    sustained: int = 0
    """Customer interruptions of more than five minutes."""
    customer_seconds: int = 0
    """Their duration."""
    momentary: int = 0
    """Customer interruptions of at most five minutes."""
    momentary_events: int = 0
    """The same, where those within five minutes of the first are one, and those that led to a sustained one none."""


def interrupted(customers: Sequence[str], start: NDArray[np.int64], end: NDArray[np.int64]) -> Interrupted:
    """Sum up losses of supply: customer, `start` and `end` (`[n]`, seconds since the epoch) of each.

    Losses of one customer that touch or overlap are one: darkness and the silence after it are the same interruption.

    >>> interrupted(["A", "B"], np.array([0, 0]), np.array([3_600, 120]))
    Interrupted(sustained=1, customer_seconds=3600, momentary=1, momentary_events=1)
    """
    if not len(start):
        return Interrupted()
    who, start, end = _merged(customers, start, end)
    duration = end - start
    long = duration > MOMENTARY_S
    return Interrupted(
        sustained=int(long.sum()),
        customer_seconds=int(duration[long].sum()),
        momentary=int((~long).sum()),
        momentary_events=_momentary_events(who, start, long),
    )


def _merged(
    customers: Sequence[str], start: NDArray[np.int64], end: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Customer number, start and end of what is left when losses that touch are joined, by customer and start."""
    _, who = np.unique(np.asarray(customers, dtype=np.str_), return_inverse=True)
    order = np.lexsort((end, start, who))
    who, start, end = who[order].astype(np.int64), start[order], np.maximum(end, start)[order]
    # Customers are set apart on one time axis, so that a running maximum never reaches from one to the next.
    first = int(start.min())
    apart = who * (int(end.max()) - first + 2)
    reach = np.maximum.accumulate(end - first + apart)
    begins = np.concatenate(([True], (start - first + apart)[1:] > reach[:-1]))
    last = np.concatenate((np.flatnonzero(begins)[1:] - 1, [len(start) - 1]))
    return who[begins], start[begins], reach[last] - apart[last] + first


def _momentary_events(who: NDArray[np.int64], start: NDArray[np.int64], long: NDArray[np.bool_]) -> int:
    events, customer, began = 0, -1, 0
    for each, moment, sustained in zip(who.tolist(), start.tolist(), long.tolist(), strict=True):
        within = each == customer and moment - began <= MOMENTARY_S
        if sustained:
            events -= within
            customer = -1
        elif not within:
            events, customer, began = events + 1, each, moment
    return events
