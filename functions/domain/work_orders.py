"""Work orders: what the utility planned, where, and from when to when."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

import msgspec

from functions.domain.documents import LATEST, Document, moment, read_as
from functions.domain.errors import RejectedDocument
from functions.domain.ids import checked_id


class AssetKind(StrEnum):
    """The device a work order takes out of service, with everything below it."""

    meter = "meter"
    transformer = "transformer"
    feeder = "feeder"
    substation = "substation"


class WorkOrderStatus(StrEnum):
    """Where the work stands. One that is drafted or cancelled explains nothing."""

    draft = "draft"
    """Not approved yet."""
    planned = "planned"
    in_progress = "in_progress"
    completed = "completed"
    """From `updated_at` on it explains nothing more, even before its end."""
    cancelled = "cancelled"


EXPLAINING = frozenset({WorkOrderStatus.planned, WorkOrderStatus.in_progress, WorkOrderStatus.completed})


class WorkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One planned interruption. Times are seconds since the epoch, UTC; `end` is exclusive.

    `feeder_id` is where the asset hangs, so that one point read of a feeder's context finds it; of a substation's order
    it is empty.
    """

    work_order_id: str
    asset_kind: AssetKind
    asset_id: str
    start: int
    end: int
    feeder_id: str = ""
    status: WorkOrderStatus = WorkOrderStatus.planned
    description: str = ""
    issued_at: int = 0
    """The system knows of it from then on."""
    updated_at: int = 0
    """When it was last changed where it is kept: of two versions the later one holds, whichever arrives last."""

    @property
    def scope(self) -> str:
        """The feeder or the substation whose context it belongs to."""
        return self.asset_id if self.asset_kind is AssetKind.substation else self.feeder_id

    @property
    def explains(self) -> bool:
        """Whether it is, or was, going to interrupt anybody."""
        return self.status in EXPLAINING and self.over_at > self.start

    @property
    def over_at(self) -> int:
        """Its end, or when the crew was done, if earlier."""
        if self.status is WorkOrderStatus.completed and self.updated_at:
            return min(self.end, self.updated_at)
        return self.end

    def checked(self) -> WorkOrder:
        """Return the order itself, or raise `RejectedDocument` naming the field at fault."""
        for field in ("work_order_id", "asset_id"):
            checked_id(field, getattr(self, field))
        if self.asset_kind is not AssetKind.substation:
            checked_id("feeder_id", self.feeder_id)
        if self.asset_kind is AssetKind.feeder and self.asset_id != self.feeder_id:
            raise RejectedDocument("asset_id", f"is not the feeder {self.feeder_id}; name the same feeder in both")
        for field in ("start", "end"):
            if not 0 <= getattr(self, field) < LATEST:
                raise RejectedDocument(field, "is not a time; send seconds since the epoch, UTC")
        if self.end <= self.start:
            raise RejectedDocument("end", "is not after start; send both as UTC times in order")
        return self


class OrderChange(NamedTuple):
    """What was written, and what it replaced: a version of the same order, on another feeder if the order moved."""

    order: WorkOrder
    before: tuple[WorkOrder, ...] = ()


def newest(orders: Iterable[WorkOrder]) -> dict[str, WorkOrder]:
    """Of each order the version changed last, by id; of equal ones the last."""
    kept: dict[str, WorkOrder] = {}
    for order in orders:
        known = kept.get(order.work_order_id)
        if known is None or order.updated_at >= known.updated_at:
            kept[order.work_order_id] = order
    return kept


class OrderNotice(msgspec.Struct, frozen=True, kw_only=True):
    """A work order as somebody told it: where its asset hangs, and even what it is, may be left to the rosters."""

    work_order_id: str
    asset_id: str
    start: int
    end: int
    asset_kind: AssetKind | None = None
    feeder_id: str = ""
    status: WorkOrderStatus = WorkOrderStatus.planned
    description: str = ""
    issued_at: int | None = None
    updated_at: int | None = None

    @classmethod
    def of(cls, document: Document) -> OrderNotice:
        """Read and check one; raises `RejectedDocument` naming the field at fault."""
        times = {
            field: moment(field, document[field])
            for field in ("start", "end", "issued_at", "updated_at")
            if document.get(field) is not None
        }
        notice = read_as(cls, {**document, **times})
        for field in ("work_order_id", "asset_id"):
            checked_id(field, getattr(notice, field))
        if notice.feeder_id:
            checked_id("feeder_id", notice.feeder_id)
        if notice.end <= notice.start:
            raise RejectedDocument("end", "is not after start; send the times in order")
        return notice

    def order(self, kind: AssetKind, feeder_id: str) -> WorkOrder:
        """The order, now that its asset is known."""
        return WorkOrder(
            work_order_id=self.work_order_id,
            asset_kind=kind,
            asset_id=self.asset_id,
            start=self.start,
            end=self.end,
            feeder_id=feeder_id,
            status=self.status,
            description=self.description,
            issued_at=self.issued_at or 0,
            updated_at=self.updated_at or 0,
        ).checked()
