"""Intake of work orders, from people and from the hub: located on the rosters, stored, and in force at once."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from functions.domain.documents import Document
from functions.domain.errors import InputError, RejectedDocument
from functions.domain.work_order_fields import notice_of
from functions.domain.work_orders import AssetKind, OrderNotice, WorkOrder
from functions.ports import Clock, ContextStore, DeadLetters, RosterStore
from functions.services.assets import Assets
from functions.services.isolation import isolate

log = logging.getLogger(__name__)

ORDERS = "work-orders"
"""Where the dead letters of refused orders come from."""

Reconsider = Callable[[Sequence[str]], Awaitable[object]]
"""Looks again at what is suppressed on some feeders, whose orders have changed."""


Hear = Callable[[WorkOrder, Iterable[str]], Awaitable[object]]
"""Takes in a version of an order and the feeders below its asset, to tell their customers in time."""


class OrdersTaken(NamedTuple):
    """What became of some orders."""

    written: int
    outdated: tuple[str, ...]
    """Ids of which a version is stored that was changed later."""
    feeders: frozenset[str]
    """Whose context has changed."""


class OrderEvent(NamedTuple):
    """One event of the work order hub: an order or a list of them in JSON."""

    body: bytes
    name: str
    """Tells its place in the stream: the same event always has the same."""
    arrived_at: int


class HeldOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One order of an event as it came, which is also what its dead letter holds."""

    id: str
    arrived_at: int
    order: dict[str, object] | None = None
    """None where the event could not be read."""
    body: str = ""

    def notice(self) -> OrderNotice:
        """The order read and checked; what does not say when it was changed, changed when it arrived."""
        if self.order is None:
            raise RejectedDocument("body", "is not JSON with an order or a list of them; send it again as UTF-8 JSON")
        return arrived(notice_of(self.order), self.arrived_at)


class WorkOrderIntake:
    """Takes orders, all of a request or none."""

    def __init__(
        self,
        store: ContextStore,
        rosters: RosterStore,
        letters: DeadLetters,
        clock: Clock,
        reconsider: Reconsider | None = None,
        hear: Hear | None = None,
    ) -> None:
        self._store = store
        self._rosters = rosters
        self._letters = letters
        self._clock = clock
        self._reconsider = reconsider
        self._hear = hear

    async def take(self, notices: Sequence[OrderNotice]) -> OrdersTaken:
        """Store orders; a version changed later replaces an earlier one, wherever its asset hangs.

        Raises `RejectedDocument` with the position of the first that names an unknown asset: then nothing is stored.
        """
        assets = await Assets.on(self._rosters, notices)
        orders = located(notices, assets, self._clock.now())
        changes = await self._store.put_orders(orders)
        if self._hear is not None:
            await asyncio.gather(*(self._hear(each.order, below(each.order, assets)) for each in changes))
        feeders = assets.feeders_of(each.scope for change in changes for each in (change.order, *change.before))
        if feeders and self._reconsider is not None:
            await self._reconsider(sorted(feeders))
        outdated = {order.work_order_id for order in orders} - {change.order.work_order_id for change in changes}
        return OrdersTaken(len(changes), tuple(sorted(outdated)), feeders)

    async def consume(self, events: Sequence[OrderEvent]) -> int:
        """Store the orders of events; returns how many were written. One at fault becomes a dead letter, alone."""
        held = [each for event in events for each in _orders(event)]
        return await self._consume(held)

    async def retake(self, document: Mapping[str, object]) -> int:
        """Store the order of a dead letter again; returns how many were written, 0 when it is outdated by now."""
        return await self._consume([msgspec.convert(dict(document), HeldOrder)])

    async def _consume(self, held: Sequence[HeldOrder]) -> int:
        written = 0

        async def handle(some: Sequence[HeldOrder]) -> None:
            nonlocal written
            written += (await self.take([each.notice() for each in some])).written

        async def bury(each: HeldOrder, fault: Exception) -> None:
            log.warning("work order %s is kept as a dead letter: %s", each.id, fault)
            reason = str(fault) if isinstance(fault, InputError) else f"{type(fault).__name__}: {fault}"
            await self._letters.keep_document(ORDERS, msgspec.to_builtins(each), reason)

        await isolate(held, handle, bury)
        return written


def located(notices: Sequence[OrderNotice], assets: Assets, now: int) -> list[WorkOrder]:
    """Orders of notices; raises `RejectedDocument` with the position of the first that names an unknown asset."""
    orders = []
    for position, notice in enumerate(notices):
        try:
            orders.append(arrived(notice, now).order(*assets.find(notice)))
        except RejectedDocument as fault:
            raise fault.at(position) from None
    return orders


def below(order: WorkOrder, assets: Assets) -> frozenset[str]:
    """Feeders on which the asset of an order feeds customers."""
    if order.asset_kind is AssetKind.substation:
        return assets.feeders_of([order.asset_id])
    return frozenset({order.feeder_id})


def arrived(notice: OrderNotice, at: int) -> OrderNotice:
    """The notice with its times of issue and change; what it does not say happened when it came."""
    return msgspec.structs.replace(
        notice,
        issued_at=at if notice.issued_at is None else notice.issued_at,
        updated_at=at if notice.updated_at is None else notice.updated_at,
    )


def _orders(event: OrderEvent) -> Iterator[HeldOrder]:
    """The orders of an event, each with a name of its own; an event that cannot be read is one without an order."""
    try:
        content = json.loads(event.body)
    except (ValueError, RecursionError):
        content = None
    documents: list[Document] = content if isinstance(content, list) else [content]
    for position, document in enumerate(documents):
        name = f"{event.name}-{position}"
        if isinstance(document, dict):
            yield HeldOrder(id=name, arrived_at=event.arrived_at, order=document)
        else:
            body = event.body.decode(errors="replace") if content is None else json.dumps(document)
            yield HeldOrder(id=name, arrived_at=event.arrived_at, body=body)
