"""Learning: what readings leave behind in a pack, and what is kept out of it."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from detection_bench import NAN, PRIOR, feed, meters, steady
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.domain.anomalies import Kind
from functions.domain.baselines import WARM_UP_DAYS
from functions.domain.detection import Judge, Scores
from functions.domain.features import FEATURES
from functions.domain.packs import describe
from functions.domain.thresholds import SCORE_STEP, TEACHES_BELOW

DAY = 96
FIRST = 200 * DAY


def hour_of(*readings):
    """Volts and kWh as the ring keeps them of one hour of these readings (slot in the hour, V, kWh)."""
    state = meters()
    feed(state, [(0, 4_000 + nth, volts, kwh) for nth, volts, kwh in readings])
    feed(state, [(0, 4_008, 230, 0.25)])
    meter = describe(state[0])
    return meter.hours_voltage_v[-1], meter.hours_energy_kwh[-1]


@pytest.mark.parametrize("volts", [195.0, 262.0])
def test_a_voltage_beyond_its_limit_stays_out_of_the_ring_and_its_energy_does_not(volts):
    found, kwh = hour_of((0, 231, 0.25), (1, volts, 0.5), (2, 231, 0.25), (3, 231, 0.25))
    assert found == pytest.approx(231, abs=0.2)
    assert kwh == 1.25


def test_darkness_stays_out_of_the_ring_whole():
    volts, kwh = hour_of((0, 231, 0.25), (1, 0, 0), (2, 0, 0), (3, 231, 0.25))
    assert volts == pytest.approx(231, abs=0.2)
    assert kwh == 1.0
    assert hour_of(*((nth, 0, 0) for nth in range(4))) == (None, None)


@pytest.mark.parametrize("lost", [(0,), (3,), (0, 2), (1, 2, 3)])
def test_the_energy_of_an_hour_with_lost_readings_is_scaled_up(lost):
    there = [(nth, 231, 0.25) for nth in range(4) if nth not in lost]
    assert hour_of(*there)[1] == 1.0
    assert hour_of(*there, *((nth, 231, NAN) for nth in lost))[1] == 1.0


def by_voltage(features, usual_mean, usual_sd):
    """A hundredth of nominal above it scores one."""
    score = np.maximum((features[:, 0] - 1) * 100, 0).astype(np.float32)
    return Scores(np.nan_to_num(score), np.zeros_like(features))


JUDGE = Judge(by_voltage, PRIOR)


def hour_that_scores(state, score: float):
    """An hour whose every window scores the same, an hour of rest before and after it; what was found in it."""
    slot = (int(state["head"][0]) // 4 + 2) * 4
    volts = 230 * (1 + score / 100)
    _, _, found = feed(state, [(0, slot + nth, volts, 0.25 + nth / 100) for nth in range(4)], judge=JUDGE)
    feed(state, [(0, slot + 8, 230, 0.25)], judge=JUDGE)
    return found


def taught(state) -> tuple[int, int]:
    """How many hours the baseline has learnt, and how many scores are remembered."""
    return int(state["base_n"][0]), int(state["history_n"][0])


@pytest.mark.parametrize(
    ("score", "teaches", "remembered", "raised"), [(2.0, 1, 1, False), (4.0, 0, 1, False), (6.0, 0, 0, True)]
)
def test_a_doubtful_window_is_remembered_but_does_not_teach_and_an_unusual_one_does_neither(
    score, teaches, remembered, raised
):
    assert 2.0 < TEACHES_BELOW < 4.0
    state = meters()
    feed(state, steady(4_000, 96 * (WARM_UP_DAYS + 3)), judge=JUDGE)
    feed(state, [(0, int(state["head"][0]) + 8, 230, 0.25)], judge=JUDGE)  # closes what is open
    before, profile = taught(state), state["profile"][0].copy()
    found = hour_that_scores(state, score)
    own_hour = 1  # the hour of rest before has closed as well
    assert taught(state) == (before[0] + own_hour + teaches, before[1] + own_hour + remembered)
    assert found.kinds[:, Kind.unusual].all() == raised
    assert (state["history"][0].max() >= score / SCORE_STEP - 1) == bool(remembered)
    place = (int(state["head"][0]) // 4 - 2) % 24
    assert (state["profile"][0, place] != profile[place]) == bool(teaches)


def test_a_meter_nobody_knows_yet_is_taught_by_doubtful_windows_too():
    state = meters()
    feed(state, [(0, 4_000, 230, 0.25)], judge=JUDGE)
    before = taught(state)
    hour_that_scores(state, 4.0)
    assert taught(state)[0] == before[0] + 2


def habit(day: int, factor: float = 1.0, row: int = 0):
    """A day of a home that lives by the clock, its evening ten times its night, from midnight on."""
    evening = [0.5 if 68 <= nth < 88 else 0.05 for nth in range(DAY)]
    return [
        (row, FIRST + day * DAY + nth, 232 - 6 * kwh + 0.1 * (nth % 3), factor * kwh * (1 + 0.1 * (nth % 2)))
        for nth, kwh in enumerate(evening)
    ]


def test_a_meter_that_lives_by_the_clock_is_compared_with_its_own_clock():
    state = meters()
    feed(state, [reading for day in range(10) for reading in habit(day)])
    _, _, found = feed(state, habit(10))
    of = {name: found.features[:, FEATURES.index(name)] for name in FEATURES}
    assert np.abs(np.median(of["energy_of_hour_log"])) < 0.05
    assert np.abs(of["energy_day_log"]).max() < 0.05
    assert of["energy_follows"].min() > 0.95
    assert describe(state[0]).days == 11


def test_a_theft_shows_in_recent_days_and_is_not_learnt_as_usual():
    state = meters()
    feed(state, [reading for day in range(10) for reading in habit(day)])
    usual = describe(state[0]).usual_mean
    feed(state, habit(10, 0.4) + habit(11, 0.4))
    _, _, found = feed(state, habit(12, 0.4)[:1])
    of = dict(zip(FEATURES, found.features[0].tolist(), strict=True))
    assert of["energy_day_log"] == pytest.approx(math.log(0.4), abs=0.2)
    # The true current still flows: the same drop for less counted.
    assert of["voltage_energy_slope"] > 1.3 * usual["voltage_energy_slope"] > 0
    assert describe(state[0]).usual_mean["energy_day_log"] > math.log(0.4) / 2


def weeks_of_three(seed: int):
    """Five days of three meters, quarter-hourly, with losses, darkness and sags, in the order of time."""
    rng = random.Random(seed)
    rows = []
    for row in range(3):
        lost, odd = rng.choice([0, 0.02, 0.3]), rng.choice([0, 0.01])
        for day in range(5):
            for _, slot, volts, kwh in habit(day, row=row):
                if rng.random() < lost:
                    continue
                volts, kwh = volts + rng.uniform(-1, 1), kwh * rng.uniform(0.7, 1.3)
                if rng.random() < odd:
                    volts, kwh = rng.choice([(0.0, 0.0), (190.0, kwh), (NAN, kwh), (volts, NAN)])
                rows.append((row, slot, round(volts, 1), round(kwh, 3)))
    return sorted(rows, key=lambda each: each[1])


@settings(deadline=None, derandomize=True, max_examples=8)
@given(st.integers(0, 10_000), st.lists(st.floats(0, 1), max_size=6))
def test_days_cut_into_batches_anywhere_teach_the_same(seed, cuts):
    rows = weeks_of_three(seed)
    whole, pieces = meters(3), meters(3)
    feed(whole, rows)
    places = sorted(round(cut * len(rows)) for cut in cuts)
    for begin, end in zip([0, *places], [*places, len(rows)], strict=True):
        feed(pieces, rows[begin:end])
    assert pieces.tobytes() == whole.tobytes()
    assert whole["day_n"].min() >= 4


@settings(deadline=None, derandomize=True, max_examples=6)
@given(st.integers(0, 10_000))
def test_days_of_a_meter_are_judged_the_same_alone_and_among_others(seed):
    rows = weeks_of_three(seed)
    together = meters(3)
    _, entries, found = feed(together, rows)
    for row in range(3):
        alone = meters()
        _, _, own = feed(alone, [(0, *rest) for each, *rest in rows if each == row])
        assert alone[0].tobytes() == together[row].tobytes()
        mine = entries.row == row
        np.testing.assert_array_equal(own.score, found.score[mine])
        assert own.features.tobytes() == np.ascontiguousarray(found.features[mine]).tobytes()
    assert np.isfinite(together["days"]).all()
