"""Promises: rounded as people speak, never in the past, and not changed for little."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.promises import TOLERANCE_S, promise, spoken

NOW = int(datetime(2026, 3, 4, 12, 7, tzinfo=UTC).timestamp())
HOURS = st.floats(0, 200)
OFFSETS = st.sampled_from([-28_800, 0, 3600, 19_800, 20_700])


def clock(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%d %H:%M")


@pytest.mark.parametrize(
    ("hours", "expected"),
    [(0.0, "04 12:15"), (0.1, "04 12:15"), (1.2, "04 13:30"), (3.0, "04 15:30"), (7.0, "04 20:00"), (20.0, "05 09:00")],
)
def test_the_further_ahead_the_rounder(hours, expected):
    assert clock(promise(hours, NOW)) == expected


@given(HOURS, st.integers(0, 2_000_000_000), st.none() | st.integers(0, 2_000_000_000), OFFSETS)
def test_a_promise_is_never_in_the_past(hours, now, previous, offset):
    assert promise(hours, now, previous, offset) > now


@given(HOURS, st.integers(-7200, 7200), OFFSETS)
def test_a_promise_changes_only_when_it_moves_by_more_than_30_minutes(hours, moved, offset):
    fresh = promise(hours, NOW, None, offset)
    previous = fresh + moved
    again = promise(hours, NOW, previous, offset)
    assert again == (previous if previous > NOW and abs(moved) <= TOLERANCE_S else fresh)


@given(HOURS, OFFSETS)
def test_a_promise_leaves_the_quantile_its_time(hours, offset):
    assert 0 <= promise(hours, NOW, None, offset) - NOW - hours * 3600 <= 3601


def test_a_promise_that_has_passed_is_made_anew():
    assert promise(0.1, NOW, previous=NOW) > NOW


def test_full_hours_are_local():
    nepal = 20_700
    assert (promise(20.0, NOW, None, nepal) + nepal) % 3600 == 0


@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (NOW + 8 * 60, "by about 12:15 pm"),
        (NOW + 11 * 3600 + 53 * 60, "by about 12 am tomorrow"),
        (NOW + 3 * 86_400 - 7 * 60, "by about 12 pm on Saturday 7 March"),
    ],
)
def test_a_promise_is_told_as_people_speak(moment, words):
    assert spoken(moment, NOW) == words
