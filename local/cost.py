"""What a utility of some size asks of Azure each month, from what a run was measured to need."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import msgspec

PRICES = Path(__file__).with_name("prices.json")
HOURS_A_MONTH = 730
SECONDS_A_MONTH = HOURS_A_MONTH * 3_600
HEADROOM = 1.5
"""Provisioned above the mean, to catch up after a pause twice as fast as readings come in."""
UNIT_BYTES_S, UNIT_EVENTS_S = 1_000_000, 1_000
"""What one throughput unit of Event Hubs takes in."""
BILLED_BYTES = 64 * 1024
"""An event is billed in steps of 64 KB."""
COPIES = 1.2
"""Storage a document takes beyond its own bytes: system properties and index."""


class Prices(msgspec.Struct, frozen=True, kw_only=True):
    """List prices with their date and source."""

    as_of: str
    currency: str
    region: str
    cosmos_100_request_units_hour: float
    cosmos_gb_month: float
    event_hubs_throughput_unit_hour: float
    event_hubs_million_events: float
    sources: tuple[str, ...]

    @classmethod
    def load(cls) -> Prices:
        """The prices this release was written with."""
        return msgspec.json.decode(PRICES.read_bytes(), type=cls)


@dataclass(frozen=True)
class Need:
    """What one reading was measured to need."""

    request_units: float
    readings_an_event: float
    bytes_an_event: float
    stored_bytes_a_meter: float


@dataclass(frozen=True)
class Bill:
    """Throughput and monthly cost for a number of meters."""

    meters: int
    readings_s: float
    request_units_s: float
    """Mean."""
    provisioned_units: int
    """Of Cosmos DB, RU/s."""
    throughput_units: int
    """Of Event Hubs."""
    cosmos: float
    event_hubs: float

    @property
    def total(self) -> float:
        """Cosmos DB and Event Hubs, a month."""
        return self.cosmos + self.event_hubs


def bill(meters: int, interval_s: int, need: Need, prices: Prices) -> Bill:
    """The bill of a month for `meters` that report every `interval_s` seconds. Functions and network are not in it."""
    readings_s = meters / interval_s
    units_s = readings_s * need.request_units
    provisioned = max(400, math.ceil(units_s * HEADROOM / 100) * 100)
    events_s = readings_s / need.readings_an_event
    inflated = throughput_units(readings_s, need)
    billed_events = events_s * SECONDS_A_MONTH * math.ceil(need.bytes_an_event / BILLED_BYTES)
    return Bill(
        meters=meters,
        readings_s=readings_s,
        request_units_s=units_s,
        provisioned_units=provisioned,
        throughput_units=inflated,
        cosmos=provisioned / 100 * prices.cosmos_100_request_units_hour * HOURS_A_MONTH
        + meters * need.stored_bytes_a_meter * COPIES / 1e9 * prices.cosmos_gb_month,
        event_hubs=inflated * prices.event_hubs_throughput_unit_hour * HOURS_A_MONTH
        + billed_events / 1e6 * prices.event_hubs_million_events,
    )


def throughput_units(readings_s: float, need: Need) -> int:
    """Throughput units of Event Hubs for so many readings a second."""
    events_s = readings_s / need.readings_an_event
    inflow = max(events_s * need.bytes_an_event / UNIT_BYTES_S, events_s / UNIT_EVENTS_S)
    return max(1, math.ceil(inflow * HEADROOM))
