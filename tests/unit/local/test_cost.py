"""The bill: throughput and cost follow from what a reading needs, and no less than Azure sells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from local.cost import HEADROOM, Need, Prices, bill

PRICES = Prices(
    as_of="2026-01-01", currency="USD", region="test", cosmos_100_request_units_hour=1.0, cosmos_gb_month=10.0,
    event_hubs_throughput_unit_hour=2.0, event_hubs_million_events=3.0, sources=(),
)  # fmt: skip
NEED = Need(request_units=2.0, readings_an_event=100, bytes_an_event=10_000, stored_bytes_a_meter=1_000)


def test_a_bill_by_hand() -> None:
    bill_of = bill(900_000, 900, NEED, PRICES)
    assert bill_of.readings_s == 1_000
    assert bill_of.request_units_s == 2_000
    assert bill_of.provisioned_units == 2_000 * HEADROOM
    assert bill_of.throughput_units == 1
    assert bill_of.cosmos == pytest.approx(30 * 730 * 1.0 + 0.9 * 1.2 * 10)
    # 10 events a second of less than 64 KB each, for 730 hours
    assert bill_of.event_hubs == pytest.approx(2.0 * 730 + 10 * 730 * 3_600 / 1e6 * 3.0)
    assert bill_of.total == bill_of.cosmos + bill_of.event_hubs


def test_a_small_utility_pays_for_the_least_that_is_sold() -> None:
    bill_of = bill(10, 900, NEED, PRICES)
    assert (bill_of.provisioned_units, bill_of.throughput_units) == (400, 1)


def test_an_event_larger_than_64_kb_is_billed_in_steps() -> None:
    one, two = (bill(900_000, 900, replace(NEED, bytes_an_event=size), PRICES) for size in (65_536, 65_537))
    assert two.event_hubs > one.event_hubs


def test_the_shipped_prices_say_when_and_where_from() -> None:
    prices = Prices.load()
    assert prices.as_of
    assert all(source.startswith("https://azure.microsoft.com/") for source in prices.sources)
