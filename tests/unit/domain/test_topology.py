"""Topology: what hangs below which device, from a roster as old or as new as it is."""

from __future__ import annotations

from functions.domain.roster import Roster
from functions.domain.roster_row import RosterRow
from functions.domain.roster_shard import RosterShard
from functions.domain.topology import FeederMap

ROWS = [
    RosterRow(
        meter_id=f"M{number}", feeder_id="F", customer_id=f"C{number // 2}", transformer_id=f"T{number // 2}",
        lateral_id="L0" if number < 4 else "", substation_id="S", collector_id=f"K{number % 2}", interval_s=1_800,
        critical=number == 0,
    )
    for number in range(6)
]  # fmt: skip


def test_a_roster_gives_the_chain_of_devices():
    roster, _ = Roster("F").with_rows(ROWS)
    feeder = FeederMap.of(roster)
    assert feeder.transformers == {"T0": ("M0", "M1"), "T1": ("M2", "M3"), "T2": ("M4", "M5")}
    assert feeder.laterals == {"L0": ("T0", "T1")}
    assert feeder.collectors == {"K0": ("M0", "M2", "M4"), "K1": ("M1", "M3", "M5")}
    assert (feeder.substation_id, feeder.interval_s, feeder.places["M0"].critical) == ("S", 1_800, True)
    assert feeder.meters_below("lateral", "L0") == ("M0", "M1", "M2", "M3")
    assert feeder.meters_below("collector", "K1") == ("M1", "M3", "M5")
    assert feeder.meters_below("meter", "M5") == ("M5",)
    assert len(feeder.meters_below("feeder", "F")) == 6
    assert feeder.transformers_below("meter", "M5") == ()


def test_meters_the_roster_does_not_confirm_are_left_out():
    roster, _ = Roster("F").with_rows(ROWS)
    roster, _ = roster.with_provisional(["stranger"], 1_000)
    assert "stranger" not in FeederMap.of(roster).places


def test_a_roster_stored_by_an_earlier_release_has_no_laterals_and_no_collectors():
    old = RosterShard(
        id="F:0", feeder_id="F", shard=0, meter_id=("M0",), customer_id=("",), transformer_id=("T0",),
        nominal_v=(240.0,), interval_s=(None,), provisional_since=(None,),
    )  # fmt: skip
    feeder = FeederMap.of(Roster("F", [old]))
    assert (feeder.laterals, feeder.collectors, feeder.substation_id, feeder.interval_s) == ({}, {}, "", 900)
    assert feeder.places["M0"].customer_id == "M0"
