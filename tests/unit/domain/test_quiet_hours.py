"""Quiet hours: by the clock on the customer's wall, also in nights in which it is changed."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.customers import Customer
from functions.domain.notifications import IntentKind
from functions.domain.quiet_hours import quiet_until, zone_of

CUSTOMER = Customer(customer_id="C1")
ZONES = [ZoneInfo(name) for name in ("America/New_York", "Europe/Paris", "Australia/Lord_Howe", "Africa/Nairobi")]


def at(zone, *clock, fold=0):
    return int(datetime(*clock, tzinfo=ZoneInfo(zone), fold=fold).timestamp())


def until(moment, zone, kind=IntentKind.outage_seen, **preferences):
    customer = Customer(customer_id="C1", **preferences)
    end = quiet_until(customer, kind, ZoneInfo(zone), moment)
    return None if end is None else datetime.fromtimestamp(end, ZoneInfo(zone))


# In each zone: the night the clock goes forward (an hour; in Lord Howe half of one), and the night it goes back.
@pytest.mark.parametrize(
    ("zone", "evening", "hours"),
    [
        ("America/New_York", (2024, 3, 9), 10),
        ("America/New_York", (2024, 11, 2), 12),
        ("Europe/Paris", (2024, 3, 30), 10),
        ("Europe/Paris", (2024, 10, 26), 12),
        ("Australia/Lord_Howe", (2024, 10, 5), 10.5),
        ("Australia/Lord_Howe", (2024, 4, 6), 11.5),
        ("Africa/Nairobi", (2024, 3, 30), 11),
    ],
)
def test_a_night_with_a_clock_change_ends_at_eight_all_the_same(zone, evening, hours):
    begin = at(zone, *evening, 21)
    end = until(begin, zone)
    assert (end.hour, end.minute) == (8, 0)
    assert end.timestamp() - begin == hours * 3600
    assert until(begin - 1, zone) is None
    assert until(int(end.timestamp()), zone) is None
    assert until(int(end.timestamp()) - 1, zone) == end


def test_an_end_that_the_clock_shows_twice_has_two_ends():
    # In New York 1:30 comes twice on 3 November 2024; between them the clock shows 1:00 to 1:30 once more.
    first = at("America/New_York", 2024, 11, 3, 0, 50)
    assert until(first, "America/New_York", quiet_to=90).fold == 0
    again = at("America/New_York", 2024, 11, 3, 1, 10, fold=1)
    assert until(again, "America/New_York", quiet_to=90).fold == 1


@given(
    zone=st.sampled_from(ZONES),
    moment=st.datetimes(datetime(2024, 1, 1), datetime(2025, 12, 31)).map(  # noqa: DTZ001  # a zone is added
        lambda each: int(each.replace(tzinfo=UTC).timestamp())
    ),
    begins=st.integers(0, 1439),
    ends=st.integers(0, 1439),
)
def test_quiet_hours_always_end_and_within_a_day(zone, moment, begins, ends):
    customer = Customer(customer_id="C1", quiet_from=begins, quiet_to=ends)
    end = quiet_until(customer, IntentKind.restored, zone, moment)
    if begins == ends:
        assert end is None
    if end is not None:
        assert moment < end <= moment + 25 * 3600
        after = quiet_until(customer, IntentKind.restored, zone, end)
        assert after is None or after <= end + 3600  # the hour the clock was turned back over


def test_what_is_urgent_passes_for_critical_customers_and_operators_have_no_nights():
    night = at("Europe/Paris", 2024, 6, 17, 23)
    assert until(night, "Europe/Paris", critical=True) is None
    assert until(night, "Europe/Paris", IntentKind.planned_ahead, critical=True).hour == 8
    assert until(night, "Europe/Paris", IntentKind.voltage_quality) is None


def test_the_hours_are_the_customers_own():
    noon = at("Europe/Paris", 2024, 6, 17, 12, 30)
    assert until(noon, "Europe/Paris", quiet_from=12 * 60, quiet_to=14 * 60).hour == 14
    assert until(noon, "America/New_York").hour == 8
    assert until(noon, "Europe/Paris", quiet_from=0, quiet_to=0) is None


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "Europe", "Europe/Paris\0"])
def test_what_is_no_zone_is_none(name):
    assert zone_of(name) is None
