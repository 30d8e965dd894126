"""Risk: who should be visited first."""

from __future__ import annotations

from correlation_bench import NOW, closed, opened

from functions.domain.risk import SECONDS_PER_DAY, rank

DAY = SECONDS_PER_DAY
START, END = NOW, NOW + 10 * DAY


def ranked(*records):
    return rank(records, START, END)


def test_a_meter_that_is_odd_for_longer_comes_first():
    lines = ranked(
        opened("short", "unusual", START), closed("short", "unusual", START, START + DAY, score=8.0),
        opened("long", "unusual", START), closed("long", "unusual", START, START + 6 * DAY, score=8.0),
    )  # fmt: skip
    assert [(line.meter_id, line.anomalous_days, line.longest_streak_days) for line in lines] == [
        ("long", 6, 6),
        ("short", 1, 1),
    ]
    assert lines[0].risk > lines[1].risk


def test_an_open_anomaly_lasts_to_the_end_of_the_period():
    (line,) = ranked(opened("M", "unusual", START + 4 * DAY))
    assert line.anomalous_days == 6
    assert line.daily_worst == (0,) * 4 + (9.0,) * 6


def test_tampering_adds_and_nothing_exceeds_a_hundred():
    (plain,), (tampered,) = (
        ranked(opened("M", "unusual", START)),
        ranked(opened("M", "unusual", START), opened("M", "tamper", START)),
    )
    assert tampered.risk == min(plain.risk + 20, 100)
    assert tampered.level == "High"


def test_an_outage_is_no_reason_to_visit_a_meter():
    assert ranked(opened("M", "power_off", START), opened("M", "no_reads", START)) == []


def test_what_was_over_before_the_period_does_not_count():
    assert ranked(opened("M", "unusual", START - DAY), closed("M", "unusual", START - DAY, START)) == []
    assert ranked(opened("M", "unusual", END)) == []


def test_the_same_meter_id_on_two_feeders_is_two_meters():
    assert len(ranked(opened("M", "stuck", START), opened("M", "stuck", START, feeder_id="G"))) == 2
