"""Restoration times: facts that may be missing, words nobody has seen, and a calibration that never looks ahead."""

from __future__ import annotations

import warnings

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.restoration import QUANTILES, Facts, forecast
from functions.domain.restoration_calibration import BOUND, CELLS, LEVELS, Calibration, Lesson, cell_of, lessons
from functions.domain.restoration_features import FEATURES, Columns, columns, features, is_planned
from functions.domain.restoration_levels import ENOUGH, Levels
from functions.domain.restoration_words import Cause, Crew, cause_of, crew_of

NOW = 1_760_000_000
BARE = Facts(start=NOW - 3600, now=NOW)
FULL = Facts(
    start=NOW - 3600,
    now=NOW,
    first_seen=NOW - 3000,
    cause=Cause.equipment,
    crew=Crew.on_site,
    crew_since=NOW - 600,
    crew_changes=2,
    customers=40,
    customers_first=80,
    utc_offset_s=-25_200,
    estimate=NOW + 7200,
    estimate_first=NOW + 3600,
    revisions=1,
    revised_at=NOW - 900,
    usual_remaining=1.0,
    usual_total=1.1,
    area_pace=0.2,
    near_open=1,
    area_open=12,
    all_open=300,
)


def value(facts: Facts, name: str) -> float:
    return float(features(columns([facts]))[0, FEATURES.index(name)])


def model(inputs: np.ndarray) -> np.ndarray:
    """Quantiles out of order, the more so the longer an outage has lasted."""
    elapsed = np.nan_to_num(inputs[:, [FEATURES.index("elapsed")]])
    return (np.array([[0.0, 1.5, 1.0, 2.0]]) * (1 + elapsed)).astype(np.float32)


def test_columns_and_facts_have_the_same_fields():
    assert set(Columns._fields) == set(Facts.__struct_fields__)


def test_everything_may_be_missing():
    rows = features(columns([BARE]))
    assert rows.shape == (1, len(FEATURES))
    assert rows.dtype == np.float32
    known = {name for name, missing in zip(FEATURES, np.isnan(rows[0]), strict=True) if not missing}
    words = {name for name in FEATURES if name.startswith(("cause_", "crew_"))} - {"crew_age", "crew_changes"}
    assert known == {"elapsed", "planned"} | words


def test_each_optional_fact_may_be_missing_alone():
    for name in Facts.__struct_fields__[2:]:
        less = msgspec.structs.replace(FULL, **{name: getattr(BARE, name)})
        (answer,) = forecast(model, Calibration(), [less])
        assert np.isfinite(answer.quantiles).all(), name


def test_an_estimate_counts_by_its_distance_from_what_is_usual():
    later = msgspec.structs.replace(FULL, estimate=NOW + 14_400, usual_remaining=1.0 + np.log(2))
    assert value(later, "estimate_remaining") == pytest.approx(value(FULL, "estimate_remaining"), abs=1e-6)
    assert value(FULL, "estimate_moved") == pytest.approx(np.log1p(1))


def test_an_estimate_that_has_passed_is_overdue_and_has_nothing_left():
    passed = msgspec.structs.replace(FULL, estimate=NOW - 3600)
    assert np.isnan(value(passed, "estimate_remaining"))
    assert value(passed, "estimate_overdue") == pytest.approx(np.log(2))
    assert value(FULL, "estimate_overdue") == 0


def test_hours_and_weekdays_are_local():
    friday = msgspec.structs.replace(FULL, start=0, now=86_400 + 3600, utc_offset_s=-7200)  # 2 January 1970, 01:00 UTC
    assert (value(friday, "hour"), value(friday, "weekday")) == (23, 3)


@pytest.mark.parametrize(
    ("planned", "cause", "expected"),
    [
        (None, Cause.planned, True),
        (None, Cause.weather, False),
        (True, Cause.unknown, True),
        (False, Cause.planned, False),
    ],
)
def test_work_is_planned_as_told_or_else_by_its_cause(planned, cause, expected):
    facts = msgspec.structs.replace(BARE, planned=planned, cause=cause)
    assert is_planned(columns([facts])).tolist() == [expected]


@given(st.text(max_size=40))
def test_any_word_has_a_meaning(words):
    assert isinstance(cause_of(words), Cause)
    assert isinstance(crew_of(words), Crew)


@pytest.mark.parametrize(
    ("words", "cause"),
    [
        ("Equipment Issue", Cause.equipment),
        ("unplanned", Cause.other),
        ("Scheduled maintenance work", Cause.planned),
        ("SQUIRREL", Cause.animal),
        ("solar flare", Cause.other),
        ("", Cause.unknown),
        ("   ", Cause.unknown),
    ],
)
def test_words_are_known_by_the_beginning_of_a_word(words, cause):
    assert cause_of(words) is cause


def test_a_word_nobody_knows_is_answered_like_no_known_cause():
    strange = msgspec.structs.replace(FULL, cause=cause_of("gremlins"), crew=crew_of("at lunch"))
    row = features(columns([strange]))[0]
    assert all(row[FEATURES.index(f"cause_{each.name}")] == 0 for each in (Cause.unknown, Cause.equipment))
    assert np.isfinite(forecast(model, Calibration(), [strange])[0].quantiles).all()


def test_quantiles_come_in_order_and_do_not_depend_on_company():
    alone = forecast(model, Calibration(), [FULL])
    together = forecast(model, Calibration(), [BARE, FULL, BARE])
    assert alone[0] == together[1]
    assert list(alone[0].quantiles) == sorted(alone[0].quantiles)
    assert forecast(model, Calibration(), []) == []


def test_features_of_odd_facts_raise_no_warning():
    odd = msgspec.structs.replace(FULL, start=NOW + 60, customers=0, estimate=NOW, revised_at=NOW + 5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        row = features(columns([odd]))[0]
    assert value(odd, "elapsed") == 0
    assert np.isfinite(row[FEATURES.index("estimate_total")])


def test_levels_are_told_when_enough_is_known():
    levels = Levels()
    for _ in range(ENOUGH - 1):
        levels.estimated(True, 1.0, 1.2)
    assert levels.usual(True).remaining is None
    levels.estimated(True, 1.0, 1.2)
    assert levels.usual(True) == pytest.approx((1.0, 1.2))
    assert levels.usual(False).total is None


def test_a_slow_area_is_known_by_its_outages_against_all():
    levels = Levels()
    for _ in range(60):
        levels.restored(False, "hills", 1.5)
        levels.restored(False, "town", 0.5)
    assert levels.area_pace("hills") > 0.3 > -0.3 > levels.area_pace("town")
    assert levels.area_pace("elsewhere") == 0
    assert msgspec.json.decode(msgspec.json.encode(levels), type=Levels) == levels


def test_the_calibration_finds_the_quantiles_of_what_happens():
    rng, calibration = np.random.default_rng(3), Calibration()
    cell = int(cell_of(np.array([False]), np.array([0.1]))[0])
    said = np.zeros((1, len(QUANTILES)), np.float32)
    held = []
    for _ in range(6000):
        lasted = np.exp(0.4 + 0.6 * rng.standard_normal())
        hours = calibration.hours(said, np.array([cell]))[0]
        held.append(lasted <= hours)
        calibration = calibration.after(Lesson(cell, nth, bool(over)) for nth, over in enumerate(held[-1]))
    np.testing.assert_allclose(np.mean(held[2000:], axis=0), LEVELS, atol=0.02)
    others = np.array(calibration.shifts).reshape(CELLS, -1)[np.arange(CELLS) != cell]
    assert (others == 0).all()


def test_a_shift_stays_within_its_bound_and_is_kept_as_json():
    calibration = Calibration().after([Lesson(1, 3, over=False)] * 5000)
    assert max(calibration.shifts) == BOUND
    assert msgspec.json.decode(msgspec.json.encode(calibration), type=Calibration) == calibration


@given(
    st.lists(st.floats(0.01, 30), min_size=4, max_size=4).map(sorted),
    st.integers(1, 100_000),
    st.lists(st.integers(1, 120_000), max_size=6).map(sorted),
)
def test_every_quantile_teaches_once_and_never_before_its_time(hours, end, looks):
    taught, after = [], 0
    for now in [*(look for look in looks if look < end), end]:
        new = lessons(0, 0, hours, after, now, end if now == end else None)
        for lesson in new:
            due = hours[lesson.quantile] * 3600
            assert due <= now or now == end
            assert lesson.over == (now == end and end <= due)
        taught += [lesson.quantile for lesson in new]
        after = now
    assert sorted(taught) == [0, 1, 2, 3]
