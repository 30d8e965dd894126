"""Customers whose meters say nothing, below a device that is out."""

from __future__ import annotations

import msgspec
from correlation_bench import MINUTE, NOW, Story, all_of, closed, ends_of, feeder, opened, order

from functions.domain.board import stored_board
from functions.domain.publication import MOST_OPERATIONS
from functions.domain.topology import FeederMap, Place

HOUR = 3_600
INTERVAL = 900
EVERYTHING = [f"T{lateral}{transformer}" for lateral in range(3) for transformer in range(3)]
START = NOW + 5 * MINUTE
"""Power goes within an interval."""
READINGS = NOW + INTERVAL + 5 * MINUTE
"""The readings of that interval have come."""


def who(story, kind):
    return [customer.removeprefix("C-") for each, customer in story.told if each == kind]


def test_where_a_third_of_a_transformer_is_dark_the_rest_of_it_is_told_at_the_same_time():
    story = Story()
    story.tell(*all_of("T00", meters=(0, 1), start=START), at=START)
    story.wait(START + 6 * MINUTE)
    assert story.told == []
    story.wait(START + 8 * MINUTE)
    assert who(story, "outage_seen") == ["M000", "M001", "M002", "M003"]
    story.wait(NOW + 2 * HOUR)
    assert len(story.told) == 4


def test_they_hear_that_power_is_back_with_their_own_meters_reading():
    story = Story()
    story.tell(*all_of("T00", meters=(0, 1), start=START), at=START)
    story.wait(START + 8 * MINUTE)
    story.powered["M002"] = NOW + 2 * INTERVAL
    story.wait(NOW + 2 * INTERVAL + 10 * MINUTE)
    assert who(story, "restored") == []
    story.wait(NOW + 4 * INTERVAL)
    assert who(story, "restored") == ["M002"]


def test_they_hear_that_power_is_back_when_the_device_is():
    story = Story()
    story.tell(*all_of("T00", meters=(0, 1), start=START), at=START)
    story.wait(START + 8 * MINUTE)
    story.tell(*ends_of("T00", meters=(0, 1), start=START, end=NOW + HOUR), at=NOW + HOUR)
    story.wait(NOW + HOUR + 14 * MINUTE)
    assert who(story, "restored") == []
    story.wait(NOW + 2 * HOUR)
    assert sorted(who(story, "restored")) == ["M000", "M001", "M002", "M003"]
    back = {member.end for name, members in story.members.items() if ":restored:" in name for member in members}
    assert back == {NOW + HOUR}
    assert story.board.incidents == []


def test_the_time_to_send_is_counted_from_when_each_could_be_told():
    story = Story(feeder(laterals=1, transformers=4))
    story.tell(*all_of("T00", "T01", meters=range(3), start=START), at=START)
    story.wait(READINGS + MINUTE)
    story.tell(*ends_of("T00", "T01", meters=range(3), start=START, end=NOW + HOUR), at=NOW + HOUR)
    story.wait(NOW + 2 * HOUR)
    intents = [(each.noticed_at, each.created_at) for step in story.steps for each in step.intents]
    assert [noticed for noticed, _ in intents] == [START + 7 * MINUTE, READINGS, NOW + HOUR + 15 * MINUTE]
    assert all(noticed <= created <= noticed + 2 * MINUTE for noticed, created in intents)


def test_a_transformer_that_says_nothing_waits_for_the_readings_of_the_interval_in_which_power_went():
    story = Story(feeder(laterals=1, transformers=4))
    story.tell(*all_of("T00", "T01", meters=range(3), start=START), at=START)
    story.powered = {"M020": NOW - INTERVAL, "M030": NOW}
    story.wait(READINGS - MINUTE)
    assert not {"M020", "M021", "M030"} & set(who(story, "outage_seen"))
    story.wait(READINGS + MINUTE)
    told = set(who(story, "outage_seen"))
    assert {"M020", "M021"} <= told  # nothing has come of them
    assert "M030" not in told  # its reading may be of the minutes before


def test_who_has_power_in_the_interval_after_is_not_told_and_who_is_silent_still_is():
    story = Story(feeder(laterals=4, transformers=4))
    dark = [f"T{lateral}{transformer}" for lateral in range(4) for transformer in range(4)][:14]
    story.tell(*all_of(*dark, meters=range(3), start=START), at=START)
    story.powered = {"M320": NOW, "M321": NOW, "M330": NOW}
    story.wait(READINGS + MINUTE)
    story.powered |= {"M321": NOW + INTERVAL}
    story.wait(READINGS + INTERVAL + MINUTE)
    assert [each.device_id for each in story.open] == ["F"]
    told = set(who(story, "outage_seen"))
    assert "M330" in told
    assert not {"M320", "M321"} & told  # a transformer with power


def test_a_reading_that_was_half_dark_is_no_sign_of_power():
    story = Story(feeder(laterals=1, transformers=4))
    story.tell(*all_of("T00", "T01", meters=range(3), start=START), at=START)
    story.powered = {"M030": NOW}
    story.tell(opened("M030", "sag"), at=NOW + INTERVAL)
    story.wait(READINGS + MINUTE)
    assert "M030" in who(story, "outage_seen")


def test_nobody_is_told_a_second_time_when_a_meter_speaks_after_all():
    story = Story()
    story.tell(*all_of("T00", meters=(0, 1), start=START), at=START)
    story.wait(START + 8 * MINUTE)
    story.tell(opened("M002", "no_reads", start=NOW), at=NOW + HOUR)
    story.wait(NOW + 2 * HOUR)
    assert who(story, "outage_seen").count("M002") == 1
    story.tell(*ends_of("T00", meters=(0, 1), start=START, end=NOW + 2 * HOUR), at=NOW + 2 * HOUR)
    story.tell(closed("M002", "no_reads", start=NOW, end=NOW + 2 * HOUR), at=NOW + 2 * HOUR + 20 * MINUTE)
    story.wait(NOW + 4 * HOUR)
    assert sorted(who(story, "restored")) == ["M000", "M001", "M002", "M003"]


def test_who_hangs_below_what_is_left_over_waits_for_that():
    story = Story()
    story.tell(*(each for each in all_of(*EVERYTHING, start=START) if each.meter_id != "M113"), at=START)
    story.wait(START + 8 * MINUTE)
    back = [each for each in EVERYTHING if each != "T11"]
    story.tell(*ends_of(*back, start=START, end=NOW + HOUR), at=NOW + HOUR)
    story.wait(NOW + 2 * HOUR)
    assert [each.device_id for each in story.open] == ["T11"]
    assert "M113" not in who(story, "restored")
    story.tell(*ends_of("T11", meters=range(3), start=START, end=NOW + 3 * HOUR), at=NOW + 3 * HOUR)
    story.wait(NOW + 4 * HOUR)
    assert who(story, "outage_seen").count("M113") == who(story, "restored").count("M113") == 1
    assert sorted(who(story, "restored")) == sorted(story.layout.places)


def test_a_momentary_interruption_is_told_to_none_of_them():
    story = Story()
    story.tell(*all_of("T00", "T01", meters=(0, 1), start=START), at=START)
    story.tell(*ends_of("T00", "T01", meters=(0,), start=START, end=START + 2 * MINUTE), at=START + 3 * MINUTE)
    story.wait(START + 20 * MINUTE)
    assert story.told == []


def test_announced_work_is_no_outage_of_a_feeder_to_its_customers():
    story = Story(orders=(order(asset="T20", end=NOW + 4 * HOUR),))
    story.tell(*all_of("T20", meters=range(3), start=NOW + MINUTE), at=NOW + MINUTE)
    story.tell(*(each for each in all_of(*EVERYTHING[:6], "T21", "T22", start=START)), at=START)
    story.wait(NOW + 2 * HOUR)
    (incident,) = story.open
    assert incident.device_id == "F"
    told = who(story, "outage_seen")
    assert {"M210", "M223"} <= set(told)
    assert not {"M200", "M203"} & set(told)


def test_a_storm_of_silent_meters_stays_within_one_document_and_one_commit():
    places = [Place(f"MTR-{n:06d}", f"CUST-{n:06d}", f"T-{n // 8:05d}", f"L-{n // 80:04d}", "F") for n in range(4_000)]
    story = Story(FeederMap("F", places))
    gasps = [
        opened(each.meter_id, start=START + n % 30, transformer=each.transformer_id, customer_id=each.customer_id)
        for n, each in enumerate(places)
        if n % 8 < 4
    ]
    story.tell(*gasps, at=START + MINUTE)
    story.wait(START + HOUR)
    assert len(story.told) == 4_000
    assert sum(len(each.presumed) for each in story.board.incidents) == 2_000
    assert max(step.operations for step in story.steps) <= MOST_OPERATIONS
    assert len(msgspec.json.encode(stored_board(story.board))) < 1_900_000


def test_who_was_back_and_is_dark_again_below_an_open_outage_is_in_an_outage_of_its_own():
    story = Story(feeder(laterals=3, transformers=4))
    everything = [f"T{lateral}{transformer}" for lateral in range(3) for transformer in range(4)]
    story.tell(*all_of(*(each for each in everything if each != "T11"), start=START), at=START)
    story.wait(NOW + 45 * MINUTE)
    story.powered |= {f"M11{number}": NOW + HOUR for number in range(4)}
    story.tell(at=NOW + HOUR + MINUTE)
    story.wait(NOW + 100 * MINUTE)
    first = {each.incident_id for each in story.open}
    story.tell(*all_of("T11", start=NOW + 4 * HOUR), at=NOW + 4 * HOUR)
    story.wait(NOW + 6 * HOUR)
    seen = [
        intent.incident_id
        for step in story.steps
        for intent in step.intents
        if intent.kind == "outage_seen"
        and any(member.meter_id == "M110" for name in intent.chunks for member in story.members[name])
    ]
    members = {m for name, each in story.members.items() if ":joined:" in name or ":all:" in name for m in each}
    assert not any("presumed" in each.anomaly_id for each in members)
    assert len(seen) == 2
    assert seen[0] in first
    assert seen[1] not in first
