"""A shard of a roster: columns by meter, as they are stored."""

from __future__ import annotations

from typing import Any

import msgspec

from functions.domain.roster_row import RosterRow


class RosterShard(msgspec.Struct, frozen=True, kw_only=True):
    """Up to 4,000 meters of a feeder as one document; columns of one length, position = place in the packs."""

    id: str
    feeder_id: str
    shard: int
    meter_id: tuple[str, ...] = ()
    customer_id: tuple[str, ...] = ()
    transformer_id: tuple[str, ...] = ()
    nominal_v: tuple[float | None, ...] = ()
    interval_s: tuple[int | None, ...] = ()
    customer_type: tuple[str | None, ...] = ()
    provisional_since: tuple[int | None, ...] = ()
    """When an unannounced meter first reported; None for a confirmed one."""
    substation_id: tuple[str, ...] = ()
    lateral_id: tuple[str, ...] = ()
    collector_id: tuple[str, ...] = ()
    critical: tuple[bool, ...] = ()
    retired: tuple[bool, ...] = ()
    etag: str | None = None

    @property
    def in_service(self) -> int:
        """How many of its meters serve a customer."""
        return len(self.meter_id) - sum(self.retired)


COLUMNS = (
    "meter_id",
    "customer_id",
    "transformer_id",
    "nominal_v",
    "interval_s",
    "customer_type",
    "provisional_since",
    "substation_id",
    "lateral_id",
    "collector_id",
    "critical",
    "retired",
)
_ADDED: dict[str, str | bool | None] = {
    "customer_type": None,
    "substation_id": "",
    "lateral_id": "",
    "collector_id": "",
    "critical": False,
    "retired": False,
}
"""Columns that shards stored by earlier releases do not have, and what stands for their values."""


def completed(shard: RosterShard) -> RosterShard:
    """A shard stored by an earlier release, with the columns that it lacks."""
    meters = len(shard.meter_id)
    missing = {name: meters - len(getattr(shard, name)) for name in _ADDED}
    if not any(missing.values()):
        return shard
    columns = {name: getattr(shard, name) + (_ADDED[name],) * count for name, count in missing.items()}
    return msgspec.structs.replace(shard, **columns)


def columns_of(shard: RosterShard) -> dict[str, list[Any]]:
    """The columns of a shard as lists, to be changed."""
    return {name: list(getattr(shard, name)) for name in COLUMNS}


def put(columns: dict[str, list[Any]], position: int, row: RosterRow, provisional_since: int | None) -> None:
    """Describe the meter at a position, which may be the next one."""
    values = {
        "meter_id": row.meter_id,
        "customer_id": row.customer_id,
        "transformer_id": row.transformer_id,
        "nominal_v": row.nominal_voltage_v,
        "interval_s": row.interval_s,
        "customer_type": row.customer_type,
        "provisional_since": provisional_since,
        "substation_id": row.substation_id,
        "lateral_id": row.lateral_id,
        "collector_id": row.collector_id,
        "critical": row.critical,
        "retired": row.retired,
    }
    for name, value in values.items():
        if position == len(columns[name]):
            columns[name].append(value)
        else:
            columns[name][position] = value
