"""Who seems dark, and is told of it later than others."""

from __future__ import annotations

from correlation_bench import MINUTE, NOW, ZERO, Story, all_of, closed, ends_of, feeder, opened

from functions.domain.topology import FeederMap

HOUR = 3_600
INTERVAL = 900
START = NOW + 5 * MINUTE
TRANSFORMERS = [f"T{lateral}{transformer}" for lateral in range(3) for transformer in range(3)]


def cut(story, start, end, transformer="T00", meters=range(4)):
    """A cut of a whole transformer, heard of at once."""
    story.tell(*all_of(transformer, meters=meters, start=start), at=start)
    story.wait(end)
    story.tell(*ends_of(transformer, meters=meters, start=start, end=end), at=end)


# --- those whose return message was lost ----------------------------------------------------------------------------


def test_a_meter_whose_neighbour_is_back_waits_until_its_reading_is_an_interval_late():
    story = Story()
    story.tell(*all_of("T00", meters=range(3), start=START), at=START)
    story.tell(closed("M000", start=START, end=START + 2 * MINUTE), at=START + 3 * MINUTE)
    story.wait(NOW + 2 * INTERVAL + 4 * MINUTE)
    assert story.told == []
    story.wait(NOW + 2 * INTERVAL + 6 * MINUTE)
    assert sorted(story.told) == [("outage_seen", "C-M001"), ("outage_seen", "C-M002")]


def test_one_whose_reading_comes_is_told_nothing():
    story = Story()
    story.tell(*all_of("T00", meters=range(3), start=START), at=START)
    story.tell(closed("M000", start=START, end=START + 2 * MINUTE), at=START + 3 * MINUTE)
    story.wait(NOW + 2 * INTERVAL)
    story.tell(
        *(closed(each, start=START, end=NOW + INTERVAL, told=False) for each in ("M001", "M002")), at=NOW + 2 * INTERVAL
    )
    story.wait(NOW + 3 * HOUR)
    assert story.told == []


def test_the_wait_outlives_the_incident_of_the_neighbour():
    story = Story(feeder(meters=9))  # of so many, two are an incident each
    story.tell(*all_of("T00", meters=range(2), start=START), at=START)
    story.tell(closed("M000", start=START, end=START + 2 * MINUTE), at=START + 3 * MINUTE)
    story.wait(NOW + 2 * INTERVAL + 4 * MINUTE)
    assert story.told == []
    assert [each.device_id for each in story.open] == ["M001"]


def test_a_reading_without_voltage_after_the_others_came_back_is_told_without_a_wait():
    story = Story()
    story.tell(*all_of("T00", meters=range(2), start=START), at=START)
    story.tell(closed("M000", start=START, end=START + 2 * MINUTE), at=START + 3 * MINUTE)
    story.tell(opened("M002", start=NOW + INTERVAL, signal=ZERO), at=NOW + 2 * INTERVAL - MINUTE)
    story.wait(NOW + 2 * INTERVAL + 3 * MINUTE)
    assert ("outage_seen", "C-M002") in story.told


def test_the_only_meter_of_its_transformer_waits_for_an_hourly_reading_when_the_lateral_is_back():
    places = feeder(meters=1).places.values()
    story = Story(FeederMap("F", places, interval_s=HOUR))
    story.tell(*all_of(*TRANSFORMERS, meters=(0,), start=START), at=START)
    back = [each for each in TRANSFORMERS if each != "T22"]
    story.tell(*ends_of(*back, meters=(0,), start=START, end=START + 2 * MINUTE), at=START + 3 * MINUTE)
    due = (START // HOUR + 2) * HOUR + 5 * MINUTE
    story.wait(due - MINUTE)
    assert story.told == []
    story.wait(due + MINUTE)
    assert story.told == [("outage_seen", "C-M220")]


def test_a_transformer_that_is_left_over_waits_for_nothing():
    story = Story()
    story.tell(*all_of(*TRANSFORMERS, start=START), at=START)
    back = [each for each in TRANSFORMERS if each != "T22"]
    story.tell(*ends_of(*back, start=START, end=START + 2 * MINUTE), at=START + 3 * MINUTE)
    story.wait(START + 34 * MINUTE)
    assert story.told == [("outage_seen", f"C-M22{n}") for n in range(4)]


def test_an_outage_of_a_whole_transformer_waits_for_nothing_although_another_is_back():
    story = Story()
    story.tell(*all_of("T00", "T01", "T02", start=START), at=START)
    story.tell(*ends_of("T00", start=START, end=START + 2 * MINUTE), at=START + 3 * MINUTE)
    story.wait(START + 8 * MINUTE)
    assert len(story.told) == 8


# --- those who heard a short while ago that power is back -----------------------------------------------------------


def test_a_cut_of_some_minutes_soon_after_power_was_said_to_be_back_is_no_second_message():
    story = Story()
    cut(story, NOW, NOW + 20 * MINUTE)
    story.wait(NOW + 40 * MINUTE)
    assert len(story.told) == 8
    for minutes in (60, 110):
        cut(story, NOW + minutes * MINUTE, NOW + (minutes + 25) * MINUTE)
        story.wait(NOW + (minutes + 45) * MINUTE)
    assert len(story.latest) == 3
    assert len(story.told) == 8


def test_a_relapse_that_lasts_is_told_after_half_an_hour():
    story = Story()
    cut(story, NOW, NOW + 20 * MINUTE)
    story.wait(NOW + 40 * MINUTE)
    again = NOW + HOUR
    story.tell(*all_of("T00", start=again), at=again)
    story.wait(again + 29 * MINUTE)
    assert len(story.told) == 8
    story.wait(again + 31 * MINUTE)
    assert story.told[8:] == [("outage_seen", f"C-M00{n}") for n in range(4)]
    story.tell(*ends_of("T00", start=again, end=again + HOUR), at=again + HOUR)
    story.wait(again + 2 * HOUR)
    assert story.told[12:] == [("restored", f"C-M00{n}") for n in range(4)]


def test_hours_later_it_is_a_new_outage_and_others_are_told_at_once():
    story = Story()
    cut(story, NOW, NOW + 20 * MINUTE)
    story.wait(NOW + 40 * MINUTE)
    later = NOW + 3 * HOUR
    story.tell(*all_of("T00", start=later), at=later)
    story.wait(later + 8 * MINUTE)
    assert len(story.told) == 12
    other = Story()
    cut(other, NOW, NOW + 20 * MINUTE)
    other.wait(NOW + 40 * MINUTE)
    other.tell(*all_of("T11", start=NOW + HOUR), at=NOW + HOUR)
    other.wait(NOW + HOUR + 8 * MINUTE)
    assert other.told[8:] == [("outage_seen", f"C-M11{n}") for n in range(4)]
