"""Severity and the ladder."""

from __future__ import annotations

import pytest

from functions.domain.incidents import IncidentKind, Severity
from functions.domain.severity import STEPS_S, escalation, severity, worse

HOUR = 3_600


@pytest.mark.parametrize(
    ("device", "customers", "critical", "lasted_s", "expected"),
    [
        ("meter", 1, 0, 0, "low"),
        ("transformer", 10, 0, 0, "medium"),
        ("lateral", 100, 0, 0, "high"),
        ("feeder", 20, 0, 0, "high"),  # whatever hangs there, a breaker is open
        ("substation", 1_000, 0, 0, "critical"),
        ("meter", 1, 1, 0, "high"),
        ("meter", 1, 1, HOUR, "critical"),
        ("meter", 1, 0, 4 * HOUR, "medium"),
        ("meter", 1, 0, 12 * HOUR, "high"),
        ("meter", 0, 0, 12 * HOUR, "low"),  # nobody is out any more
    ],
)
def test_an_outage_is_as_urgent_as_its_customers_its_device_and_its_age(
    device, customers, critical, lasted_s, expected
):
    assert severity(IncidentKind.outage, device, customers, critical, lasted_s) == expected


def test_a_silent_collector_is_more_urgent_than_a_silent_meter():
    assert severity(IncidentKind.communication, "collector", 50, 0, 0) is Severity.medium
    assert severity(IncidentKind.communication, "meter", 1, 0, 0) is Severity.low


def test_of_two_the_more_urgent():
    assert worse(Severity.high, Severity.medium) is Severity.high
    assert worse(Severity.low, Severity.critical) is Severity.critical


def test_the_ladder_is_climbed_step_by_step_and_ends():
    for level, steps in STEPS_S.items():
        assert [escalation(level, step) for step in steps] == list(range(1, len(steps) + 1))
        assert escalation(level, steps[0] - 1) == 0
        assert escalation(level, 10**6) == len(steps)
