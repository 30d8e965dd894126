"""Learning restoration times: every outcome once, when it is known and not before; counts of what is on."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.incidents import Incident, IncidentKind, IncidentState
from functions.domain.restoration_calibration import STEP
from functions.domain.restoration_learning import MOST_FOLLOWED, RESTORED_S, SURE_S, Crowd, Followed, Learnt, learn
from functions.domain.restoration_levels import Level

NOW = 1_700_000_000
MINUTE, HOUR = 60, 3_600
HOURS = (0.5, 1.0, 2.0, 4.0)
ALWAYS_LATE, ALWAYS_OVER = (1, 1, 1, 1), (-1, -1, -1, -1)
OUTAGE = Incident(
    id="inc:A:r1", incident_id="inc:A", revision=1, feeder_id="F", kind=IncidentKind.outage,
    state=IncidentState.confirmed, device_kind="transformer", device_id="T", started_at=NOW - 600, restored_at=None,
    meters_out=5, meters_affected=5, customers_affected=5, chunks=(), updated_at=NOW, confirmed_at=NOW, customers_out=5,
    substation_id="S", restoration_quantiles=HOURS,
)  # fmt: skip


def outage(name: str = "A", **fields: object) -> Incident:
    return msgspec.structs.replace(OUTAGE, incident_id=f"inc:{name}", id=f"inc:{name}:r1", **fields)


def ended(at: int, name: str = "A", **fields: object) -> Incident:
    values = {"state": IncidentState.closed, "restored_at": at, "updated_at": at + 15 * MINUTE, **fields}
    return outage(name, **values)


def moved(known: Learnt, cell: int = 0) -> tuple[float, ...]:
    """How the shifts of a cell have moved, in steps."""
    return tuple(round(shift / STEP, 3) for shift in known.calibration.shifts[4 * cell : 4 * cell + 4])


def after(*looks: tuple[int, tuple[Incident, ...]]) -> Learnt:
    known = Learnt()
    for moment, outages in looks:
        known = learn(known, outages, moment)
    return known


def test_an_end_settles_every_quantile_that_was_open() -> None:
    known = after((NOW, (outage(),)), (NOW + HOUR + 1_000, (ended(NOW + HOUR - 60),)))
    assert moved(known) == pytest.approx((0.1, -0.5, -0.2, -0.1))
    assert known.following == {}


def test_a_moment_that_has_passed_in_darkness_teaches_before_the_end_but_not_before_it_is_certain() -> None:
    known = after((NOW, (outage(),)), (NOW + HOUR // 2 + SURE_S - 1, (outage(),)))
    assert moved(known) == (0, 0, 0, 0)
    known = learn(known, (outage(),), NOW + HOUR // 2 + SURE_S)
    assert moved(known) == pytest.approx((0.1, 0, 0, 0))
    known = learn(known, (ended(NOW + 5 * HOUR),), NOW + 6 * HOUR)
    assert moved(known) == pytest.approx((0.1, 0.5, 0.8, 0.9))


def test_power_that_seems_back_is_not_taken_for_darkness() -> None:
    back = outage(state=IncidentState.restored, restored_at=NOW + HOUR // 2 - 60)
    known = after((NOW, (outage(),)), (NOW + 3 * HOUR, (back,)))
    assert moved(known) == (0, 0, 0, 0)


def test_an_outage_teaches_once_however_often_its_end_is_seen() -> None:
    looks = [(NOW, (outage(),))] + [(NOW + HOUR * nth, (ended(NOW + 60),)) for nth in (1, 2, 3)]
    known = after(*looks)
    assert moved(known) == pytest.approx((-0.9, -0.5, -0.2, -0.1))
    assert known.levels.lasted[False].samples == 1


@given(st.lists(st.integers(1, 12 * HOUR), min_size=1, max_size=30, unique=True).map(sorted), st.integers(1, 10 * HOUR))
def test_however_often_it_is_looked_at_every_quantile_teaches_once(looks: list[int], lasted: int) -> None:
    """Whatever the looks, each shift has moved once in all: up by its probability, or down by the rest."""
    known = learn(Learnt(), (outage(),), NOW)
    for moment in [*looks, lasted + 24 * HOUR, lasted + 25 * HOUR]:
        over = moment >= lasted + 15 * MINUTE
        known = learn(known, (ended(NOW + lasted),) if over else (outage(),), NOW + moment)
    steps = moved(known)
    for quantile, step, hours in zip((0.1, 0.5, 0.8, 0.9), steps, HOURS, strict=True):
        assert step == pytest.approx(quantile - 1 if lasted <= hours * HOUR else quantile)


def test_forecasts_are_followed_at_first_sight_and_as_the_age_doubles() -> None:
    known = Learnt()
    for minutes in range(0, 9 * 60, 5):
        now = NOW + minutes * MINUTE
        known = learn(known, (outage(updated_at=now),), now)
    ages = [(each.made_at - OUTAGE.started_at) // HOUR for each in known.following["inc:A"].said]
    assert ages == [0, 1, 2, 4, 8]
    assert [each.cell for each in known.following["inc:A"].said] == [0, 1, 2, 3, 3]


def test_planned_work_and_the_unplanned_teach_apart() -> None:
    known = after((NOW, (outage(cause="planned"),)), (NOW + HOUR, (ended(NOW + 60, cause="planned"),)))
    assert moved(known) == (0, 0, 0, 0)
    assert moved(known, cell=4) == pytest.approx((-0.9, -0.5, -0.2, -0.1))
    assert [level.samples for level in known.levels.lasted] == [0, 1]


@pytest.mark.parametrize(
    "last",
    [
        ended(NOW + 60, momentary=True),
        outage(state=IncidentState.false_alarm, restored_at=NOW + 60),
        outage(state=IncidentState.closed, parent_id="inc:B"),
    ],
)
def test_what_was_no_outage_of_its_own_teaches_nothing_by_its_end(last: Incident) -> None:
    known = after((NOW, (outage(),)), (NOW + HOUR, (last,)))
    assert moved(known) == (0, 0, 0, 0)
    assert (known.following, known.gone, known.levels.lasted[False].samples) == ({}, (), 0)


def test_an_end_that_was_never_followed_teaches_nothing() -> None:
    known = after((NOW + HOUR, (ended(NOW + 60),)))
    assert (moved(known), known.levels.lasted[False].samples) == ((0, 0, 0, 0), 0)


def test_a_forecast_overlooked_for_long_is_not_followed() -> None:
    known = after((NOW + HOUR, (outage(),)))
    assert known.following["inc:A"].said == ()


def test_an_outage_that_is_not_certain_is_not_followed() -> None:
    known = after((NOW, (outage(confirmed_at=None, state=IncidentState.suspected),)))
    assert (known.following, known.crowd) == ({}, Crowd())


def test_levels_learn_the_first_estimate_once_and_how_long_an_area_was_dark() -> None:
    first = outage(utility_estimate=NOW + 2 * HOUR, started_at=NOW - HOUR)
    revised = msgspec.structs.replace(first, utility_estimate=NOW + 9 * HOUR, updated_at=NOW + 600)
    known = after((NOW, (outage(),)), (NOW + 300, (first,)), (NOW + 600, (revised,)))
    assert known.levels.remaining[False] == pytest.approx((math.log(2), 1))
    assert known.levels.total[False] == pytest.approx((math.log(3), 1))
    known = learn(known, (ended(NOW + HOUR, started_at=NOW - HOUR),), NOW + 2 * HOUR)
    assert known.levels.lasted[False] == pytest.approx((math.log(2), 1))
    assert known.levels.areas["S"] == Level(0.0, 1)


def test_outages_are_counted_by_substation_and_in_all() -> None:
    on = [outage("A"), outage("B", substation_id="R", confirmed_at=NOW - 2 * HOUR), outage("C", substation_id="")]
    known = after((NOW, (*on,)))
    assert known.crowds == {"R": Crowd(1, 0, 0), "S": Crowd(1, 1, 0)}
    assert known.crowd == Crowd(3, 2, 0)
    known = learn(known, [*on[1:], ended(NOW + 60)], NOW + 1_200)
    assert (known.crowds["S"], known.crowd) == (Crowd(0, 1, 1), Crowd(2, 2, 1))
    known = learn(known, on[1:], NOW + 1_200 + RESTORED_S)
    assert (known.crowds, known.crowd) == ({"R": Crowd(1, 0, 0)}, Crowd(2, 0, 0))


def test_what_it_learns_in_is_its_own() -> None:
    known = after((NOW, (outage(),)))
    before = msgspec.json.encode(known)
    learn(known, (ended(NOW + 60, utility_estimate=NOW + HOUR),), NOW + HOUR)
    assert msgspec.json.encode(known) == before


def test_in_a_large_storm_only_so_many_are_followed_and_all_are_counted() -> None:
    many = [outage(f"{nth}") for nth in range(MOST_FOLLOWED + 5)]
    known = learn(Learnt(), many, NOW)
    assert len(known.following) == MOST_FOLLOWED
    assert known.crowd.open == len(many)
    again = learn(known, many, NOW + 300)
    assert again.following.keys() == known.following.keys()
    assert isinstance(next(iter(again.following.values())), Followed)
