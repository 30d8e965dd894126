"""Isolation: one item that cannot be handled must not take its batch down."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from functions.domain.errors import TransientFault

Item = TypeVar("Item")


async def isolate(
    items: Sequence[Item],
    handle: Callable[[Sequence[Item]], Awaitable[None]],
    bury: Callable[[Item, Exception], Awaitable[None]],
) -> None:
    """Handle all items; trace a fault to the item that causes it, by halving, and bury that one alone.

    Handling must be safe to repeat. A `TransientFault` is raised: the whole batch should be delivered again.
    """
    if not items:
        return
    try:
        await handle(items)
    except TransientFault:
        raise
    except Exception as fault:  # noqa: BLE001  # whatever it is, it must not take the others down
        if len(items) == 1:
            await bury(items[0], fault)
            return
        middle = len(items) // 2
        await isolate(items[:middle], handle, bury)
        await isolate(items[middle:], handle, bury)
