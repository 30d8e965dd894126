"""Work orders: what the utility planned, where, and from when to when."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from functions.domain.errors import RejectedDocument
from functions.domain.ids import checked_id

LATEST = 4_102_444_800
"""The year 2100, seconds since the epoch: milliseconds sent for seconds lie beyond it."""


class AssetKind(StrEnum):
    """The device a work order takes out of service, with everything below it."""

    meter = "meter"
    transformer = "transformer"
    feeder = "feeder"


class WorkOrderStatus(StrEnum):
    """A cancelled order explains nothing."""

    planned = "planned"
    cancelled = "cancelled"


class WorkOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One planned interruption. Times are seconds since the epoch, UTC; `end` is exclusive.

    `feeder_id` is where the asset hangs, so that one point read of a feeder's context finds it.
    """

    work_order_id: str
    feeder_id: str
    asset_kind: AssetKind
    asset_id: str
    start: int
    end: int
    status: WorkOrderStatus = WorkOrderStatus.planned
    description: str = ""

    def checked(self) -> WorkOrder:
        """Return the order itself, or raise `RejectedDocument` naming the field at fault."""
        for field in ("work_order_id", "feeder_id", "asset_id"):
            checked_id(field, getattr(self, field))
        if self.asset_kind is AssetKind.feeder and self.asset_id != self.feeder_id:
            raise RejectedDocument("asset_id", f"is not the feeder {self.feeder_id}; name the same feeder in both")
        for field in ("start", "end"):
            if not 0 <= getattr(self, field) < LATEST:
                raise RejectedDocument(field, "is not a time; send seconds since the epoch, UTC")
        if self.end <= self.start:
            raise RejectedDocument("end", "is not after start; send both as UTC times in order")
        return self
