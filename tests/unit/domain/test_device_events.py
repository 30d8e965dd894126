"""Device events: last gasps, restorations and tampering among the readings."""

from __future__ import annotations

import pytest
from detection_bench import live, meters
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.anomalies import Kind, Phase
from functions.domain.device_events import Meaning, RowEvent, code_table
from functions.domain.episodes import due_times, open_at


def event(meaning, at, row=0):
    return RowEvent(row, at // 900, at, meaning)


def gasp(at):
    return event(Meaning.last_gasp, at)


def restored(at):
    return event(Meaning.power_restored, at)


def tamper(at):
    return event(Meaning.tamper, at)


def told(changes):
    return [(each.kind.name, each.phase.value, each.start_slot, each.end_slot) for each in changes]


def heard(state, *events, rows=()):
    used, changes = live(state, list(rows), list(events))
    return used, told(changes)


def test_a_gasp_opens_an_outage_and_a_restoration_ends_it_once():
    state = meters()
    heard(state, rows=[(0, 9, 230, 1)])
    assert heard(state, gasp(9_100)) == ([True], [("power_off", "opened", 10, None)])
    assert heard(state, gasp(9_100)) == ([False], [])
    assert heard(state, restored(12_000)) == ([True], [("power_off", "closed", 10, 13)])
    assert heard(state, restored(12_000)) == ([False], [])
    assert heard(state, gasp(9_100)) == ([False], [])


def test_the_reading_of_the_slot_of_the_gasp_does_not_end_the_outage_the_next_one_does():
    state = meters()
    heard(state, gasp(9_100))
    assert heard(state, rows=[(0, 10, 228, 1)])[1] == []
    assert heard(state, rows=[(0, 11, 230, 1)])[1] == [("power_off", "closed", 10, 11)]


def test_a_gasp_that_readings_have_overtaken_is_ignored():
    state = meters()
    heard(state, rows=[(0, 12, 230, 1)])
    assert heard(state, gasp(9_100)) == ([False], [])


def test_a_gasp_that_its_restoration_has_overtaken_is_ignored():
    state = meters()
    heard(state, restored(9_500))
    assert heard(state, gasp(9_100)) == ([False], [])


def test_a_restoration_from_before_the_outage_does_not_end_it():
    state = meters()
    heard(state, rows=[(0, 10, 0, 0), (0, 11, 0, 0)])
    assert heard(state, restored(9_500))[1] == []
    assert state["open_slot"][0, 0] == 10


def test_the_reading_of_the_slot_of_a_restoration_opens_no_second_outage():
    state = meters()
    assert heard(state, gasp(9_100), restored(10_000), rows=[(0, 11, 0, 0)])[1] == [
        ("power_off", "opened", 10, None),
        ("power_off", "closed", 10, 11),
    ]
    assert heard(state, rows=[(0, 12, 0, 0)])[1] == [("power_off", "opened", 12, None)]


def test_a_gasp_during_an_outage_is_heard_once_and_holds_it_open():
    state = meters()
    heard(state, rows=[(0, 10, 0, 0)])
    assert heard(state, gasp(10_000)) == ([True], [])
    assert heard(state, gasp(10_000)) == ([False], [])
    assert heard(state, rows=[(0, 11, 230, 1)])[1] == []
    assert heard(state, rows=[(0, 12, 230, 1)])[1] == [("power_off", "closed", 10, 12)]


def test_tampering_is_one_anomaly_until_a_while_has_passed():
    state = meters()
    assert heard(state, tamper(9_100)) == ([True], [("tamper", "opened", 10, None)])
    assert heard(state, tamper(9_100)) == ([False], [])
    assert heard(state, tamper(9_950)) == ([True], [])
    assert heard(state, rows=[(0, 106, 230, 1)])[1] == []
    assert heard(state, rows=[(0, 107, 230, 1)])[1] == [("tamper", "closed", 10, 12)]
    assert heard(state, tamper(9_950)) == ([False], [])


@pytest.mark.parametrize("meaning", [Meaning.service_disconnected, Meaning.service_connected])
def test_a_switch_the_utility_worked_is_understood_and_raises_nothing(meaning):
    state = meters()
    heard(state, rows=[(0, 9, 230, 1)])
    before = state.tobytes()
    assert heard(state, event(meaning, 9_100)) == ([True], [])
    assert state.tobytes() == before


def test_voltage_behind_an_open_switch_is_tampering():
    assert code_table()["load_side_voltage"] is code_table()["cover_opened"] is Meaning.tamper


def test_events_of_other_meters_do_not_matter():
    state = meters(3)
    used, changes = live(state, [(2, 10, 230, 1)], [event(Meaning.last_gasp, 9_100, 1)])
    assert used == [True]
    assert [change.row for change in changes] == [1]


def test_every_code_has_a_meaning():
    assert code_table()["last_gasp"] is Meaning.last_gasp
    assert set(code_table().values()) == set(Meaning)


moments = st.tuples(st.sampled_from(list(Meaning)), st.integers(9_000, 18_000))
supply = st.lists(st.sampled_from([0.0, 230.0, 231.0]), min_size=10, max_size=10)


@settings(deadline=None, derandomize=True)
@given(st.lists(moments, max_size=8), supply, st.data())
def test_batches_cut_in_time_order_tell_the_same_and_a_replay_nothing(events, volts, data):
    stream = [(at // 900, 0, event(meaning, at)) for meaning, at in set(events)]
    stream += [(10 + nth, 1, (0, 10 + nth, value, 0.1)) for nth, value in enumerate(volts)]
    stream.sort(key=lambda each: (*each[:2], each[2]))
    whole, pieces = meters(), meters()

    def tell(state, part):
        return live(state, [each for _, kind, each in part if kind], [each for _, kind, each in part if not kind])[1]

    expected = tell(whole, stream)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=3)))
    got = []
    for begin, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        got += tell(pieces, stream[begin:end])
    assert whole.tobytes() == pieces.tobytes()
    assert sorted(told(got), key=str) == sorted(told(expected), key=str)
    assert tell(whole, stream) == []
    assert whole.tobytes() == pieces.tobytes()


@pytest.mark.parametrize("count", [2_000])
def test_a_meter_that_floods_events_is_followed_all_the_same(count):
    state = meters()
    used, changes = live(state, [(0, 10, 230, 1)], [tamper(9_000 + nth) for nth in range(count)])
    assert len(used) == count
    assert len(changes) == 1


def test_a_restoration_says_that_a_silent_meter_was_dark_and_its_readings_are_due_anew():
    state = meters()
    heard(state, rows=[(0, 9, 230, 1)])
    open_at(state, 0, Kind.no_reads, 10, 5.0)
    _, (change,) = live(state, [], [restored(12_000)])
    assert (change.kind, change.phase, change.end_slot, change.at) == (Kind.no_reads, Phase.closed, 13, 12_000)
    assert due_times(state, 600)[0] == (13 + 2) * 900 + 600


def test_an_event_gives_its_own_moment_and_what_kind_of_signal_it_was():
    state = meters()
    heard(state, rows=[(0, 9, 230, 1)])
    _, (change,) = live(state, [], [gasp(9_100)])
    assert (change.at, change.signal) == (9_100, "last_gasp")
    _, (change,) = live(state, [], [restored(12_000)])
    assert (change.at, change.signal) == (12_000, "")
    _, (change,) = live(state, [(0, 20, 0, 0)], [])
    assert (change.at, change.signal) == (None, "zero_voltage")
