"""The sizing table is what the model computes, and the page and the templates say the same."""

from __future__ import annotations

import msgspec
import pytest
from stacks import bicep, terraform
from typer.testing import CliRunner

from local import capacity_page
from local.__main__ import app
from local.capacity import BOUNDS, TABLE, Row, Table, table
from local.cost import HOURS_A_MONTH
from local.plan import Plan, Tariff, plan

TARIFF = Tariff.load()
MORE = tuple(Row.__struct_fields__)


def test_the_shipped_table_is_the_models() -> None:
    assert Table.load() == table(), "run `python -m local capacity --write`"
    assert TABLE.read_bytes() == msgspec.json.format(msgspec.json.encode(table()), indent=2) + b"\n"


def test_the_page_shows_the_shipped_table_and_its_costs() -> None:
    page = capacity_page.PAGE.read_text(encoding="utf-8")
    for name, lines in capacity_page.sections(TARIFF).items():
        assert capacity_page.replaced(page, name, lines) == page, "run `python -m local capacity --write`"


@pytest.mark.parametrize("name", MORE)
def test_more_readings_never_get_less(name: str) -> None:
    column = [getattr(row, name) for row in Table.load().rows]
    assert column == sorted(column)


def test_the_table_stays_within_what_azure_sells() -> None:
    for row in Table.load().rows:
        assert row.partitions <= 32
        assert 1 <= row.throughput_units <= 40
        assert row.packs_request_units % 1_000 == row.shared_request_units % 1_000 == 0
        assert row.packs_request_units <= 1_000_000
        assert row.partitions < row.instances <= 1_000
        assert row.always_ready <= row.partitions


@pytest.mark.parametrize(
    ("meters", "minutes"), [(1, 1440), (15_014, 15), (15_015, 15), (1_000_000, 15), (10_000_000, 1)]
)
def test_a_utility_gets_the_first_row_that_is_large_enough(meters: int, minutes: int) -> None:
    chosen = Table.load().row(meters, minutes).readings_a_minute
    assert chosen == min(bound for bound in BOUNDS if bound >= meters // minutes)


def test_a_row_holds_the_steady_load_of_its_upper_end() -> None:
    for row in Table.load().rows:
        assert row.packs_request_units >= row.readings_a_minute / 60 * 1.5


def test_both_templates_choose_the_row_as_the_model_does() -> None:
    assert "readingsAMinute: meters / intervalMinutes" in bicep().text
    assert (
        "filter(loadJsonContent('../capacity.json').rows, row => readingsAMinute <= row.readings_a_minute)"
        in bicep().text
    )
    assert "floor(var.meters / var.interval_minutes)" in terraform().text
    assert "row if local.readings_a_minute <= row.readings_a_minute][0]" in terraform().text


@pytest.mark.parametrize("name", MORE[1:])
def test_both_templates_use_every_column(name: str) -> None:
    assert f"size.{name}" in bicep().text
    assert f"local.size.{name}" in terraform().text


def by_name(shown: Plan) -> dict[str, float]:
    return {component.name: component.month for component in shown.components}


def test_a_bill_by_hand() -> None:
    costs = by_name(plan(15_000, 15, TARIFF, private=True))
    # Autoscale bills a tenth of 1,000 RU/s when nothing happens; 16.7 RU/s is nothing.
    assert costs["Cosmos DB, packs"] == pytest.approx(1_000 * 0.1 / 100 * TARIFF.cosmos_100_autoscale_units_hour * 730)
    # 16.7 readings/s in events of 500: one unit, and 87,600 events.
    assert costs["Event Hubs"] == pytest.approx(
        TARIFF.event_hubs_throughput_unit_hour * HOURS_A_MONTH + 0.0876 * TARIFF.event_hubs_million_events, rel=1e-4
    )
    assert costs["Private endpoints"] == pytest.approx(36.5)


def test_twice_the_readings_cost_more_but_less_than_twice() -> None:
    once, twice = (plan(meters, 15, TARIFF).total for meters in (250_000, 500_000))
    assert once < twice < 2 * once


def test_every_price_is_used() -> None:
    dearer = {
        name: msgspec.structs.replace(TARIFF, **{name: 2 * getattr(TARIFF, name)})
        for name in TARIFF.__struct_fields__
        if isinstance(getattr(TARIFF, name), float) and name not in {"cosmos_100_request_units_hour", "sms"}
    }
    assert len(dearer) == 12
    for name, tariff in dearer.items():
        plans = [
            (plan(m, 15, tariff, private=True).total, plan(m, 15, TARIFF, private=True).total) for m in (9_000, 10**6)
        ]
        assert any(more > usual for more, usual in plans), name


def test_the_command_prints_the_plan_and_the_bill_with_its_date() -> None:
    run = CliRunner().invoke(app, ["capacity", "--meters", "1000000", "--interval", "15", "--private"])
    assert run.exit_code == 0, run.output
    said = " ".join(run.output.split())
    assert "1,000,000 meters every 15 min: 1,111.1 readings/s partitions 32" in said
    assert f"list prices of {TARIFF.as_of}" in said
    total = plan(1_000_000, 15, TARIFF, private=True).total
    assert f"all {total:,.0f}" in said


def test_more_than_can_be_planned_is_refused() -> None:
    assert CliRunner().invoke(app, ["capacity", "--meters", "10000001"]).exit_code == 2
