"""Correlation: anomaly records in, incidents, suppressions and messages out."""

from __future__ import annotations

from correlation_bench import NOW, board, closed, opened, order, step
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.incidents import CHUNK_MEMBERS, IncidentKind, IncidentState
from functions.domain.notifications import IntentKind


def told(done):
    """What is told to which customers."""
    members = {chunk.id: chunk.members for chunk in done.chunks}
    return [
        (intent.kind, sorted({member.customer_id for name in intent.chunks for member in members[name]}))
        for intent in done.intents
    ]


def changed(done):
    return bool(done.incidents or done.suppressions or done.intents)


def test_outages_within_half_an_hour_are_one_incident_on_their_common_device():
    onto = board()
    (first,) = step(onto, opened("M1")).incidents
    assert (first.device_kind, first.device_id, first.meters_out) == ("meter", "M1", 1)
    (second,) = step(onto, opened("M2", start=NOW + 900)).incidents
    assert (second.incident_id, second.revision) == (first.incident_id, 2)
    assert (second.device_kind, second.device_id) == ("transformer", "T1")
    (third,) = step(onto, opened("M3", start=NOW + 1800, transformer="T2")).incidents
    assert (third.device_kind, third.device_id, third.customers_affected) == ("feeder", "F", 3)
    (apart,) = step(onto, opened("M4", start=NOW + 2700)).incidents
    assert apart.incident_id != first.incident_id


def test_an_earlier_member_moves_the_start():
    onto = board()
    step(onto, opened("M1"))
    (revision,) = step(onto, opened("M2", start=NOW - 900)).incidents
    assert revision.started_at == NOW - 900


def test_an_incident_closes_with_its_last_member_and_tells_each_customer_when_their_own_power_is_back():
    onto = board()
    first = step(onto, opened("M1"), opened("M2"))
    assert told(first) == [(IntentKind.outage_seen, ["C-M1", "C-M2"])]
    half = step(onto, closed("M1"))
    assert half.incidents[0].meters_out == 1
    assert told(half) == [(IntentKind.restored, ["C-M1"])]
    over = step(onto, closed("M2", end=NOW + 1800))
    assert over.incidents[0].state is IncidentState.closed
    assert over.incidents[0].restored_at == NOW + 1800
    assert told(over) == [(IntentKind.restored, ["C-M2"])]
    assert onto.incidents == []


def test_who_joins_and_ends_in_one_step_hears_nothing():
    onto = board()
    step(onto, opened("M1"))
    assert told(step(onto, opened("M2"), closed("M2"))) == []
    assert told(step(onto, opened("M3"), closed("M3"), opened("M4"))) == [(IntentKind.outage_seen, ["C-M4"])]


def test_an_outage_that_is_over_when_it_is_heard_of_is_recorded_and_not_told():
    done = step(board(), opened("M1"), closed("M1"))
    assert [incident.state for incident in done.incidents] == [IncidentState.closed]
    assert done.intents == []


def test_only_outages_are_told():
    done = step(board(), opened(kind="sag"), opened(kind="tamper"))
    assert {incident.kind for incident in done.incidents} == {IncidentKind.voltage, IncidentKind.meter}
    assert done.intents == []


def test_silence_beside_darkness_is_the_same_outage_and_alone_a_matter_of_communication():
    onto = board()
    (outage,) = step(onto, opened("M1")).incidents
    (same,) = step(onto, opened("M2", "no_reads", NOW + 900)).incidents
    assert same.incident_id == outage.incident_id
    (apart,) = step(onto, opened("M3", "no_reads", NOW + 900, transformer="T9")).incidents
    assert apart.kind is IncidentKind.communication


def test_records_delivered_again_change_nothing():
    onto = board()
    step(onto, opened("M1"))
    assert not changed(step(onto, opened("M1")))
    step(onto, closed("M1"))
    again = step(onto, opened("M1"), closed("M1"))
    assert (changed(again), again.intents, onto.incidents) == (False, [], [])


def test_an_end_that_comes_before_its_beginning_leaves_nothing_open():
    onto = board()
    step(onto, closed("M1"))
    done = step(onto, opened("M1"))
    assert (done.incidents, done.intents, onto.incidents) == ([], [], [])


def test_a_meter_nobody_announced_is_no_reason_for_an_outage():
    onto = board()
    assert not changed(step(onto, opened("M1", provisional=True)))
    assert changed(step(onto, opened("M1", "tamper", provisional=True)))


def test_planned_work_suppresses_and_what_lasts_longer_is_raised_once():
    onto = board()
    done = step(onto, opened("M1"), opened("M2"), orders=[order()])
    assert [(line.meter_id, line.source_id, line.until) for line in done.suppressions] == [
        ("M1", "WO1", NOW + 4500),
        ("M2", "WO1", NOW + 4500),
    ]
    assert (done.incidents, done.intents) == ([], [])
    assert not step(onto, closed("M1"), orders=[order()]).incidents
    assert not changed(step(onto, orders=[order()], now=NOW + 6299))
    assert onto.release_at == NOW + 6300
    released = step(onto, orders=[order()], now=NOW + 6300)
    assert [(line.meter_id, line.released_at) for line in released.suppressions] == [("M2", NOW + 6300)]
    assert [incident.meters_out for incident in released.incidents] == [1]
    assert [kind for kind, _ in told(released)] == [IntentKind.outage_seen]
    assert not changed(step(onto, orders=[order()], now=NOW + 18000))


def test_an_extended_order_explains_further():
    onto = board()
    step(onto, opened("M1"), orders=[order()])
    longer = [order(end=NOW + 7200)]
    done = step(onto, orders=longer, now=NOW + 6300)
    assert [(line.until, line.released_at) for line in done.suppressions] == [(NOW + 8100, None)]
    assert done.incidents == []
    assert step(onto, orders=longer, now=NOW + 9900).incidents


def test_a_storm_is_cut_into_chunks_of_a_thousand_and_every_member_is_in_one():
    many = [opened(f"M{n}") for n in range(2 * CHUNK_MEMBERS + 1)]
    done = step(board(), *many)
    assert [len(chunk.members) for chunk in done.chunks] == [CHUNK_MEMBERS, CHUNK_MEMBERS, 1]
    assert {member.meter_id for chunk in done.chunks for member in chunk.members} == {each.meter_id for each in many}
    assert done.incidents[0].chunks == tuple(chunk.id for chunk in done.chunks)


records = st.lists(
    st.tuples(st.sampled_from(["M1", "M2", "M3"]), st.integers(0, 5), st.booleans()), min_size=1, max_size=10
)


@settings(deadline=None, derandomize=True)
@given(records, st.data())
def test_redelivery_in_any_batches_tells_nothing_twice(records, data):
    anomalies = [
        (closed if end else opened)(meter, start=NOW + 900 * slot, **({"end": NOW + 900 * slot + 900} if end else {}))
        for meter, slot, end in records
    ]
    onto, seen = board(), set()
    for begin in range(len(anomalies)):
        batch = anomalies[begin : begin + 2] + data.draw(st.permutations(anomalies[: begin + 1]))
        done = step(onto, *batch)
        ids = [each.id for each in (*done.incidents, *done.intents, *done.chunks)]
        assert len(set(ids)) == len(ids)
        assert not seen.intersection(ids)
        seen.update(ids)
    assert not changed(step(onto, *anomalies))
