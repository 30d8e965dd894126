"""Detection: what is judged by what, and what teaches."""

from __future__ import annotations

import numpy as np
import pytest
from detection_bench import JUDGE, NAN, PRIOR, feed, meters, score, steady
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.anomalies import Kind
from functions.domain.baselines import WARM_UP
from functions.domain.detection import Judge, Scores
from functions.domain.features import FEATURES
from functions.domain.packs import describe
from functions.domain.thresholds import SCORE_STEP


def test_the_score_under_test_is_not_in_its_own_history():
    state = meters()
    feed(state, steady(4_000, 40 * 4))
    before = state["history_n"][0]
    feed(state, [(0, 4_160, 233, 0.15)])
    assert state["history_n"][0] <= before + 1
    history = state["history"][0].copy()
    _, _, found = feed(state, [(0, 4_161, 239.5, 0.15)])
    assert found.score[0] > SCORE_STEP * history.max()
    np.testing.assert_array_equal(state["history"][0], history)


def test_anomalous_windows_teach_nothing_once_a_meter_is_known():
    state = meters()
    feed(state, steady(4_000, 4 * (WARM_UP + 6)))
    known = state.copy()
    slot = int(state["head"][0]) // 4 * 4 + 8
    _, _, found = feed(state, [(0, slot + n, 247 + n % 3, 0.15 + 0.01 * (n % 5)) for n in range(40)])
    assert found.kinds[4:, Kind.unusual].all()
    # What was normal before the fault has been learnt; a day of it changed nothing else.
    assert state["base_n"][0] <= known["base_n"][0] + 2
    assert np.isnan(state["sample_score"][0, 1])
    assert abs(state["base_mean"][0, 0] - known["base_mean"][0, 0]) < 0.001


def test_a_block_teaches_once_and_by_its_last_normal_window():
    state = meters()
    feed(state, steady(4_000, 12))
    assert state["closed_block"][0] == 1000
    assert state["base_n"][0] == 1
    feed(state, steady(4_012, 4))
    assert state["base_n"][0] == 2


def test_the_ring_of_hours_has_none_where_nothing_came():
    state = meters()
    feed(state, [(0, slot, 230.0, 0.25) for slot in range(4_000, 4_008)])
    feed(state, [(0, slot, 241.5, 0.5) for slot in range(4_020, 4_028)])
    feed(state, [(0, 4_040, 230.0, 0.25)])
    meter = describe(state[0])
    assert meter.hours_energy_kwh[-8:] == (None, 1.0, 1.0, None, None, None, 2.0, 2.0)
    assert meter.hours_voltage_v[-7] == pytest.approx(230, abs=0.2)
    assert meter.hours_voltage_v[-1] == pytest.approx(241.5, abs=0.2)
    assert meter.hours_voltage_v[-4] is None


def test_a_ring_that_was_silent_for_longer_than_it_is_holds_nothing_old():
    state = meters()
    feed(state, steady(4_000, 200))
    feed(state, steady(4_000 + 4 * 500, 12))
    hours = describe(state[0]).hours_energy_kwh
    assert sum(hour is not None for hour in hours) <= 3


def test_an_hour_counts_a_reading_that_came_late_inside_the_window():
    state = meters()
    feed(state, [(0, slot, 230, 1) for slot in (4_000, 4_001, 4_002)])
    feed(state, [(0, 4_004, 230, 1)])
    feed(state, [(0, 4_003, 230, 1)])
    feed(state, [(0, 4_008, 230, 1)])
    assert describe(state[0]).hours_energy_kwh[-1] == 4.0


@pytest.mark.parametrize(("interval_s", "slots"), [(60, 60), (900, 4), (1800, 4), (3600, 4), (86_400, 4)])
def test_a_block_is_an_hour_or_a_window_where_that_is_longer(interval_s, slots):
    state = meters()
    first = 1000 * slots
    feed(state, [(0, first + n, 230 + n % 3, 0.5) for n in range(2 * slots)], interval_s)
    assert state["closed_block"][0] == 999
    feed(state, [(0, first + 2 * slots, 230, 0.5)], interval_s)
    assert state["closed_block"][0] == 1000
    assert state["hour_e"][0, 1000 % 72] == 0.5 * slots


def test_the_largest_energy_a_day_can_bring_still_fits():
    state = meters()
    feed(state, [(0, 20_000 + n, 230, 119_999) for n in range(12)], 86_400)
    assert np.isfinite(state["hour_e"][0, ~np.isnan(state["hour_e"][0])]).all()


def test_an_operators_fixed_threshold_replaces_the_budget():
    state = meters()
    _, _, found = feed(state, steady(4_000, 4), judge=Judge(score, PRIOR, fixed_threshold=0.001))
    assert (found.threshold == np.float32(0.001)).all()
    assert found.kinds[:, Kind.unusual].any()


def test_a_window_that_holds_a_broken_limit_is_not_reported_twice():
    state = meters()
    feed(state, steady(4_000, 200))
    _, _, found = feed(state, [(0, 4_200, 0, 0), (0, 4_201, 230, 0.15)])
    assert found.kinds[0, Kind.power_off]
    assert not found.kinds[:, Kind.unusual].any()


def test_energy_alone_is_judged_too():
    state = meters(nominal_v=NAN)
    feed(state, [(0, 4_000 + n, NAN, 0.15 + 0.01 * (n % 5)) for n in range(96 * 5)])
    _, _, found = feed(state, [(0, 4_000 + 96 * 5 + n, NAN, 30.0) for n in range(4)])
    assert found.kinds[-1, Kind.unusual]
    of_voltage = [column for column, name in enumerate(FEATURES) if "voltage" in name]
    assert np.isnan(found.features[:, of_voltage]).all()
    others = np.delete(found.features[-1], of_voltage)
    assert np.isfinite(others).all()


def test_a_scorer_that_knows_nothing_breaks_nothing():
    def ignorant(features, usual_mean, usual_sd):
        return Scores(np.full(len(features), NAN, np.float32), np.zeros_like(features))

    state = meters()
    _, _, found = feed(state, [(0, 4_000, 0, 0), *steady(4_001, 40)], judge=Judge(ignorant, PRIOR))
    assert np.isfinite(found.score).all()
    assert found.kinds[0, Kind.power_off]


def test_an_empty_batch_is_no_work():
    state = meters()
    before = state.tobytes()
    assert feed(state, [])[0] == []
    assert state.tobytes() == before


VOLTS = st.sampled_from([0.0, 200.0, 229.5, 230.0, 230.5, 236.0, 250.0, 262.0, NAN])
ENERGY = st.sampled_from([0.0, 0.1, 0.15, 0.2, 9.0, NAN])


@st.composite
def histories(draw):
    """Readings of three meters in time order, with gaps of every length and readings out of order in the window."""
    rows = []
    for row in range(3):
        slot = 4_000 + draw(st.integers(0, 5))
        for _ in range(draw(st.integers(0, 25))):
            slot += draw(st.sampled_from([1, 1, 1, 1, 2, 3, 5, 9, 400]))
            rows.append((row, slot, draw(VOLTS), draw(ENERGY)))
    return sorted(rows, key=lambda row: row[1])


@settings(deadline=None, derandomize=True)
@given(histories(), st.data())
def test_any_cut_into_batches_and_any_order_within_one_give_the_same_state(rows, data):
    whole, pieces = meters(3, NAN), meters(3, NAN)
    feed(whole, rows)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(rows)), max_size=4)))
    for begin, end in zip([0, *cuts], [*cuts, len(rows)], strict=True):
        feed(pieces, data.draw(st.permutations(rows[begin:end])))
    assert pieces.tobytes() == whole.tobytes()


@settings(deadline=None, derandomize=True, max_examples=50)
@given(histories())
def test_a_meter_is_judged_the_same_alone_and_among_others(rows):
    together = meters(3)
    _, entries, found = feed(together, rows)
    for row in range(3):
        alone = meters()
        _, _, own = feed(alone, [(0, *rest) for each, *rest in rows if each == row])
        assert alone[0].tobytes() == together[row].tobytes()
        np.testing.assert_array_equal(own.score, found.score[entries.row == row])
        np.testing.assert_array_equal(own.kinds, found.kinds[entries.row == row])


def test_replaying_history_changes_nothing():
    state = meters()
    rows = steady(4_000, 300)
    feed(state, rows, judge=JUDGE)
    before = state.tobytes()
    assert set(feed(state, rows)[0]) == {"late", "duplicate"}
    assert state.tobytes() == before
