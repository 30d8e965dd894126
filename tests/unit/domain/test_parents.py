"""Parents: the outage of a substation, derived from its feeders'."""

from __future__ import annotations

import itertools

from incident_records import incident

from functions.domain.board import Board
from functions.domain.incidents import IncidentState
from functions.domain.parents import concerns, follow, partition_of

NOW = 10_000


def feeder_out(feeder, revision=1, start=NOW, state="confirmed", **fields):
    usual = {"device_kind": "feeder", "device_id": feeder, "feeder_id": feeder, "substation_id": "S"}
    times = {"started_at": start, "confirmed_at": start + 60, "severity": "high"}
    sizes = {"customers_out": 100, "customers_affected": 100, "meters_out": 110, "meters_affected": 110}
    return incident(feeder, revision, **{**usual, **times, **sizes, "state": state, **fields})


def board():
    return Board(feeder_id=partition_of("S"))


def test_half_of_the_feeders_are_the_substation_and_fewer_are_not():
    onto = board()
    assert follow(onto, [feeder_out("F1")], 4, NOW) == []
    (parent,) = follow(onto, [feeder_out("F2", start=NOW + 30)], 4, NOW + 60)
    assert (parent.device_kind, parent.device_id, parent.feeder_id) == ("substation", "S", "substation:S")
    assert (parent.customers_out, parent.started_at, parent.children) == (200, NOW, ("inc:F1", "inc:F2"))
    assert parent.state is IncidentState.confirmed
    assert not parent.counted  # its children count its customers


def test_feeders_that_failed_hours_apart_and_a_substation_of_one_feeder_are_none():
    onto = board()
    assert follow(onto, [feeder_out("F1"), feeder_out("F2", start=NOW + 7_200)], 2, NOW + 7_200) == []
    assert follow(board(), [feeder_out("F1")], 1, NOW) == []


def test_it_follows_its_children_to_their_end_and_makes_way_for_the_next():
    onto = board()
    follow(onto, [feeder_out("F1"), feeder_out("F2")], 2, NOW)
    (half,) = follow(
        onto, [feeder_out("F1", 2, state="restored", restored_at=NOW + 900, customers_out=0)], 2, NOW + 900
    )
    assert (half.state, half.customers_out, half.customers_affected) == (IncidentState.restoring, 100, 200)
    ends = [feeder_out(each, 3, state="closed", restored_at=NOW + 1_800, customers_out=0) for each in ("F1", "F2")]
    (over,) = follow(onto, ends, 2, NOW + 3_600)
    assert (over.state, over.restored_at, over.revision) == (IncidentState.closed, NOW + 1_800, 3)
    assert (onto.incidents, onto.children) == ([], {})
    late = NOW + 20_000
    (fresh,) = follow(onto, [feeder_out(each, start=late) for each in ("F1", "F2")], 2, late)
    assert fresh.incident_id != over.incident_id


def test_a_child_that_turns_out_to_be_smaller_stays_a_part_while_it_lasts():
    onto = board()
    follow(onto, [feeder_out("F1"), feeder_out("F2")], 2, NOW)
    (less,) = follow(onto, [feeder_out("F2", 2, device_kind="lateral", device_id="L", customers_out=20)], 2, NOW + 60)
    assert less.customers_out == 120


def test_revisions_in_any_order_and_again_end_in_the_same():
    revisions = [
        feeder_out("F1"),
        feeder_out("F1", 2, customers_out=90),
        feeder_out("F2"),
        feeder_out("F2", 2, customers_out=80),
    ]
    ends = set()
    for order in itertools.permutations(revisions):
        onto = board()
        for each in (*order, *order):
            follow(onto, [each], 2, NOW)
        last = onto.incidents[0].last
        ends.add((last.customers_out, last.state, last.children))
    assert ends == {(170, IncidentState.confirmed, ("inc:F1", "inc:F2"))}


def test_only_whole_feeders_below_a_known_substation_concern_it():
    assert concerns(feeder_out("F1"))
    assert not concerns(feeder_out("F1", substation_id=""))
    assert not concerns(feeder_out("F1", device_kind="lateral"))
    assert concerns(feeder_out("F1", device_kind="lateral", parent_id="inc:substation:S:1"))
