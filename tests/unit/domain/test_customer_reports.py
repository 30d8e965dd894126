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
    assert story.latest[revision.incident_id].state is IncidentState.closed
    assert story.board.troubles == {}


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


def test_it_ends_after_six_hours_when_nothing_is_heard_of_the_meter():
    story, revision = opened_report()
    story.wait(NOW + LONGEST_S - 60)
    assert story.latest[revision.incident_id].restored_at is None
    story.wait(NOW + LONGEST_S + 3_600)
    assert story.latest[revision.incident_id].restored_at == NOW + LONGEST_S
    assert story.board.incidents == []
