"""Windows: which readings enter a meter's window, and the windows that end in them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from detection_bench import NAN, meters, readings
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.outcomes import Outcome
from functions.domain.windows import admit


def admitted(state, rows, interval_s=900):
    outcome, entries = admit(state, readings(rows, interval_s))
    return [Outcome(code).name for code in outcome], entries


def test_a_reading_is_new_fills_is_duplicate_or_late():
    state = meters()
    assert admitted(state, [(0, 100, 230, 1), (0, 102, 231, 1)])[0] == ["applied"] * 2
    assert admitted(state, [(0, 101, 229, 1)])[0] == ["applied"]
    assert admitted(state, [(0, 101, 200, 9)])[0] == ["duplicate"]
    assert admitted(state, [(0, 98, 200, 9)])[0] == ["late"]
    assert admitted(state, [(0, 99, 228, 1)])[0] == ["applied"]
    assert state["voltage"][0].tolist() == [228, 230, 229, 231]
    assert state["head"][0] == 102


def test_a_window_holds_only_its_four_slots_after_a_gap():
    state = meters()
    admitted(state, [(0, slot, 230 + slot % 4, 1) for slot in range(100, 104)])
    _, entries = admitted(state, [(0, 106, 240, 2)])
    np.testing.assert_array_equal(entries.window_v, np.float32([[233, NAN, NAN, 240]]))
    _, entries = admitted(state, [(0, 500, 241, 2)])
    np.testing.assert_array_equal(entries.window_v, np.float32([[NAN, NAN, NAN, 241]]))


def test_several_slots_of_a_batch_each_see_their_own_past():
    state = meters(2)
    _, entries = admitted(state, [(1, 7, 4, 0), (0, 8, 2, 0), (1, 9, 5, 0), (0, 7, 1, 0), (0, 9, 3, 0)])
    assert entries.row.tolist() == [0, 0, 0, 1, 1]
    np.testing.assert_array_equal(
        entries.window_v,
        np.float32([[NAN, NAN, NAN, 1], [NAN, NAN, 1, 2], [NAN, 1, 2, 3], [NAN, NAN, NAN, 4], [NAN, 4, NAN, 5]]),
    )


def test_of_two_values_for_one_slot_in_a_batch_the_smaller_is_taken_in_any_order():
    for rows in ([(0, 5, 231, 1), (0, 5, 229, 1)], [(0, 5, 229, 1), (0, 5, 231, 1)]):
        state = meters()
        outcome, _ = admitted(state, rows)
        assert sorted(outcome) == ["applied", "duplicate"]
        assert state["voltage"][0, 3] == 229


def test_a_fill_does_not_see_a_later_fill_of_its_batch():
    together, apart = meters(), meters()
    for state in (together, apart):
        admitted(state, [(0, 100, 1, 0), (0, 103, 4, 0)])
    _, both = admitted(together, [(0, 102, 3, 0), (0, 101, 2, 0)])
    windows = [admitted(apart, [reading])[1].window_v[0] for reading in ((0, 101, 2, 0), (0, 102, 3, 0))]
    np.testing.assert_array_equal(both.window_v, windows)
    assert together.tobytes() == apart.tobytes()


def test_a_reading_of_another_interval_is_set_aside_and_takes_nobodys_slot():
    state = meters()
    day = 86_400
    outcome, _ = admitted(state, [(0, 20_000, 230, 1, day)])
    assert outcome == ["applied"]
    outcome, _ = admitted(state, [(0, 20_001, 200, 1, day - 1), (0, 20_001, 231, 1, day)])
    assert outcome == ["quarantined", "applied"]
    assert state["voltage"][0, 3] == 231


@pytest.mark.parametrize("flip", [1, -1])
def test_the_earliest_reading_of_a_new_meter_decides_its_interval(flip):
    state = meters()
    outcome, _ = admitted(state, [(0, 2_000_000, 230, 1, 900), (0, 30_000_060, 230, 1, 60)][::flip])
    assert outcome[::flip] == ["applied", "quarantined"]
    assert state["interval_s"][0] == 900


def test_a_slot_is_taken_by_energy_alone_too():
    state = meters()
    admitted(state, [(0, 5, NAN, 1)])
    assert admitted(state, [(0, 5, 230, NAN)])[0] == ["duplicate"]


def test_repeats_count_equal_neighbours_across_batches_and_stop_at_a_gap():
    state = meters()
    runs = []
    for slot in (1, 2, 3, 4, 6, 7):
        _, entries = admitted(state, [(0, slot, 230, 1)])
        runs += entries.repeats.tolist()
    assert runs == [0, 1, 2, 3, 0, 1]


def test_a_gap_counts_the_slots_that_brought_nothing_and_a_fill_ends_none():
    state = meters()
    gaps = []
    for slots in ((10,), (11, 15), (13,), (16,), (400, 402)):
        _, entries = admitted(state, [(0, slot, 230 + slot, 1) for slot in slots])
        gaps += entries.gap.tolist()
    assert gaps == [0, 0, 3, 0, 0, 383, 1]


def test_nothing_in_nothing_out():
    outcome, entries = admitted(meters(), [])
    assert outcome == []
    assert len(entries.row) == 0


class OneAtATime:
    """The window of one meter, one reading at a time."""

    def __init__(self):
        self.readings = {}
        self.head = None
        self.repeats = 0

    def take(self, slot, volts, kwh):
        if self.head is not None and slot <= self.head:
            if slot <= self.head - 4:
                return "late", None
            if slot in self.readings:
                return "duplicate", None
            self.readings[slot] = (volts, kwh)
            return "applied", (self.window(), 0)
        self.repeats = self.repeats + 1 if self.readings.get(slot - 1) == (volts, kwh) else 0
        self.head = slot
        self.readings[slot] = (volts, kwh)
        return "applied", (self.window(), self.repeats)

    def window(self):
        return [self.readings.get(slot, (NAN, NAN))[0] for slot in range(self.head - 3, self.head + 1)]


batches = st.lists(
    st.lists(st.tuples(st.integers(0, 2), st.integers(10, 26), st.sampled_from([229, 230]), st.just(1)), max_size=12),
    max_size=5,
)


@settings(deadline=None, derandomize=True)
@given(batches)
def test_batches_equal_one_reading_at_a_time(batches):
    state = meters(3)
    slow = [OneAtATime() for _ in range(3)]
    for batch in batches:
        outcome, entries = admitted(state, batch)
        expected, windows = {}, []
        for nth in sorted(range(len(batch)), key=lambda nth: batch[nth]):
            row, *reading = batch[nth]
            expected[nth], applied = slow[row].take(*reading)
            windows += [applied] if applied else []
        assert sorted(zip(batch, outcome, strict=True)) == sorted((batch[nth], expected[nth]) for nth in expected)
        np.testing.assert_array_equal(entries.window_v, np.float32([w for w, _ in windows]).reshape(-1, 4))
        assert entries.repeats.tolist() == [repeats for _, repeats in windows]
    for row, meter in enumerate(slow):
        assert state["head"][row] == (-1 if meter.head is None else meter.head)
        if meter.head is not None:
            got = [None if math.isnan(v) else v for v in state["voltage"][row].tolist()]
            assert got == [None if math.isnan(v) else v for v in meter.window()]
