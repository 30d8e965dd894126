"""Work orders: what the utility planned, where, and from when to when."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from functions.domain.errors import RejectedDocument
from functions.domain.ids import is_id

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
            if not is_id(getattr(self, field)):
                raise RejectedDocument(field, "is not an id; use 1 to 64 printable characters without / \\ ? # or :")
        for field in ("start", "end"):
            if not 0 <= getattr(self, field) < LATEST:
                raise RejectedDocument(field, "is not a time; send seconds since the epoch, UTC")
        if self.end <= self.start:
            raise RejectedDocument("end", "is not after start; send both as UTC times in order")
        return self
