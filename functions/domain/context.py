"""Context: what the utility knows already. `assess` decides whether an anomaly is news."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from functions.domain.anomalies import Anomaly, Kind
from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus

DEFAULT_BUFFER_S = 15 * 60
"""Crews start early and finish late: `PLANNED_OUTAGE_BUFFER_MIN`."""
EXPLAINED_BY_WORK = frozenset(kind.name for kind in (Kind.power_off, Kind.no_reads, Kind.sag, Kind.swell, Kind.unusual))
"""Planned work explains what happens to supply; it does not explain tampering or a stuck register."""


class Suppression(msgspec.Struct, frozen=True, kw_only=True):
    """A line of the ledger: an anomaly that was not raised, why, and until when that holds."""

    anomaly_id: str
    meter_id: str
    feeder_id: str
    reason: str
    source_id: str
    start: int
    until: int
    suppressed_at: int
    released_at: int | None = None


class Verdict(msgspec.Struct, frozen=True):
    """`source_id` is None when the anomaly is raised; otherwise it names what explains it until `until`."""

    source_id: str | None = None
    reason: str = ""
    until: int = 0

    @property
    def raised(self) -> bool:
        """Whether the anomaly is news."""
        return self.source_id is None


RAISED = Verdict()


def assess(anomaly: Anomaly, orders: Sequence[WorkOrder], buffer_s: int = DEFAULT_BUFFER_S) -> Verdict:
    """Judge one anomaly against the work orders of its feeder.

    It is suppressed when it starts inside a planned order that covers its meter, the buffer included on both sides. Of
    several orders the one that ends last decides.
    """
    if anomaly.kind not in EXPLAINED_BY_WORK:
        return RAISED
    covering = [
        order
        for order in orders
        if order.status is WorkOrderStatus.planned
        and _covers(order, anomaly)
        and order.start - buffer_s <= anomaly.start < order.end + buffer_s
    ]
    if not covering:
        return RAISED
    last = max(covering, key=lambda order: (order.end, order.work_order_id))
    return Verdict(last.work_order_id, f"planned work {last.work_order_id}", last.end + buffer_s)


def _covers(order: WorkOrder, anomaly: Anomaly) -> bool:
    asset = {
        AssetKind.meter: anomaly.meter_id,
        AssetKind.transformer: anomaly.transformer_id,
        AssetKind.feeder: anomaly.feeder_id,
    }[order.asset_kind]
    return order.asset_id == asset
