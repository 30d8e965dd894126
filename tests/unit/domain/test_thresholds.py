"""Thresholds: the budget everybody shares, and each meter's own percentile."""

from __future__ import annotations

import numpy as np
from detection_bench import meters
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.packs import HISTORY
from functions.domain.thresholds import HIGHEST_SCORE, SCORE_STEP, budget_score, own_percentile, remember

ROW = np.array([0])


def remembered(scores):
    """Scores in the steps they are remembered in."""
    return np.round(np.float32(scores) / np.float32(SCORE_STEP)).astype(np.float64) * SCORE_STEP


def history(scores):
    state = meters(2)
    for score in scores:
        remember(state, ROW, np.float32([score]))
    return state


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    st.lists(st.floats(0, HIGHEST_SCORE, width=32), max_size=30),
    st.integers(0, 600),
    st.integers(0, 2**32 - 1),
    st.sampled_from([2, 5, 1000]),
)
def test_the_percentile_is_numpys_of_the_remembered_week_after_any_sequence(head, more, seed, distinct):
    tail = np.random.default_rng(seed).integers(0, distinct, more) / 80
    scores = np.float32([*head, *tail])
    state = history(scores)
    (percentile,) = own_percentile(state, ROW)
    if len(scores) < 24:
        assert percentile == -np.inf
    else:
        expected = np.percentile(remembered(scores[-HISTORY:]), 99)
        np.testing.assert_allclose(percentile, expected, rtol=1e-5, atol=1e-5)
        # A step is far below what separates a window of one tail probability from the next.
        np.testing.assert_allclose(percentile, np.percentile(scores[-HISTORY:], 99), atol=SCORE_STEP / 2 + 1e-5)


def test_the_highest_score_is_remembered_as_it_is():
    assert own_percentile(history([HIGHEST_SCORE] * 30), ROW) == np.float32(HIGHEST_SCORE)


def test_a_neighbour_is_not_touched():
    state = history([5.0] * 30)
    np.testing.assert_allclose(own_percentile(state, np.array([0, 1])), [5.0, -np.inf])


def test_a_meter_with_many_years_of_scores_still_forgets_the_oldest():
    state = meters()
    state["history_n"] = 335
    state["history"], state["top"] = 1, 1
    for score in range(400):
        remember(state, ROW, np.float32([score * SCORE_STEP / 2]))
    expected = np.percentile(np.arange(400 - HISTORY, 400) * SCORE_STEP / 2, 99)
    np.testing.assert_allclose(own_percentile(state, ROW), expected, atol=SCORE_STEP)
    assert state["history"][0].min() * SCORE_STEP > (399 - HISTORY) * SCORE_STEP / 2 - SCORE_STEP


def test_the_budget_is_higher_for_meters_that_report_more_often():
    per_minute, per_hour = budget_score(5.0, np.array([60, 3600]))
    assert per_minute > per_hour
    healthy = 10.0 ** -float(per_hour) * 24 * 1000  # windows a day of 1,000 meters that exceed it
    np.testing.assert_allclose(healthy, 5.0, rtol=1e-5)


def test_windows_that_exceed_the_bar_together_are_one_alert():
    (bar,) = budget_score(5.0, np.array([900]), alerts_per_window=0.25)
    windows = 10.0 ** -float(bar) * 96 * 1000
    np.testing.assert_allclose(windows, 4 * 5.0, rtol=1e-5)
