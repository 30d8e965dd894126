"""A plan: what a deployment for some meters provisions, and what each part of it costs a month.

Estimates at list prices. Messages are left out, since nobody knows how many storms there will be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import msgspec

from local.capacity import (
    CPU_S_A_READING,
    OTHER_UNITS_A_READING,
    PACKS_UNITS_A_READING,
    USUAL_NEED,
    Row,
    Table,
)
from local.cost import COPIES, HEADROOM, HOURS_A_MONTH, PRICES, SECONDS_A_MONTH, Prices, bill

INSTANCE_GB = 2
SHORTEST_EXECUTION_S = 1.0
"""A shorter one is billed as this."""
AUTOSCALE_FLOOR = 0.1
"""Of the maximum; so much is billed when nothing happens."""
OTHER_EXECUTIONS_S = 1 / 60
"""The timer; change feeds and the queue run when something happens."""
CHECKPOINTS_AN_EXECUTION = 1
LEASE_WRITE_S = 30
"""The host renews its claim on each partition this often."""
ITEM_KB = 1.2
ITEMS_AN_EXECUTION = 3
"""A request, the batch's line and the host's."""
MOST_ITEMS_S = 20
"""Where the host begins to sample."""
METRICS_AN_INSTANCE_MINUTE = 40
ENDPOINTS = 5
"""Blobs, queues, Event Hubs, Cosmos DB, Key Vault."""


class Tariff(Prices, frozen=True, kw_only=True):
    """List prices of everything that a deployment is made of."""

    cosmos_100_autoscale_units_hour: float
    cosmos_backup_gb_month: float
    functions_gb_s: float
    functions_ready_baseline_gb_s: float
    functions_ready_gb_s: float
    functions_million_executions: float
    storage_10k_writes: float
    logs_gb: float
    private_endpoint_hour: float
    sms: float

    @classmethod
    def load(cls) -> Tariff:
        """The prices this release was written with."""
        return msgspec.json.decode(PRICES.read_bytes(), type=cls)


@dataclass(frozen=True)
class Component:
    """One line of the bill."""

    name: str
    what: str
    month: float


@dataclass(frozen=True)
class Plan:
    """What is provisioned and what it costs."""

    meters: int
    interval_min: int
    readings_s: float
    row: Row
    components: tuple[Component, ...]

    @property
    def total(self) -> float:
        """A month."""
        return sum(component.month for component in self.components)


def plan(meters: int, interval_min: int, tariff: Tariff, *, private: bool = False) -> Plan:
    """The plan of a utility of up to ten million meters."""
    row, readings_s = Table.load().row(meters, interval_min), meters / interval_min / 60
    executions_s = min(readings_s / USUAL_NEED.readings_an_event, row.partitions)
    events = bill(meters, interval_min * 60, USUAL_NEED, tariff)
    components = (
        Component(
            "Event Hubs",
            f"{events.throughput_units} of {row.throughput_units} throughput units, readings packed",
            events.event_hubs,
        ),
        *_documents(meters, readings_s, row, tariff),
        _functions(readings_s, executions_s, row, tariff),
        _storage(executions_s, row, tariff),
        _telemetry(executions_s, readings_s, tariff),
        *([_endpoints(tariff)] if private else []),
    )
    return Plan(meters, interval_min, readings_s, row, components)


def _documents(meters: int, readings_s: float, row: Row, tariff: Tariff) -> tuple[Component, ...]:
    def hourly(maximum: int, mean: float) -> float:
        units = min(maximum, max(AUTOSCALE_FLOOR * maximum, mean * HEADROOM))
        return units / 100 * tariff.cosmos_100_autoscale_units_hour * HOURS_A_MONTH

    gb = meters * USUAL_NEED.stored_bytes_a_meter * COPIES / 1e9
    packs = hourly(row.packs_request_units, readings_s * PACKS_UNITS_A_READING)
    others = hourly(row.shared_request_units, readings_s * OTHER_UNITS_A_READING)
    stored = gb * (tariff.cosmos_gb_month + tariff.cosmos_backup_gb_month)
    return (
        Component("Cosmos DB, packs", f"{row.packs_request_units:,} RU/s at most", packs),
        Component("Cosmos DB, the rest", f"{row.shared_request_units:,} RU/s at most", others),
        Component("Cosmos DB, storage", f"{gb:,.1f} GB, and backups of 30 days", stored),
    )


def _functions(readings_s: float, executions_s: float, row: Row, tariff: Tariff) -> Component:
    """An instance is billed while anything runs on it, and for a second at least."""
    ready = row.always_ready
    busy = max(readings_s * CPU_S_A_READING, min(max(1, ready), executions_s * SHORTEST_EXECUTION_S))
    executions = (executions_s + OTHER_EXECUTIONS_S) * SECONDS_A_MONTH / 1e6 * tariff.functions_million_executions
    gb_s = INSTANCE_GB * SECONDS_A_MONTH
    others = OTHER_EXECUTIONS_S * SHORTEST_EXECUTION_S * gb_s * tariff.functions_gb_s
    rate = tariff.functions_ready_gb_s if ready else tariff.functions_gb_s
    baseline = ready * gb_s * tariff.functions_ready_baseline_gb_s
    what = f"{ready} always ready" if ready else "on demand"
    return Component("Functions", what, baseline + busy * gb_s * rate + others + executions)


def _storage(executions_s: float, row: Row, tariff: Tariff) -> Component:
    writes_s = executions_s * CHECKPOINTS_AN_EXECUTION + row.partitions / LEASE_WRITE_S
    month = writes_s * SECONDS_A_MONTH / 10_000 * tariff.storage_10k_writes
    return Component("Storage", "checkpoints and leases of the host", month)


def _telemetry(executions_s: float, readings_s: float, tariff: Tariff) -> Component:
    instances = max(1, math.ceil(readings_s * CPU_S_A_READING))
    items_s = min(MOST_ITEMS_S * instances, ITEMS_AN_EXECUTION * (executions_s + OTHER_EXECUTIONS_S))
    items_s += METRICS_AN_INSTANCE_MINUTE * instances / 60
    gb = items_s * ITEM_KB * SECONDS_A_MONTH / 1e6
    return Component("Logs and metrics", f"{gb:,.1f} GB, a line a batch", gb * tariff.logs_gb)


def _endpoints(tariff: Tariff) -> Component:
    month = ENDPOINTS * tariff.private_endpoint_hour * HOURS_A_MONTH
    return Component("Private endpoints", f"{ENDPOINTS} endpoints", month)
