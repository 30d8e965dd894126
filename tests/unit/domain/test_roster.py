"""Rosters: places that never change, shards, provisional meters."""

from __future__ import annotations

import pytest

from functions.domain.errors import RejectedDocument
from functions.domain.packs import CustomerType
from functions.domain.roster import METERS_PER_SHARD, PACKS_PER_SHARD, Roster
from functions.domain.roster_row import RosterRow
from functions.domain.topology import FeederMap


def rows(names, **fields):
    return [RosterRow(meter_id=name, feeder_id="F", **fields) for name in names]


def test_places_are_stable_while_a_roster_grows_and_changes():
    roster, _ = Roster("F").with_rows(rows(["b", "a"]))
    later, written = roster.with_rows(rows(["c", "a"], customer_id="C1"))
    assert later.places(["b", "a", "c", "d"]).tolist() == [0, 1, 2, -1]
    assert later.row(1).customer_id == "C1"
    assert roster.row(1).customer_id == ""
    assert [shard.shard for shard in written] == [0]


def test_a_roster_is_sharded_at_four_thousand_meters():
    roster, written = Roster("F").with_rows(rows([f"m{n}" for n in range(METERS_PER_SHARD + 1)]))
    assert [len(shard.meter_id) for shard in written] == [METERS_PER_SHARD, 1]
    assert roster.places([f"m{METERS_PER_SHARD}"]).tolist() == [METERS_PER_SHARD]
    assert roster.meter_id(METERS_PER_SHARD) == f"m{METERS_PER_SHARD}"
    assert roster.pack_id(PACKS_PER_SHARD) == "F:1:0"
    assert len(roster.pack_columns(PACKS_PER_SHARD).expected) == 1
    assert len(roster.pack_columns(PACKS_PER_SHARD - 1).expected) == 4_000 - 62 * 64
    assert Roster("F", roster.shards[::-1]).places(["m0"]).tolist() == [0]


def test_a_shard_the_roster_has_not_seen_tells_nothing():
    assert len(Roster("F").pack_columns(70).nominal_v) == 0


def test_a_provisional_meter_ripens_after_a_day_or_by_the_roster():
    roster, _ = Roster("F").with_provisional(["a", "b"], 1000)
    assert roster.enrolled_since(1000) == 2
    assert roster.enrolled_since(1001) == 0
    assert roster.ripe(1000 + 86_399) == []
    assert roster.ripe(1000 + 86_400) == [0, 1]
    roster, _ = roster.confirmed([0])
    assert [roster.is_provisional(place) for place in (0, 1)] == [False, True]
    roster, _ = roster.with_rows(rows(["b"], nominal_voltage_v=230.0))
    assert roster.pack_columns(0).expected.all()
    assert roster.ripe(10**9) == []


def test_a_pack_is_told_what_the_roster_says_of_its_meters():
    roster, _ = Roster("F").with_rows([*rows(["a"], customer_type="industrial"), *rows(["b"], customer_type="unknown")])
    roster, _ = roster.with_rows(rows(["c"], nominal_voltage_v=480.0))
    roster, _ = roster.with_provisional(["d"], 1000)
    kinds = [CustomerType(kind) for kind in roster.pack_columns(0).customer_type]
    assert kinds == [CustomerType.industrial, *[CustomerType.unknown] * 3]
    assert roster.row(0).checked().customer_type == "industrial"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("meter_id", "a/b"),
        ("feeder_id", ""),
        ("nominal_voltage_v", 0.0),
        ("nominal_voltage_v", 11_000.0),
        ("nominal_voltage_v", float("nan")),
        ("interval_s", 0),
        ("interval_s", 90_000),
        ("customer_type", "castle"),
        ("customer_type", "Residential"),
        ("customer_type", ""),
    ],
)
def test_a_row_at_fault_is_refused_by_its_field(field, value):
    with pytest.raises(RejectedDocument) as fault:
        RosterRow(**{"meter_id": "a", "feeder_id": "F", field: value}).checked()
    assert fault.value.field == field


def test_a_retired_meter_keeps_its_place_and_is_waited_for_no_more_until_a_row_brings_it_back():
    roster, _ = Roster("F").with_rows(rows(["a", "b"], transformer_id="T"))
    retired, (shard,) = roster.with_rows(rows(["a"], transformer_id="T", retired=True))
    assert retired.places(["a", "b"]).tolist() == [0, 1]
    assert retired.pack_columns(0).expected.tolist() == [False, True]
    assert shard.in_service == 1
    assert list(FeederMap.of(retired).places) == ["b"]
    back, _ = retired.with_rows(rows(["a"], transformer_id="T"))
    assert back.pack_columns(0).expected.all()
