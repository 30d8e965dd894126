"""What the utility's work management says, and when: an order is known from its issue on, and may be issued anew."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from functions.domain.work_orders import WorkOrder


class IssuedOrder(NamedTuple):
    """One message about an order; the latest one of an id holds."""

    at: int
    """Seconds since the epoch."""
    order: WorkOrder


class Announcement(NamedTuple):
    """An outage that an order explains, from when anybody can know of it until when it was to last; epoch s."""

    known_at: int
    until: int


def latest_orders(issued: Iterable[IssuedOrder]) -> tuple[WorkOrder, ...]:
    """Every order as its last message has it, by start."""
    last = {each.order.work_order_id: each.order for each in sorted(issued, key=lambda each: each.at)}
    return tuple(sorted(last.values(), key=lambda order: (order.start, order.work_order_id)))
