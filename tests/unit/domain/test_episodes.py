"""Episodes: when an anomaly opens and when it closes."""

from __future__ import annotations

import numpy as np
import pytest
from detection_bench import NAN, live, meters, steady

from functions.domain.anomalies import Kind, Phase
from functions.domain.episodes import NEVER, due_times, overdue


def told(changes):
    return [(each.kind.name, each.phase.value, each.start_slot, each.end_slot) for each in changes]


def after(*batches, nominal_v=230.0):
    state, changes = meters(nominal_v=nominal_v), []
    for batch in batches:
        changes += live(state, [(0, *reading) for reading in batch])[1]
    return state, [change for change in told(changes) if change[0] != "unusual"]


def test_an_outage_is_one_anomaly_from_its_first_to_the_first_live_reading():
    _, changes = after([(10, 230, 1), (11, 0, 0)], [(12, 0, 0)], [(13, 0, 0), (14, 231, 1)])
    assert changes == [("power_off", "opened", 11, None), ("power_off", "closed", 11, 14)]


def test_darkness_without_readings_lasts_until_power_is_seen():
    _, changes = after([(10, 0, 0)], [(25, 230, 1)])
    assert changes[-1] == ("power_off", "closed", 10, 25)


@pytest.mark.parametrize("reading", [(12, NAN, 0), (12, NAN, NAN)])
def test_a_reading_without_voltage_or_consumption_does_not_end_an_outage(reading):
    _, changes = after([(11, 0, 0)], [reading])
    assert changes == [("power_off", "opened", 11, None)]


def test_consumption_proves_power():
    _, changes = after([(11, 0, 0)], [(12, NAN, 0.5)])
    assert changes[-1] == ("power_off", "closed", 11, 12)


def test_a_flickering_sag_is_one_anomaly_until_it_has_been_well_for_its_hold():
    sag, well = 200, 230
    rows = [(10, sag), (11, well), (12, sag), (13, well), (14, well), (15, well), (16, well), (17, well)]
    _, changes = after(*[[(slot, volts, 0.1)] for slot, volts in rows])
    assert changes == [("sag", "opened", 10, None), ("sag", "closed", 10, 13)]


def test_an_unmeasured_voltage_does_not_end_a_sag():
    _, changes = after([(10, 200, 0.1)], [(slot, NAN, 0.1) for slot in range(11, 20)])
    assert changes == [("sag", "opened", 10, None)]


def test_a_late_zero_of_a_meter_that_has_power_again_is_no_news():
    _, changes = after([(10, 230, 1), (12, 230, 1)], [(11, 0, 0)])
    assert changes == []


def test_a_late_reading_inside_a_told_outage_opens_nothing():
    _, changes = after([(10, 0, 0), (12, 0, 0)], [(13, 230, 1)], [(11, 0, 0)])
    assert changes == [("power_off", "opened", 10, None), ("power_off", "closed", 10, 13)]


def test_a_sag_scores_as_deep_as_it_is_however_odd_the_model_finds_it():
    state = meters(nominal_v=240.0)
    live(state, [(0, slot, 240 + slot % 3, 0.15) for slot in range(4_000, 4_160)])
    _, changes = live(state, [(0, slot, 226.5, 0.15) for slot in range(4_160, 4_164)])
    (sag,) = (each for each in changes if each.kind is Kind.sag)
    assert sag.score == pytest.approx(3 + 30 * (0.95 - 226.5 / 240), abs=0.01)


def test_the_closed_record_carries_the_worst_score():
    state = meters()
    live(state, steady(0, 1))
    _, opened = live(state, [(0, 10, 205, 0.1)])
    _, closed = live(state, [(0, 11, 120, 0.1), *steady(12, 8)])
    (sag,) = [change for change in closed if change.kind is Kind.sag]
    assert sag.phase is Phase.closed
    assert sag.score >= opened[0].score - 0.01


def test_a_meter_is_overdue_an_interval_and_a_grace_after_its_next_reading_should_be_complete():
    state = meters(3)
    live(state, [(0, 100, 230, 1), (1, 100, 0, 0)])
    due = due_times(state, 60)
    assert due.tolist() == [102 * 900 + 60, NEVER, NEVER]
    swept = np.array([True, True, True])
    assert overdue(state, swept, 102 * 900 + 60, 60, 5.0) == []
    assert told(overdue(state, swept, 102 * 900 + 61, 60, 5.0)) == [("no_reads", "opened", 101, None)]
    assert overdue(state, swept, 10**9, 60, 5.0) == []
    assert told(live(state, [(0, 110, 230, 1)])[1]) == [("no_reads", "closed", 101, 110)]


def test_a_late_reading_from_before_the_silence_does_not_end_it():
    state = meters()
    live(state, [(0, 100, 230, 1), (0, 102, 230, 1)])
    overdue(state, np.array([True]), 10**9, 60, 5.0)
    assert live(state, [(0, 101, 230, 1)])[1] == []


def test_a_meter_nobody_confirmed_is_not_swept():
    state = meters()
    live(state, [(0, 100, 230, 1)])
    assert overdue(state, np.array([False]), 10**9, 60, 5.0) == []


def test_what_a_model_saw_holds_for_half_a_day_however_short_the_interval():
    state = meters()
    live(state, steady(60 * 60, 60 * 24 * 3), interval_s=60)
    start = 60 * 60 + 60 * 24 * 3
    odd = [(0, start + n, 249 + n % 3, 0.15 + 0.01 * (n % 5)) for n in range(6)]
    usual = [(0, start + 6 + n, *each[2:]) for n, each in enumerate(steady(0, 800))]
    _, opened = live(state, odd, interval_s=60)
    _, at_once = live(state, usual[:600], interval_s=60)
    _, later = live(state, usual[600:], interval_s=60)
    assert [change[1] for change in told(opened) if change[0] == "unusual"] == ["opened"]
    assert [change for change in told(at_once) if change[0] == "unusual"] == []
    assert [change[1] for change in told(later) if change[0] == "unusual"] == ["closed"]
