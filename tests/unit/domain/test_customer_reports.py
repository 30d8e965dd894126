"""Customers' reports of darkness: they open an outage, and end with their meter's word or with the clock."""

from __future__ import annotations

import msgspec
from correlation_bench import NOW, Story, closed, devices, opened

from functions.domain.anomalies import Signal
from functions.domain.customer_reports import LONGEST_S
from functions.domain.incidents import IncidentState


def report(meter="M000", start=NOW):
    said = opened(meter, start=start, signal=Signal.customer_report)
    return msgspec.structs.replace(said, id=f"{meter}:report:opened", anomaly_id=f"{meter}:report")


def opened_report():
    story = Story()
    (revision,) = story.tell(report())
    return story, revision


def test_a_report_opens_an_outage_of_the_meter():
    _, revision = opened_report()
    assert devices([revision]) == [("outage", "meter", "M000")]


def test_it_ends_with_a_reading_that_began_after_it():
    story, revision = opened_report()
    story.powered["M000"] = NOW - 900
    story.wait(NOW + 1_800)
    assert story.latest[revision.incident_id].restored_at is None
    story.powered["M000"] = NOW + 1_800
    story.wait(NOW + 6_000)
    assert story.latest[revision.incident_id].restored_at == NOW + 1_800
    assert story.latest[revision.incident_id].state is IncidentState.false_alarm  # its meter was heard of all the time
    assert story.board.troubles == {}
    assert story.told == []


def test_it_ends_with_the_darkness_of_its_own_meter():
    story, revision = opened_report()
    story.tell(opened(start=NOW + 30), at=NOW + 40)
    story.powered["M000"] = NOW + 60
    story.wait(NOW + 900)
    assert story.latest[revision.incident_id].restored_at is None
    story.tell(closed(start=NOW + 30, end=NOW + 3_600), at=NOW + 3_610)
    story.wait(NOW + 3 * 3_600)
    assert story.latest[revision.incident_id].restored_at == NOW + 3_600
    assert story.board.incidents == []


def test_after_six_hours_without_a_word_of_the_meter_it_is_over_and_nobody_is_told_that_power_is_back():
    story, revision = opened_report()
    story.wait(NOW + LONGEST_S - 60)
    assert story.latest[revision.incident_id].restored_at is None
    assert story.told == [("outage_seen", "C-M000")]
    story.wait(NOW + LONGEST_S + 3_600)
    last = story.latest[revision.incident_id]
    assert (last.state, last.restored_at, last.interrupted) == (IncidentState.closed, None, None)
    assert len(story.told) == 1
    assert story.board.incidents == []


def test_who_reported_what_a_neighbours_meter_showed_too_is_told_when_that_one_is_back():
    story = Story()
    story.tell(report(), opened("M001", start=NOW + 30), at=NOW + 30)
    story.wait(NOW + 3_600)
    story.tell(closed("M001", start=NOW + 30, end=NOW + LONGEST_S - 60), at=NOW + LONGEST_S - 50)
    story.wait(NOW + LONGEST_S + 7_200)
    assert story.told.count(("restored", "C-M000")) == 1


def test_the_word_of_one_customer_against_the_meter_is_suspected_until_its_next_readings_stay_away():
    story = Story()
    story.powered["M000"] = NOW - 900
    (revision,) = story.tell(report())
    story.wait(NOW + 2 * 900 + 240)
    assert story.latest[revision.incident_id].state is IncidentState.suspected
    assert story.told == []
    story.wait(NOW + 2 * 900 + 360)
    assert story.latest[revision.incident_id].state is IncidentState.confirmed
    assert story.told == [("outage_seen", "C-M000")]


def test_a_customer_with_two_meters_is_one_voice():
    story = Story()
    story.powered |= {"M000": NOW - 900, "M001": NOW - 900}
    both = [msgspec.structs.replace(report(each), customer_id="C") for each in ("M000", "M001")]
    story.tell(*both)
    story.wait(NOW + 1_200)
    assert devices(story.open) == [("outage", "meter", "M000"), ("outage", "meter", "M001")]
    assert {each.state for each in story.open} == {IncidentState.suspected}


def test_two_customers_of_a_transformer_are_believed():
    story = Story()
    story.powered |= {"M000": NOW - 900, "M001": NOW - 900}
    story.tell(report(), report("M001"))
    assert devices(story.open) == [("outage", "transformer", "T00")]
    assert story.open[0].state is IncidentState.confirmed


def test_a_meter_that_falls_silent_bears_out_its_customer():
    story = Story()
    story.powered["M000"] = NOW - 900
    story.tell(report())
    story.tell(opened("M000", "no_reads", start=NOW - 900), at=NOW + 300)
    assert story.open[0].state is IncidentState.confirmed
