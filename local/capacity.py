"""Capacity: what to provision for a number of meters. `infra/capacity.json` is this table, for both kinds of template.

Rows are by readings a minute, the one number that throughput follows from; the templates take the first row that is
large enough. What follows from the number of meters instead is sized as if they reported every 15 minutes, as most do.
"""

from __future__ import annotations

import math
from pathlib import Path

import msgspec

from local.cost import HEADROOM, Need, throughput_units

PACKS_UNITS_A_READING = 1.0
OTHER_UNITS_A_READING = 0.2
"""Request units, measured by `make demo-cloud`: 0.93 to replace packs and 0.23 for all else, in 1.16."""
CPU_S_A_READING = 50e-6
"""Measured by `bench-cloud`: 11 to 28 µs on a core of its own, which an instance of 2 GB is not."""
USUAL_NEED = Need(
    request_units=PACKS_UNITS_A_READING + OTHER_UNITS_A_READING,
    readings_an_event=500,
    bytes_an_event=35_000,  # as objects; columns take half
    stored_bytes_a_meter=1_240,
)

USUAL_INTERVAL_MIN = 15
LARGEST_UTILITY = 10_000_000
STORM_SHARE, STORM_METERS = 0.05, 50_000
"""A storm takes 5% of all meters, but no more than this: then senders of messages are what is waited for."""
STORM_UNITS_A_METER = 40
"""Request units from an anomaly to a message: anomaly, board, revision, claim and its end."""
STORM_S = 300
"""It is worked off in the five minutes that a message may take."""

METERS_A_PARTITION = 50_000
"""A partition waits as a whole: this many meters wait with it."""
LEAST_PARTITIONS, MOST_PARTITIONS = 4, 32
"""32 is what the Standard tier has."""
LEAST_INFLATION = 2
AUTOSCALE_STEP = 1_000
LEAST_INSTANCES = 40
"""The platform's usual lower bound for the limit of a Flex Consumption app; instances that do not run cost nothing."""
OTHER_INSTANCES = 16
"""For HTTP, timers, change feeds and the queue, beside one a partition for readings."""
ALWAYS_READY_FROM_EVENTS_S = 0.4
"""From here on an instance runs so much of the time that one which is always ready costs less than one on demand."""

BOUNDS = (1_000, 5_000, 16_667, 66_667, 200_000, 666_667, 2_000_000, 10_000_000)
"""Readings a minute: of 15,000 to 10 million meters every 15 minutes, and 10 million every minute."""
TABLE = Path(__file__).resolve().parents[1] / "infra" / "capacity.json"


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """What is provisioned for up to so many readings a minute."""

    readings_a_minute: int
    partitions: int
    """Of meter-readings."""
    throughput_units: int
    """Of Event Hubs, where inflating stops."""
    packs_request_units: int
    """RU/s of the container packs, the most that autoscale goes to."""
    shared_request_units: int
    """The same of all other containers together."""
    instances: int
    """The most of the function app."""
    always_ready: int
    """Instances of score_readings that are never stopped."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """The table as the templates read it."""

    note: str
    rows: tuple[Row, ...]

    @classmethod
    def load(cls) -> Table:
        """The table that this release deploys with."""
        return msgspec.json.decode(TABLE.read_bytes(), type=cls)

    def row(self, meters: int, interval_min: int) -> Row:
        """The row that both templates choose."""
        readings_a_minute = meters // interval_min
        return next(row for row in self.rows if readings_a_minute <= row.readings_a_minute)


def row(readings_a_minute: int) -> Row:
    """The row of an upper bound."""
    readings_s = readings_a_minute / 60
    meters = min(readings_a_minute * USUAL_INTERVAL_MIN, LARGEST_UTILITY)
    partitions = min(MOST_PARTITIONS, max(LEAST_PARTITIONS, _power_of_two(meters / METERS_A_PARTITION)))
    storm_s = min(meters * STORM_SHARE, STORM_METERS) * STORM_UNITS_A_METER / STORM_S
    return Row(
        readings_a_minute=readings_a_minute,
        partitions=partitions,
        throughput_units=max(LEAST_INFLATION, throughput_units(readings_s, USUAL_NEED)),
        packs_request_units=_autoscale(readings_s * PACKS_UNITS_A_READING * HEADROOM),
        shared_request_units=_autoscale(storm_s + readings_s * OTHER_UNITS_A_READING),
        instances=max(LEAST_INSTANCES, partitions + OTHER_INSTANCES),
        always_ready=always_ready(readings_s),
    )


def table() -> Table:
    """The table of all bounds."""
    note = "Written by `python -m local capacity --write` and explained in docs/capacity.md; a test computes it again."
    return Table(note=note, rows=tuple(row(bound) for bound in BOUNDS))


def always_ready(readings_s: float) -> int:
    """Instances that are worth keeping."""
    if readings_s / USUAL_NEED.readings_an_event < ALWAYS_READY_FROM_EVENTS_S:
        return 0
    return math.ceil(readings_s * CPU_S_A_READING * HEADROOM)


def _autoscale(units: float) -> int:
    return max(1, math.ceil(units / AUTOSCALE_STEP)) * AUTOSCALE_STEP


def _power_of_two(least: float) -> int:
    return 1 << max(0, math.ceil(math.log2(least)))
