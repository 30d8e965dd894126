"""IEEE 1366 indices, worked out by hand."""

from __future__ import annotations

import math
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.reliability import (
    LEAST_DAYS,
    EventLog,
    Indices,
    Threshold,
    daily_saidi,
    day_numbers,
    indices,
    med_threshold,
    report,
)

DAY = 86_400
START = 1_718_582_400
"""2024-06-17T00:00Z, a Monday."""
CUSTOMERS = 2_000


def log(*events: tuple[int, int, float, int], feeder: str = "F", customers: object = None) -> EventLog:
    """Events of start, sustained customer interruptions, customer-minutes and momentary ones."""
    start, sustained, minutes, momentary = zip(*events, strict=True) if events else ((), (), (), ())
    return EventLog(
        feeder_id=np.array([feeder] * len(start), np.str_),
        start=np.array(start, np.int64),
        sustained=np.array(sustained, np.int64),
        customer_min=np.array(minutes, np.float64),
        momentary=np.array(momentary, np.int64),
        momentary_events=np.array(momentary, np.int64),
        customers=customers,
    )


def test_the_indices_of_a_small_system_are_those_worked_out_by_hand() -> None:
    """2,000 customers, a year with five events.

    | event | customers | minutes | |
    |---|---|---|---|
    | 1 | 200 | 90 | 18,000 customer-minutes |
    | 2 | 400, half restored after 30 | 30 and 120 | 200 × 30 + 200 × 120 = 30,000 |
    | 3 | 100 | 240 | 24,000 |
    | 4 | 1,000 | 2 | momentary |
    | 5 | 500 | 1 | momentary |

    700 customer interruptions, 72,000 customer-minutes, 1,500 momentary ones; 600 customers were touched, as the 100
    of event 3 had been out in event 1 already.
    """
    first, second = {f"C{number}" for number in range(200)}, {f"C{number}" for number in range(200, 600)}
    third = {f"C{number}" for number in range(100)}
    year = log(
        (START, 200, 18_000, 0),
        (START + 30 * DAY, 400, 30_000, 0),
        (START + 60 * DAY, 100, 24_000, 0),
        (START + 90 * DAY, 0, 0, 1_000),
        (START + 91 * DAY, 0, 0, 500),
        customers=(first, second, third, set(), set()),
    )
    assert indices(year, CUSTOMERS) == Indices(
        customers_served=2_000,
        events=5,
        customer_interruptions=700,
        customer_minutes=72_000,
        saifi=0.35,
        saidi_min=36.0,
        caidi_min=pytest.approx(72_000 / 700),
        caifi=pytest.approx(700 / 600),
        maifi=0.75,
        maifi_e=0.75,
    )


def test_nobody_to_divide_by_is_no_index() -> None:
    nobody = indices(log((START, 10, 600, 0)), 0)
    assert (nobody.saifi, nobody.saidi_min, nobody.caidi_min, nobody.caifi) == (None, None, 60.0, None)
    quiet = indices(log(), CUSTOMERS)
    assert (quiet.saifi, quiet.saidi_min, quiet.caidi_min) == (0.0, 0.0, None)


def test_a_day_has_all_minutes_of_what_began_on_it() -> None:
    night = log((START + DAY - 60, 100, 40_000, 0), (START + DAY, 50, 2_000, 0), (START + 2 * DAY, 0, 0, 70))
    days, saidi = daily_saidi(night, CUSTOMERS)
    assert days.tolist() == [START // DAY, START // DAY + 1]
    assert saidi.tolist() == [20.0, 1.0]


def test_a_day_is_one_of_the_zone() -> None:
    # 23:30 of the 16th in New York, when the clock is four hours behind.
    late = np.array([START + 3 * 3_600 + 1_800])
    assert day_numbers(late).tolist() == [START // DAY]
    assert day_numbers(late, ZoneInfo("America/New_York")).tolist() == [START // DAY - 1]


def test_the_threshold_is_that_worked_out_by_hand() -> None:
    """Half of the days at 1 minute, half at e² minutes: logarithms 0 and 2.

    alpha = 1; beta of 40 values, each 1 away from the mean: √(40 / 39); T_MED = exp(1 + 2.5 √(40 / 39)).
    """
    found = med_threshold(np.array([1.0, math.e**2] * 20))
    assert found is not None
    assert found.alpha == pytest.approx(1.0)
    assert found.beta == pytest.approx(math.sqrt(40 / 39))
    assert found.t_med_min == pytest.approx(math.exp(1 + 2.5 * math.sqrt(40 / 39)))
    assert found.days == 40


def test_a_few_days_give_no_threshold() -> None:
    assert med_threshold(np.full(LEAST_DAYS - 1, 1.0)) is None
    assert med_threshold(np.full(LEAST_DAYS, 1.0)) is not None


def test_a_log_normal_history_gives_its_own_threshold() -> None:
    # Of five years whose logarithms are normal with mean −1 and deviation 0.8, the threshold is about exp(1).
    daily = np.exp(np.random.default_rng(1).normal(-1.0, 0.8, 5 * 365))
    found = med_threshold(daily)
    assert found is not None
    assert found.t_med_min == pytest.approx(math.e, rel=0.1)
    assert 2 <= (daily > found.t_med_min).sum() <= 25, "2.5 deviations leave 0.6 % of the days above"


T_MED = Threshold(alpha=0.0, beta=1.0, t_med_min=10.0, days=100)


def two_feeders() -> EventLog:
    usual, storm = (START, 200, 18_000, 0), (START + DAY, 900, 54_000, 0)
    elsewhere = (START + DAY + 3_600, 100, 6_000, 30)
    return EventLog(
        feeder_id=np.array(["F", "F", "G"]),
        start=np.array([usual[0], storm[0], elsewhere[0]]),
        sustained=np.array([200, 900, 100]),
        customer_min=np.array([18_000.0, 54_000.0, 6_000.0]),
        momentary=np.array([0, 0, 30]),
        momentary_events=np.array([0, 0, 30]),
    )


def test_a_major_event_day_is_left_out_of_every_feeder() -> None:
    found = report(two_feeders(), {"F": 1_500, "G": 400, "H": 100}, T_MED, start=START, end=START + 7 * DAY)

    assert msgspec.to_builtins(found.major_event_days) == ({"day": "2024-06-18", "saidi_min": 30.0},)
    assert found.utility.all_days.saidi_min == 39.0
    assert found.utility.without_major_event_days.saidi_min == 9.0
    assert found.feeders["F"].all_days.saidi_min == 48.0
    assert found.feeders["F"].without_major_event_days.saidi_min == 12.0
    assert found.feeders["G"].all_days.maifi == 0.075
    assert found.feeders["G"].without_major_event_days.events == 0
    assert found.feeders["H"].all_days.saifi == 0.0


def test_a_day_at_the_threshold_is_not_above_it() -> None:
    exactly = msgspec.structs.replace(T_MED, t_med_min=30.0)
    assert report(two_feeders(), {"F": 2_000}, exactly, start=START, end=START + DAY).major_event_days == ()


def test_without_a_threshold_no_day_is_a_major_event_day() -> None:
    found = report(two_feeders(), {"F": 2_000}, None, start=START, end=START + DAY)
    assert found.major_event_days == ()
    assert found.utility.without_major_event_days == found.utility.all_days


EVENTS = st.lists(
    st.tuples(
        *(st.sampled_from("FGH"), st.integers(START, START + 9 * DAY)),
        *(st.integers(0, 50), st.floats(0, 600), st.integers(0, 9)),
    ),
    max_size=20,
)


@given(EVENTS, st.floats(0.01, 50))
def test_feeders_and_days_add_up_to_the_utility(
    events: list[tuple[str, int, int, float, int]], t_med_min: float
) -> None:
    everything = EventLog(
        feeder_id=np.array([each[0] for each in events], np.str_),
        start=np.array([each[1] for each in events], np.int64),
        sustained=np.array([each[2] for each in events], np.int64),
        customer_min=np.array([each[2] * each[3] for each in events], np.float64),
        momentary=np.array([each[4] for each in events], np.int64),
        momentary_events=np.array([each[4] for each in events], np.int64),
    )
    served = {"F": 100, "G": 70, "H": 30}
    threshold = msgspec.structs.replace(T_MED, t_med_min=t_med_min)
    found = report(everything, served, threshold, start=START, end=START + 10 * DAY)

    whole, rest = found.utility.all_days, found.utility.without_major_event_days
    assert whole.customer_minutes == pytest.approx(
        sum(each.all_days.customer_minutes for each in found.feeders.values())
    )
    assert whole.saidi_min == pytest.approx(
        sum(each.all_days.saidi_min * served[name] / 200 for name, each in found.feeders.items())
    )
    assert whole.saidi_min == pytest.approx(rest.saidi_min + sum(each.saidi_min for each in found.major_event_days))
    assert whole.saidi_min == pytest.approx(daily_saidi(everything, 200)[1].sum())
    assert rest.saifi <= whole.saifi
    if whole.caidi_min is not None:
        assert whole.caidi_min == pytest.approx(whole.saidi_min / whole.saifi)


STORMS = {
    # Company: days of storms that closed roads and schools, by its own outages.
    "NSTAR": ["2013-02-08", "2013-02-09"],  # the blizzard of February 2013
    "MEC": ["2017-10-30", "2018-03-02", "2018-03-08"],  # the gale of October 2017; the nor'easters of March 2018
    "EMA": ["2018-03-02", "2018-03-13"],
}


@pytest.mark.parametrize("company", STORMS)
def test_the_storms_of_massachusetts_are_major_event_days(company: str) -> None:
    folder = os.environ.get("METERSENTRY_BENCHMARK_DATA")
    if not folder:
        pytest.skip("METERSENTRY_BENCHMARK_DATA does not name the folder of the benchmark data")
    file = Path(folder) / "ma_outages_2013_2018.parquet"
    if not file.exists():
        pytest.skip(f"{file.name} is not in the folder METERSENTRY_BENCHMARK_DATA names")
    duckdb = pytest.importorskip("duckdb")
    columns = duckdb.execute(
        "SELECT epoch(start)::BIGINT AS start, customers::BIGINT AS customers,"
        ' epoch("end" - start) / 60 AS minutes FROM (SELECT DISTINCT * FROM read_parquet(?)) WHERE company = ?',
        [str(file), company],
    ).fetchnumpy()
    sustained = columns["minutes"] > 5
    nothing = np.zeros(len(sustained), np.int64)
    outages = EventLog(
        feeder_id=np.full(len(sustained), company),
        start=columns["start"],
        sustained=np.where(sustained, columns["customers"], 0),
        customer_min=np.where(sustained, columns["customers"] * columns["minutes"], 0.0),
        momentary=nothing,
        momentary_events=nothing,
    )
    # How many customers a company has only scales SAIDI and the threshold alike: no day changes.
    served = {company: 1_000_000}
    days, saidi = daily_saidi(outages, served[company])
    threshold = med_threshold(saidi)
    found = report(outages, served, threshold, start=0, end=2_000_000_000)

    assert np.isfinite(saidi).all()
    assert threshold is not None
    assert threshold.days == len(days)
    major = {each.day for each in found.major_event_days}
    assert set(STORMS[company]) <= major
    assert len(major) < 0.03 * len(days), "a major event day is rare"
    assert found.utility.without_major_event_days.saidi_min < found.utility.all_days.saidi_min
