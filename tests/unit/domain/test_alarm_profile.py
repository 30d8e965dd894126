"""Alarm profiles: verdicts teach, few of them little, and old ones fade."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.alarm_profile import (
    HOURS_OF_WEEK,
    LEAST_WEIGHT,
    MOST_WEIGHT,
    AlarmProfile,
    Subject,
    confirmed_share,
    hour_of_week,
    learn,
    subjects,
    weight,
)

MONDAY = 1_718_582_400
"""2024-06-17T00:00Z."""
HOUR_S = 3_600
verdicts = st.lists(st.tuples(st.integers(0, HOURS_OF_WEEK - 1), st.booleans()), max_size=40)


def taught(*lessons: tuple[int, bool]) -> AlarmProfile:
    profile = AlarmProfile("F")
    for hour, confirmed in lessons:
        profile = learn(profile, Subject.pattern, hour, confirmed)
    return profile


@pytest.mark.parametrize(
    ("moment", "hour"),
    [(MONDAY, 0), (MONDAY + HOUR_S - 1, 0), (MONDAY - 1, 167), (MONDAY + 6 * 24 * HOUR_S, 144), (0, 72)],
)
def test_the_week_begins_on_monday(moment: int, hour: int) -> None:
    assert hour_of_week(moment) == hour


def test_without_verdicts_nothing_more_and_nothing_less_is_asked() -> None:
    assert {weight(AlarmProfile("F"), Subject.voltage, MONDAY + hour * HOUR_S) for hour in range(HOURS_OF_WEEK)} == {
        1.0
    }


def test_a_feeder_that_is_never_right_needs_more_and_one_that_always_is_less() -> None:
    noisy, reliable = taught(*[(8, False)] * 200), taught(*[(8, True)] * 200)
    assert weight(noisy, Subject.pattern, MONDAY + 8 * HOUR_S) == pytest.approx(MOST_WEIGHT, abs=0.03)
    assert weight(reliable, Subject.pattern, MONDAY + 8 * HOUR_S) == pytest.approx(LEAST_WEIGHT, abs=0.03)


def test_an_hour_nobody_judged_is_taken_as_the_feeder_is() -> None:
    profile = taught(*[(8, False)] * 30)
    assert (
        1.0
        < weight(profile, Subject.pattern, MONDAY + 20 * HOUR_S)
        < weight(profile, Subject.pattern, MONDAY + 8 * HOUR_S)
    )


def test_one_verdict_moves_little() -> None:
    assert weight(taught((8, False)), Subject.pattern, MONDAY + 8 * HOUR_S) < 1.11


def test_a_repaired_feeder_is_forgiven() -> None:
    before = taught(*[(8, False)] * 100)
    after = taught(*[(8, False)] * 100, *[(8, True)] * 100)
    assert weight(before, Subject.pattern, MONDAY + 8 * HOUR_S) > 1.4
    assert weight(after, Subject.pattern, MONDAY + 8 * HOUR_S) < 0.93


@given(verdicts, st.integers(0, HOURS_OF_WEEK - 1))
def test_the_weight_stays_between_its_bounds_and_a_confirmation_never_raises_it(
    lessons: list[tuple[int, bool]], hour: int
) -> None:
    profile, moment = taught(*lessons), MONDAY + hour * HOUR_S
    assert LEAST_WEIGHT <= weight(profile, Subject.pattern, moment) <= MOST_WEIGHT

    def share(confirmed: bool) -> float:
        return confirmed_share(learn(profile, Subject.pattern, hour, confirmed), Subject.pattern, moment)

    assert share(True) >= share(False)


def test_verdicts_on_patterns_say_nothing_of_voltage() -> None:
    profile = taught(*[(8, False)] * 60)
    assert weight(profile, Subject.pattern, MONDAY) > 1.2
    assert weight(profile, Subject.voltage, MONDAY) == 1.0


def test_nothing_is_learnt_of_what_no_habit_bears_on() -> None:
    assert subjects(["power_off", "no_reads", "stuck", "tamper"]) == set()
    assert subjects(["sag", "power_off", "unusual"]) == {Subject.voltage, Subject.pattern}
