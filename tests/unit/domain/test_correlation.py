"""Correlation: anomaly records in, incidents, suppressions and messages out."""

from __future__ import annotations

from correlation_bench import (
    FEEDER,
    GASP,
    MINUTE,
    NOW,
    SILENCE,
    ZERO,
    Story,
    all_of,
    closed,
    devices,
    ends_of,
    feeder,
    opened,
    order,
    storm,
)

from functions.domain.board import Board
from functions.domain.context import GridContext
from functions.domain.correlation import correlate
from functions.domain.incidents import CHUNK_MEMBERS, Cause, IncidentKind, IncidentState
from functions.domain.notifications import IntentKind
from functions.domain.publication import LEDGER_LINES, MOST_OPERATIONS
from functions.domain.revising import Restoration
from functions.domain.topology import FeederMap
from functions.domain.weather import Observation, WeatherSeries
from functions.domain.work_orders import WorkOrderStatus

HOUR = 3_600
OUTAGE, COMMUNICATION = "outage", "communication"


# --- placement ------------------------------------------------------------------------------------------------------


def test_a_lone_gasp_is_a_meter_and_a_second_one_makes_it_the_transformer():
    story = Story()
    (first,) = story.tell(opened("M000"))
    assert (first.device_kind, first.device_id, first.state) == ("meter", "M000", IncidentState.suspected)
    (second,) = story.tell(opened("M001", start=NOW + 5))
    assert (second.incident_id, second.revision) == (first.incident_id, 2)
    assert (second.device_kind, second.device_id, second.state) == ("transformer", "T00", IncidentState.confirmed)
    assert (second.customers_out, second.meters_out) == (4, 4)  # two of the four have said so


def test_the_only_meter_of_a_transformer_is_the_transformer():
    story = Story(feeder(meters=1))
    (revision,) = story.tell(opened("M000"))
    assert (revision.device_kind, revision.device_id) == ("transformer", "T00")


def test_a_meter_below_that_has_power_keeps_the_transformer_out_of_it():
    story = Story()
    story.powered = {"M003": NOW + 900}
    story.tell(opened("M000"), opened("M001"), at=NOW + 1800)
    assert devices(story.open) == [(OUTAGE, "meter", "M000"), (OUTAGE, "meter", "M001")]


def test_a_claim_on_the_transformer_is_withdrawn_when_a_meter_below_turns_out_to_have_power():
    story = Story()
    story.tell(opened("M000"), opened("M001"))
    story.powered = {"M003": NOW + 900}
    story.wait(NOW + 30 * MINUTE)
    assert devices(story.open) == [(OUTAGE, "meter", "M000"), (OUTAGE, "meter", "M001")]


def test_power_before_the_outage_and_power_long_after_it_began_speak_against_nothing():
    story = Story()
    story.powered = {"M003": NOW - 900}
    story.tell(opened("M000"), opened("M001"))
    story.powered = {"M003": NOW + 2 * HOUR}
    story.wait(NOW + 2 * HOUR)
    assert devices(story.open) == [(OUTAGE, "transformer", "T00")]


def test_half_the_transformers_of_a_lateral_are_the_lateral_and_half_of_the_feeder_the_feeder():
    story = Story()
    story.tell(*all_of("T00", "T01"))
    assert devices(story.open) == [(OUTAGE, "lateral", "L0")]
    story.tell(*all_of("T10", "T11", "T20", start=NOW + 20))
    (incident,) = story.open
    assert (incident.device_kind, incident.device_id, incident.customers_out) == ("feeder", "F", 36)


def test_transformers_of_several_laterals_do_not_claim_the_feeder():
    story = Story()
    story.tell(*all_of("T00", "T10", "T20"))
    assert devices(story.open) == [(OUTAGE, "transformer", f"T{n}0") for n in range(3)]


def test_where_no_lateral_is_known_every_transformer_is_its_own():
    places = [each._replace(lateral_id="") for each in FEEDER.places.values()]
    story = Story(FeederMap("F", places))
    story.tell(*all_of("T00", "T01"))
    assert devices(story.open) == [(OUTAGE, "transformer", "T00"), (OUTAGE, "transformer", "T01")]


def test_outages_that_begin_hours_apart_are_not_one():
    story = Story()
    story.tell(*all_of("T00"))
    story.tell(*all_of("T01", start=NOW + 2 * HOUR), at=NOW + 2 * HOUR)
    assert devices(story.open) == [(OUTAGE, "transformer", "T00"), (OUTAGE, "transformer", "T01")]


def test_powered_transformers_keep_the_feeder_out_of_it_but_one_stale_record_does_not():
    layout = feeder(laterals=4, transformers=5)
    dark = [f"T{lateral}{transformer}" for lateral in range(4) for transformer in range(4)]
    story = Story(layout)
    story.powered = {"M042": NOW + 900}
    story.tell(*all_of(*dark), at=NOW + 1800)
    assert devices(story.open) == [(OUTAGE, "feeder", "F")]
    story = Story(layout)
    story.powered = {"M042": NOW + 900, "M142": NOW + 900, "M243": NOW + 900}
    story.tell(*all_of(*dark), at=NOW + 1800)
    story.wait(NOW + 1800 + MINUTE)
    assert {each.device_kind for each in story.open} == {"transformer", "lateral"}
    assert len(story.open) == 13  # a lateral, and the transformers of the other three


def test_a_zero_that_comes_a_quarter_of_an_hour_later_joins_what_gasps_have_placed():
    story = Story()
    story.tell(opened("M000"), opened("M001"))
    story.tell(opened("M002", start=NOW + 900, signal=ZERO), at=NOW + 1800)
    (incident,) = story.open
    assert incident.device_id == "T00"
    assert incident.started_at == NOW


# --- life -----------------------------------------------------------------------------------------------------------


def test_a_lone_gasp_is_believed_when_no_power_has_followed_within_a_minute():
    story = Story()
    story.tell(opened("M000"))
    story.wait(NOW + MINUTE)
    (incident,) = story.open
    assert (incident.state, incident.confirmed_at) == (IncidentState.confirmed, NOW + MINUTE)


def test_a_reading_without_voltage_is_certain_at_once():
    (revision,) = Story().tell(opened("M000", signal=ZERO))
    assert revision.state is IncidentState.confirmed


def test_a_sustained_outage_is_told_once_restored_once_and_closed_when_power_has_stayed():
    story = Story()
    story.tell(*all_of("T00"))
    story.wait(NOW + 6 * MINUTE)
    assert story.told == []
    story.wait(NOW + 8 * MINUTE)
    customers = [f"C-M00{n}" for n in range(4)]
    assert story.told == [("outage_seen", each) for each in customers]
    story.tell(*ends_of("T00"), at=NOW + HOUR + 30)
    (incident,) = story.open
    assert (incident.state, incident.restored_at, incident.customers_out) == (IncidentState.restored, NOW + HOUR, 0)
    assert len(story.told) == 4
    story.wait(NOW + 2 * HOUR)
    assert story.told[4:] == [("restored", each) for each in customers]
    assert story.board.incidents == []
    (last,) = story.latest.values()
    assert (last.state, last.interrupted.sustained, last.momentary) == (IncidentState.closed, 4, False)
    members = [member for name in last.chunks for member in story.members[name]]
    assert {(member.start, member.end) for member in members} == {(NOW, NOW + HOUR)}


def test_who_is_back_first_hears_of_it_while_the_others_wait():
    story = Story()
    story.tell(*all_of("T00"))
    story.wait(NOW + 10 * MINUTE)
    story.tell(closed("M000", end=NOW + HOUR), at=NOW + HOUR)
    (incident,) = story.open
    assert incident.state is IncidentState.restoring
    story.wait(NOW + HOUR + 20 * MINUTE)
    assert story.told[4:] == [("restored", "C-M000")]


def test_a_momentary_interruption_is_on_record_and_never_announced():
    story = Story()
    story.tell(*all_of("T00", "T01", "T02"))
    story.tell(*ends_of("T00", "T01", "T02", end=NOW + 3 * MINUTE), at=NOW + 4 * MINUTE)
    story.wait(NOW + 3 * HOUR)
    (last,) = story.latest.values()
    assert (last.state, last.momentary, last.device_kind) == (IncidentState.closed, True, "lateral")
    assert (last.interrupted.momentary, last.interrupted.sustained) == (12, 0)
    assert story.told == []


def test_those_whose_return_message_was_lost_do_not_make_a_momentary_interruption_longer():
    story = Story()
    story.tell(*all_of("T00", "T01", "T02"))
    story.tell(*ends_of("T00", "T01", end=NOW + 3 * MINUTE), at=NOW + 4 * MINUTE)
    story.wait(NOW + 20 * MINUTE)
    story.tell(*ends_of("T02", end=NOW + 900, told=False), at=NOW + 30 * MINUTE)
    story.wait(NOW + 3 * HOUR)
    (last,) = story.latest.values()
    assert (last.state, last.momentary, last.restored_at) == (IncidentState.closed, True, NOW + 3 * MINUTE)
    assert (last.interrupted.momentary, last.interrupted.sustained) == (12, 0)
    assert story.told == []


def test_a_transformer_that_comes_back_meter_by_meter_is_one_incident_whatever_is_read_of_the_others_then():
    story = Story()
    story.tell(*all_of("T00", meters=range(3)))
    for nth in range(3):
        back = NOW + (4 + 5 * nth) * MINUTE
        story.tell(closed(f"M00{nth}", end=back), at=back + 5)
    story.powered = {"M003": NOW + 900}  # its gasp was lost; it has had power for an interval since
    story.wait(NOW + 3 * HOUR)
    (last,) = story.latest.values()
    assert (last.state, last.device_id, last.restored_at) == (IncidentState.closed, "T00", NOW + 14 * MINUTE)


def test_a_feeder_that_comes_back_stays_the_feeder_when_transformers_that_said_nothing_are_read():
    story = Story()
    dark = ("T00", "T01", "T10", "T11", "T20", "T21")
    story.tell(*all_of(*dark))
    for nth, each in enumerate(dark):
        story.tell(*ends_of(each, end=NOW + (4 + nth) * MINUTE), at=NOW + (4 + nth) * MINUTE + 5)
    story.powered = {f"M{n}2{meter}": NOW + 900 for n in range(3) for meter in range(4)}
    story.wait(NOW + 3 * HOUR)
    (last,) = story.latest.values()
    assert (last.state, last.device_kind) == (IncidentState.closed, "feeder")


def test_what_is_read_before_the_first_is_back_still_speaks_against_the_device():
    story = Story()
    story.tell(opened("M000"), opened("M001"))
    story.powered = {"M003": NOW + 900}
    story.wait(NOW + 31 * MINUTE)
    story.tell(closed("M000", end=NOW + 32 * MINUTE), at=NOW + 32 * MINUTE)
    assert devices(story.open) == [(OUTAGE, "meter", "M000"), (OUTAGE, "meter", "M001")]


def test_a_device_that_goes_out_again_goes_on_as_the_same_incident_without_another_message():
    story = Story()
    story.tell(*all_of("T00"))
    story.wait(NOW + 20 * MINUTE)
    story.tell(*ends_of("T00", end=NOW + 20 * MINUTE), at=NOW + 20 * MINUTE)
    again = NOW + 28 * MINUTE
    story.tell(*all_of("T00", start=again), at=again)
    (incident,) = story.open
    assert (incident.state, incident.restored_at) == (IncidentState.confirmed, None)
    story.tell(*ends_of("T00", start=again, end=NOW + HOUR), at=NOW + HOUR)
    story.wait(NOW + 3 * HOUR)
    assert len(story.latest) == 1
    assert sorted(story.told) == sorted([(kind, f"C-M00{n}") for kind in ("outage_seen", "restored") for n in range(4)])


def test_an_outage_after_power_has_stayed_is_a_new_one():
    story = Story()
    story.tell(*all_of("T00"))
    story.tell(*ends_of("T00", end=NOW + HOUR), at=NOW + HOUR)
    story.wait(NOW + 2 * HOUR)
    story.tell(*all_of("T00", start=NOW + 2 * HOUR), at=NOW + 2 * HOUR)
    assert len(story.latest) == 2


def test_what_stays_dark_when_the_feeder_is_back_is_an_incident_of_its_own_from_the_first_moment_on():
    story = Story()
    everything = [f"T{lateral}{transformer}" for lateral in range(3) for transformer in range(3)]
    story.tell(*all_of(*everything))
    story.wait(NOW + 10 * MINUTE)
    (whole,) = story.open
    back = [each for each in everything if each != "T11"]
    story.tell(*ends_of(*back, end=NOW + HOUR), at=NOW + HOUR)
    story.wait(NOW + 2 * HOUR)
    (nested,) = story.open
    assert (nested.device_kind, nested.device_id) == ("transformer", "T11")
    assert (nested.nested_in, nested.started_at) == (whole.incident_id, NOW)
    assert (nested.state, nested.customers_out) == (IncidentState.confirmed, 4)
    last = story.latest[whole.incident_id]
    assert (last.state, last.device_kind, last.restored_at) == (IncidentState.closed, "feeder", NOW + HOUR)
    story.tell(*ends_of("T11", end=NOW + 3 * HOUR), at=NOW + 3 * HOUR)
    story.wait(NOW + 4 * HOUR)
    assert story.board.incidents == []
    for kind in ("outage_seen", "restored"):
        assert sorted(customer for each, customer in story.told if each == kind) == sorted(
            place.customer_id for place in FEEDER.places.values()
        )


def test_a_meter_that_stays_dark_when_its_transformer_is_back_is_a_meter():
    story = Story()
    story.tell(*all_of("T00"))
    story.tell(*ends_of("T00", meters=range(3), end=NOW + HOUR), at=NOW + HOUR)
    story.wait(NOW + 2 * HOUR)
    assert devices(story.open) == [(OUTAGE, "meter", "M003")]


def test_who_was_not_told_because_it_looked_momentary_is_told_of_what_is_left():
    story = Story()
    story.tell(*all_of("T00"))
    story.tell(*ends_of("T00", meters=range(3), end=NOW + 2 * MINUTE), at=NOW + 3 * MINUTE)
    story.wait(NOW + 30 * MINUTE)
    assert story.told == []
    story.wait(NOW + 40 * MINUTE)
    assert story.told == [("outage_seen", "C-M003")]


# --- silence --------------------------------------------------------------------------------------------------------


def silent(*meters, start=NOW):
    return [opened(meter, "no_reads", start=start) for meter in meters]


def heard_at(moment, *but):
    return {meter: moment for meter in FEEDER.places if meter not in but}


def test_meters_of_one_collector_that_fall_silent_are_a_matter_of_communication():
    story = Story()
    meters = [f"M0{transformer}{n}" for transformer in range(3) for n in range(2)]
    story.powered = heard_at(NOW + HOUR, *meters)
    story.tell(*silent(*meters), at=NOW + 2 * HOUR)
    assert devices(story.open) == [(COMMUNICATION, "collector", "near")]
    story.wait(NOW + 12 * HOUR)
    assert story.told == []


def test_all_meters_of_a_transformer_silent_while_its_collector_hears_others_are_a_suspected_outage():
    story = Story()
    meters = [f"M11{n}" for n in range(4)]
    story.powered = heard_at(NOW + HOUR, *meters)
    (revision,) = story.tell(*silent(*meters), at=NOW + 2 * HOUR)
    assert (revision.kind, revision.device_id, revision.state) == (IncidentKind.outage, "T11", IncidentState.suspected)
    story.wait(NOW + 2 * HOUR + 20 * MINUTE)
    (incident,) = story.open
    assert incident.state is IncidentState.confirmed


def test_suspected_darkness_that_dissolves_was_a_false_alarm():
    story = Story()
    meters = [f"M11{n}" for n in range(4)]
    story.powered = heard_at(NOW + HOUR, *meters)
    story.tell(*silent(*meters), at=NOW + 2 * HOUR)
    ends = [closed(meter, "no_reads", end=NOW + 2 * HOUR) for meter in meters]
    story.tell(*ends, at=NOW + 2 * HOUR + 5 * MINUTE)
    story.wait(NOW + 4 * HOUR)
    assert [each.state for each in story.latest.values()] == [IncidentState.false_alarm]
    assert story.told == []


def test_meters_of_a_silent_collector_that_lost_readings_before_are_no_outage_of_their_transformer():
    story = Story()
    meters = [f"M00{n}" for n in range(4)]
    story.powered = heard_at(NOW + 1800, *meters)  # the collector's others were heard until it failed
    story.tell(*silent(meters[0]), *silent(*meters[1:], start=NOW + 1800), at=NOW + 3 * HOUR)
    story.wait(NOW + 4 * HOUR)
    assert {each.kind for each in story.latest.values()} == {IncidentKind.communication}
    assert story.told == []


def test_silence_becomes_an_outage_when_a_meter_turns_out_to_be_dark():
    story = Story()
    meters = [f"M11{n}" for n in range(3)]
    story.tell(*silent(*meters), at=NOW + 2 * HOUR)
    assert {each.kind for each in story.open} == {IncidentKind.communication}
    story.tell(opened("M113", start=NOW + 900, signal=ZERO), at=NOW + 2 * HOUR + MINUTE)
    assert devices(story.open) == [(OUTAGE, "transformer", "T11")]
    merged = [each for each in story.latest.values() if each.parent_id]
    assert {each.state for each in merged} == {IncidentState.closed}


def test_a_meter_that_falls_silent_below_a_device_that_is_out_joins_its_incident():
    story = Story()
    story.tell(*all_of("T00", meters=range(3)))
    story.tell(*silent("M003"), at=NOW + 2 * HOUR)
    (incident,) = story.open
    assert sum(len(story.members[name]) for name in incident.chunks) == 4


def test_a_silent_meter_that_says_itself_when_power_is_back_was_dark():
    story = Story()
    story.tell(*silent("M110"), at=NOW + 2 * HOUR)
    assert devices(story.open) == [(COMMUNICATION, "meter", "M110")]
    end = closed("M110", "no_reads", end=NOW + 3 * HOUR, at=NOW + 3 * HOUR)
    story.tell(end, at=NOW + 3 * HOUR + 30)
    (incident,) = story.open
    assert (incident.kind, incident.confirmed_at is not None, incident.restored_at) == (OUTAGE, True, NOW + 3 * HOUR)
    story.wait(NOW + 5 * HOUR)
    assert [each.state for each in story.latest.values()] == [IncidentState.closed]


def test_a_collector_that_is_back_leaves_a_meter_that_is_not_to_itself():
    story = Story()
    meters = [f"M0{transformer}{n}" for transformer in range(3) for n in range(2)]
    story.tell(*silent(*meters), at=NOW + 2 * HOUR)
    story.tell(*(closed(each, "no_reads", end=NOW + 3 * HOUR) for each in meters[1:]), at=NOW + 3 * HOUR)
    story.wait(NOW + 5 * HOUR)
    assert devices(story.open) == [(COMMUNICATION, "meter", "M000")]


def test_silence_and_darkness_elsewhere_are_not_the_same():
    story = Story()
    story.tell(*all_of("T00"))
    story.tell(*silent("M110"), at=NOW + 2 * HOUR)
    assert devices(story.open) == [(COMMUNICATION, "meter", "M110"), (OUTAGE, "transformer", "T00")]


# --- what is known already ------------------------------------------------------------------------------------------


def test_a_sag_below_a_device_that_is_out_joins_its_incident_whichever_came_first():
    for cuts in (
        [[opened("M000", "sag")], [opened("M000"), opened("M001")]],
        [[opened("M000"), opened("M001")], [opened("M000", "sag")]],
    ):
        story = Story()
        for cut in cuts:
            story.tell(*cut, at=NOW + 900)
        assert devices(story.open) == [(OUTAGE, "transformer", "T00")]
        (line,) = story.ledger
        assert line.source_id == story.open[0].incident_id


def test_what_lasts_longer_than_the_outage_that_explained_it_is_raised_once():
    story = Story()
    story.tell(*all_of("T00"), opened("M000", "sag"))
    story.tell(*ends_of("T00", end=NOW + HOUR), at=NOW + HOUR)
    story.wait(NOW + 6 * HOUR)
    assert devices(story.open) == [("voltage", "meter", "M000")]
    assert story.ledger[-1].released_at is not None


def test_a_spell_that_goes_on_goes_on_explaining_and_no_longer_than_a_day():
    story = Story()
    wind = [Observation(timestamp=NOW + hour * HOUR, wind_mps=20.0) for hour in range(60)]
    story.weather = WeatherSeries(wind[:1])
    assert story.tell(opened("M000", "unusual", score=4.5)) == []
    story.weather = WeatherSeries(wind)
    story.wait(NOW + 36 * HOUR)
    assert story.open == []
    story.wait(NOW + 37 * HOUR)
    assert devices(story.open) == [("meter", "meter", "M000")]


def test_planned_work_suppresses_and_what_lasts_longer_is_raised_and_told_once():
    story = Story(orders=(order(),))
    assert story.tell(*all_of("T00")) == []
    assert [(line.meter_id, line.source_id, line.until) for line in story.ledger] == [
        (f"M00{n}", "WO1", NOW + 4500) for n in range(4)
    ]
    story.tell(*ends_of("T00", meters=range(2), end=NOW + 1800), at=NOW + 1800)
    story.powered = {"M000": NOW + 4500, "M001": NOW + 4500}
    assert story.board.release_at == NOW + 4500 + 1800
    story.wait(NOW + 4500 + 1800 + 10 * MINUTE)
    (incident,) = story.open
    assert (incident.meters_out, incident.cause) == (2, Cause.planned)
    assert [line.released_at is not None for line in story.ledger] == [False] * 4 + [True] * 2
    assert story.told == [("outage_seen", "C-M002"), ("outage_seen", "C-M003")]


def test_an_extended_order_explains_further():
    story = Story(orders=(order(),))
    story.tell(*all_of("T00"))
    story.orders = (order(end=NOW + 7200),)
    story.wait(NOW + 9_800)
    assert story.latest == {}
    story.wait(NOW + 10_200)
    assert len(story.open) == 1


def test_a_cancelled_order_takes_effect_at_the_next_step():
    story = Story(orders=(order(),))
    story.tell(*all_of("T00"))
    story.orders = (order(status=WorkOrderStatus.cancelled),)
    story.tell(at=NOW + MINUTE)
    assert devices(story.open) == [(OUTAGE, "transformer", "T00")]


def test_an_order_that_is_registered_late_takes_back_what_nobody_was_told_of():
    story = Story()
    story.tell(*all_of("T00"))
    story.orders = (order(),)
    story.tell(at=NOW + 2 * MINUTE)
    assert story.open == []
    assert [(each.state, each.cause) for each in story.latest.values()] == [(IncidentState.closed, Cause.planned)]
    story.wait(NOW + HOUR)
    assert story.told == []


def test_a_meter_nobody_announced_is_no_reason_for_an_outage():
    story = Story()
    assert story.tell(opened(provisional=True)) == []
    assert len(story.tell(opened(kind="tamper", provisional=True))) == 1


# --- records --------------------------------------------------------------------------------------------------------


def test_records_delivered_again_change_nothing():
    story = Story()
    story.tell(opened(), closed(end=NOW + HOUR), at=NOW + HOUR)
    story.wait(NOW + 3 * HOUR)
    before = len(story.revisions)
    assert story.tell(opened(), closed(end=NOW + HOUR), at=NOW + 3 * HOUR) == []
    assert len(story.revisions) == before


def test_an_end_that_comes_before_its_beginning_leaves_nothing_open():
    story = Story()
    story.tell(closed())
    assert story.tell(opened()) == []
    assert story.board.troubles == {}


def test_two_things_at_one_meter_within_half_an_hour_are_one_incident():
    story = Story()
    story.tell(opened(kind="tamper"), opened(kind="stuck", start=NOW + 900), at=NOW + 900)
    assert devices(story.open) == [("meter", "meter", "M000")]


def test_only_outages_are_told():
    story = Story()
    story.tell(opened(kind="sag"), opened(kind="tamper"), opened("M110", "stuck"))
    story.wait(NOW + 12 * HOUR)
    assert {each.kind for each in story.latest.values()} == {IncidentKind.voltage, IncidentKind.meter}
    assert story.told == []


def test_a_voltage_incident_is_over_with_the_last_of_its_troubles():
    story = Story()
    story.tell(opened(kind="sag"), opened("M001", "sag"), opened("M011", "sag"))
    (incident,) = story.open
    assert (incident.device_kind, incident.device_id) == ("lateral", "L0")
    ends = [closed(each, "sag", end=NOW + HOUR) for each in ("M000", "M001", "M011")]
    story.tell(*ends[:2], at=NOW + HOUR)
    assert len(story.open) == 1
    story.tell(ends[2], at=NOW + HOUR)
    story.wait(NOW + HOUR + MINUTE)
    assert [each.state for each in story.latest.values()] == [IncidentState.closed]


def test_voltage_that_is_wrong_on_many_transformers_is_the_feeders_and_what_shows_it_later_is_part_of_it():
    story = Story()
    story.tell(*(opened(f"M{n}{n}0", "swell") for n in range(3)))
    assert devices(story.open) == [("voltage", "feeder", "F")]
    story.tell(
        opened("M213", "swell", start=NOW + 3 * HOUR), opened("M102", "unusual", start=NOW + HOUR), at=NOW + 3 * HOUR
    )
    (incident,) = story.open
    assert incident.meters_out == 4
    assert [(line.meter_id, line.source_id) for line in story.ledger] == [("M102", incident.incident_id)]


def test_sags_and_swells_of_single_meters_far_apart_are_theirs():
    story = Story()
    story.tell(opened("M000", "sag"), opened("M110", "swell"), opened("M220", "sag"))
    assert devices(story.open) == [("voltage", "meter", meter) for meter in ("M000", "M110", "M220")]


# --- operators ------------------------------------------------------------------------------------------------------


def test_an_outage_nobody_acknowledges_climbs_the_ladder_and_no_further():
    story = Story(feeder(laterals=10, transformers=4))
    story.tell(*all_of(*(f"T{n}{m}" for n in range(10) for m in range(4))))
    story.wait(NOW + 24 * HOUR)
    (incident,) = story.open
    assert incident.escalation == 3
    assert len(story.revisions) < 20


def test_an_outage_grows_more_urgent_where_somebody_depends_on_power():
    plain, critical = Story(), Story(feeder(critical=True))
    for story in (plain, critical):
        story.tell(*all_of("T00"))
        story.wait(NOW + 2 * HOUR)
    assert (plain.open[0].severity, critical.open[0].severity) == ("low", "critical")
    assert critical.open[0].critical_customers == 4


def test_an_estimate_is_asked_for_when_something_changes_and_once_an_hour():
    asked = []

    def estimate(incident, now):
        asked.append(now)
        return Restoration(now + HOUR, (0.5, 1.0, 2.0, 4.0))

    story = Story(estimate=estimate)
    story.tell(*all_of("T00"))
    story.wait(NOW + 5 * HOUR)
    (incident,) = story.open
    assert incident.restoration_estimate == asked[-1] + HOUR
    assert 4 <= len(asked) <= 12


# --- storms ---------------------------------------------------------------------------------------------------------


def test_a_storm_is_one_incident_a_feeder_one_commit_and_one_intent():
    (layout, records), *_ = storm(feeders=1)
    board = Board(feeder_id="F0")
    step = correlate(board, records, layout, {}, GridContext(), NOW + 120)
    assert devices(step.incidents) == [(OUTAGE, "feeder", "F0")]
    assert [len(chunk.members) for chunk in step.chunks] == [CHUNK_MEMBERS] * 2
    told = correlate(board, [], layout, {}, GridContext(), NOW + 600)
    assert [intent.kind for intent in told.intents] == [IntentKind.outage_seen]
    assert {member.meter_id for chunk in told.chunks for member in chunk.members} == layout.places.keys()


def test_many_incidents_at_once_are_cut_into_commits_that_a_store_takes():
    layout = feeder(laterals=10, transformers=10, meters=4)
    story = Story(layout)
    story.tell(*(opened(meter, kind="stuck") for meter in layout.places))
    assert max(step.operations for step in story.steps) <= MOST_OPERATIONS
    assert len(story.latest) == 400


def test_all_that_planned_work_holds_fits_into_one_commit():
    layout = feeder(laterals=10, transformers=10, meters=40)
    story = Story(layout, orders=tuple(order(f"WO{each}", asset=each) for each in layout.transformers))
    story.tell(*(opened(meter) for meter in layout.places))
    assert len(story.ledger) == 4_000 > LEDGER_LINES
    assert max(step.operations for step in story.steps) <= MOST_OPERATIONS


def test_signals_are_told_apart():
    assert (GASP, ZERO, SILENCE) == ("last_gasp", "zero_voltage", "silence")
