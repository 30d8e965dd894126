"""Anomaly records by hand, and a board to take them in."""

from __future__ import annotations

from functions.domain.anomalies import Anomaly, Phase
from functions.domain.correlation import correlate
from functions.domain.incidents import Board
from functions.domain.work_orders import AssetKind, WorkOrder

NOW = 1_700_000_000


def opened(meter="M1", kind="power_off", start=NOW, transformer="T1", **fields) -> Anomaly:
    name = f"{meter}:{kind}:{start // 900}"
    usual = {
        "customer_id": f"C-{meter}", "transformer_id": transformer, "feeder_id": "F", "score": 9.0,
        "threshold": 4.0, "why": "", "raised_at": start, "end": None, "phase": Phase.opened, "id": f"{name}:opened",
    }  # fmt: skip
    return Anomaly(anomaly_id=name, meter_id=meter, kind=kind, start=start, **(usual | fields))


def closed(meter="M1", kind="power_off", start=NOW, end=NOW + 900, **fields) -> Anomaly:
    name = f"{meter}:{kind}:{start // 900}:closed"
    return opened(meter, kind, start, end=end, phase=Phase.closed, id=name, **fields)


def order(name="WO1", start=NOW - 600, end=NOW + 3600, kind=AssetKind.transformer, asset="T1", **fields) -> WorkOrder:
    return WorkOrder(work_order_id=name, feeder_id="F", asset_kind=kind, asset_id=asset, start=start, end=end, **fields)


def board() -> Board:
    return Board(feeder_id="F")


def step(onto: Board, *anomalies: Anomaly, orders=(), buffer_s=900, now=NOW):
    return correlate(onto, anomalies, orders, buffer_s, now)
