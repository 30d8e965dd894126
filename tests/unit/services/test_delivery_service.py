"""Delivery: a message is decided on, claimed, sent and recorded; every one that is not sent says why."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from message_office import NOON, Channel, Killed, Office, message, put_incident, replaced

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.customers import Consent, ConsentState, Customer
from functions.domain.errors import NotSent, TransientFault
from functions.domain.incidents import IncidentState
from functions.domain.notifications import DeliveryState, IntentKind, send_key
from functions.domain.rates import Limits

PHONE = "+12025550143"
AWAKE = Customer(customer_id="C1", phone=PHONE)
CRITICAL = replaced(AWAKE, critical=True)
SEEN, CHANGED, BACK = IntentKind.outage_seen, IntentKind.estimate_changed, IntentKind.restored
AHEAD, MOVED, OFF = IntentKind.planned_ahead, IntentKind.planned_changed, IntentKind.planned_cancelled
NIGHT = int(datetime(2024, 6, 17, 23, tzinfo=UTC).timestamp())
HOUR = 3600


@pytest.fixture
def stores(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


@pytest.fixture
def clock():
    return SetClock(NOON)


async def at_night(stores, clock, *channels, customer=AWAKE):
    """An office at eleven at night, with its customer."""
    clock.set(NIGHT)
    await stores.customers.put([customer])
    await put_incident(stores, over=False)
    return Office(stores, clock, *channels)


async def test_a_message_is_sent_once_and_its_record_says_all(stores, clock):
    await stores.customers.put([AWAKE])
    office = Office(stores, clock, Channel("sms"))
    assert await office.tell(message(noticed_at=NOON - 90), message()) == [DeliveryState.sent, None]
    record = await stores.deliveries.read("C1", send_key("inc:A", "C1", SEEN))
    assert (record.to, record.channel, record.reference, record.sent_at) == (PHONE, "sms", "SM1", NOON)
    assert office.reports[0].accepted_s == [90]
    await office.tell(message(AHEAD, work_start=NOON + HOUR, work_end=NOON + 2 * HOUR))
    assert [each.accepted_s for each in office.reports[1:]] == [[]]  # no reading has led to it


async def test_a_change_of_channel_between_two_deliveries_sends_nothing_twice(stores, clock):
    office = Office(stores, clock, Channel("sms"), Channel("webhook"))
    for channel in ("sms", "webhook"):
        await stores.customers.put([replaced(AWAKE, channels=(channel,))])
        await office.tell(message())
    assert (office.channels["sms"].customers, office.channels["webhook"].customers) == (["C1"], [])


@pytest.mark.parametrize(
    ("customer", "available", "used"),
    [
        (AWAKE, ("sms", "voice", "webhook"), "sms"),
        (replaced(AWAKE, channels=("webhook", "sms")), ("sms", "webhook"), "webhook"),
        (replaced(AWAKE, channels=("voice",)), ("sms", "voice"), "voice"),
        (replaced(AWAKE, phone=""), ("sms", "webhook"), "webhook"),
        (replaced(AWAKE, channels=("sms",)), ("console",), "console"),
    ],
)
async def test_a_customer_is_reached_on_the_channel_they_prefer(stores, clock, customer, available, used):
    await stores.customers.put([customer])
    office = Office(stores, clock, *map(Channel, available))
    await office.tell(message())
    assert [name for name, channel in office.channels.items() if channel.sent] == [used]


async def test_whoever_cannot_be_reached_is_a_dropped_message_with_its_reason(stores, clock):
    await stores.customers.put([replaced(AWAKE, phone="")])
    office = Office(stores, clock, Channel("sms"))
    assert await office.tell(message()) == [DeliveryState.dropped]
    assert "no channel" in (await office.reasons())["outage_seen"]


async def test_an_opt_out_between_queueing_and_sending_is_honoured(stores, clock):
    await stores.customers.put([AWAKE])
    office = Office(stores, clock, Channel("sms"), Channel("voice"))
    queued = message()
    await stores.deliveries.put_consent(Consent(phone=PHONE, state=ConsentState.opted_out, at=NOON, source="STOP"))
    assert await office.tell(queued) == [DeliveryState.dropped]
    assert "asked not to be written to" in (await office.reasons())["outage_seen"]
    assert office.channels["sms"].tries == office.channels["voice"].tries == 0


async def test_an_opt_out_while_a_message_is_held_is_honoured(stores, clock):
    office = await at_night(stores, clock, Channel("sms"))
    await office.tell(message(at=NIGHT))
    await stores.deliveries.put_consent(Consent(phone=PHONE, state=ConsentState.opted_out, at=NIGHT, source="STOP"))
    await office.pass_time(12 * HOUR)
    assert await office.states() == {"outage_seen 1": "dropped"}


async def test_a_provider_that_knows_of_an_opt_out_teaches_it_to_us(stores, clock):
    await stores.customers.put([AWAKE])
    office = Office(stores, clock, Channel("sms", NotSent("opted out", permanent=True, code="21610")))
    assert await office.tell(message()) == [DeliveryState.failed]
    assert (await stores.deliveries.consent(PHONE)).state is ConsentState.opted_out
    assert await office.tell(message(incident_id="inc:B")) == [DeliveryState.dropped]


async def test_a_message_at_night_waits_for_the_morning(stores, clock):
    office = await at_night(stores, clock)
    assert await office.tell(message(at=NIGHT)) == [DeliveryState.held]
    await office.pass_time(8 * HOUR + 59 * 60)
    assert office.channels["console"].sent == []
    await office.pass_time(60)
    assert clock.now() == NIGHT + 9 * HOUR
    ((_, body),) = office.channels["console"].sent
    assert body.startswith("The power has been out at your address since 10:55 pm yesterday. We are working on it")
    assert office.reports[-2].accepted_s == []  # how long it took is no measure when it had to wait


async def test_an_outage_passes_the_night_for_critical_customers_and_planned_work_does_not(stores, clock):
    office = await at_night(stores, clock, customer=CRITICAL)
    tomorrow = message(AHEAD, at=NIGHT, incident_id="WO-1", work_start=NIGHT + 24 * HOUR, work_end=NIGHT + 26 * HOUR)
    assert await office.tell(message(at=NIGHT), tomorrow) == [DeliveryState.sent, DeliveryState.held]


async def test_an_outage_that_ended_in_the_night_is_never_announced_nor_is_its_end(stores, clock):
    office = await at_night(stores, clock)
    await office.tell(message(at=NIGHT))
    clock.set(NIGHT + HOUR)
    assert await office.tell(message(BACK, at=NIGHT + HOUR)) == [DeliveryState.dropped]
    await office.pass_time(12 * HOUR)
    assert office.channels["console"].tries == 0
    assert await office.reasons() == {
        "outage_seen": "the power was back before it was told",
        "restored": "what it follows was never announced",
    }


async def test_an_incident_that_was_closed_without_a_word_to_its_customers_is_not_announced(stores, clock):
    office = await at_night(stores, clock)
    await office.tell(message(at=NIGHT))
    await put_incident(stores, over=True, revision=2)
    await office.pass_time(12 * HOUR)
    assert await office.reasons() == {"outage_seen": "the outage is over"}


async def test_an_end_that_comes_before_its_announcement_takes_its_place(stores, clock):
    office = Office(stores, clock)
    assert await office.tell(message(BACK)) == [DeliveryState.dropped]
    assert await office.tell(message()) == [None]
    assert office.channels["console"].tries == 0


async def test_the_end_of_an_outage_that_became_part_of_another_is_told_once(stores, clock):
    office = Office(stores, clock)
    await office.tell(message())
    clock.set(NOON + 900)
    await put_incident(stores, over=False, incident_id="inc:B")
    assert await office.tell(message(BACK, at=NOON + 900, started_at=NOON - 300, incident_id="inc:B")) == [
        DeliveryState.sent
    ]
    assert await office.tell(message(BACK, at=NOON + 900, started_at=NOON + 600, incident_id="inc:C")) == [
        DeliveryState.dropped
    ]


async def test_an_announcement_that_waits_is_made_although_its_outage_became_part_of_another(stores, clock):
    office = await at_night(stores, clock)
    await put_incident(stores, over=False, incident_id="inc:B")
    await office.tell(message(at=NIGHT))
    was = await stores.incidents.head("F", "inc:A")
    merged = replaced(was, id="inc:A:r2", revision=2, state=IncidentState.closed, parent_id="inc:B")
    await stores.incidents.commit(await stores.incidents.board("F"), [merged], [], [])
    await office.pass_time(10 * HOUR)
    assert await office.states() == {"outage_seen 1": "sent"}


async def test_an_announced_outage_ends_in_the_morning_when_it_ended_at_night(stores, clock):
    await stores.customers.put([AWAKE])
    office = Office(stores, clock)
    await office.tell(message())
    clock.set(NIGHT)
    assert await office.tell(message(BACK, at=NIGHT)) == [DeliveryState.held]
    await office.pass_time(10 * HOUR)
    assert await office.states() == {"outage_seen 1": "sent", "restored 1": "sent"}


async def test_an_estimate_that_changes_at_night_is_told_with_the_announcement(stores, clock):
    office = await at_night(stores, clock)
    await office.tell(message(at=NIGHT, estimate=NIGHT + 11 * HOUR))
    change = message(CHANGED, at=NIGHT + 60, estimate=NIGHT + 15 * HOUR + 1800, revision=2)
    assert await office.tell(change) == [DeliveryState.dropped]
    await office.pass_time(10 * HOUR)
    ((_, body),) = office.channels["console"].sent
    assert "by about 2:30 pm." in body


async def test_of_several_estimates_that_wait_only_the_newest_is_told(stores, clock):
    await stores.customers.put([AWAKE])
    office = Office(stores, clock)
    await office.tell(message())
    clock.set(NIGHT)
    await office.tell(*(message(CHANGED, at=NIGHT + nth, estimate=NIGHT + 40_000, revision=nth) for nth in (2, 3, 4)))
    await office.pass_time(10 * HOUR)
    assert await office.ends() == ["dropped", "dropped", "sent", "sent"]
    assert len(office.channels["console"].sent) == 2


async def test_an_estimate_waits_for_its_announcement(stores, clock):
    office = Office(stores, clock)
    assert await office.tell(message(CHANGED, estimate=NOON + HOUR, revision=2)) == [DeliveryState.held]
    await office.tell(message())
    await office.pass_time(120)
    assert [body[:28] for _, body in office.channels["console"].sent] == [
        "The power has been out at yo",
        "We now expect the power at y",
    ]


async def test_an_estimate_that_waited_is_not_told_when_its_outage_is_over(stores, clock):
    await stores.customers.put([AWAKE])
    office = Office(stores, clock)
    await put_incident(stores, over=False)
    await office.tell(message())
    clock.set(NIGHT)
    await office.tell(message(CHANGED, at=NIGHT, estimate=NIGHT + 30 * HOUR, revision=2))
    await put_incident(stores, over=True, revision=3)  # whoever told of its end, told it of another incident
    await office.pass_time(12 * HOUR)
    assert await office.reasons() == {"outage_seen": "", "estimate_changed": "the outage is over"}


async def test_an_estimate_whose_moment_has_passed_is_not_told(stores, clock):
    await stores.customers.put([AWAKE])
    office = Office(stores, clock)
    await office.tell(message())
    clock.set(NIGHT)
    await office.tell(message(CHANGED, at=NIGHT, estimate=NIGHT + 2 * HOUR, revision=2))
    await office.pass_time(12 * HOUR)
    assert await office.reasons() == {"outage_seen": "", "estimate_changed": "the moment it names has passed"}


async def test_an_estimate_follows_the_announcement_of_an_incident_that_became_part_of_another(stores, clock):
    office = Office(stores, clock)
    await office.tell(message(incident_id="inc:merged"))
    changed = message(CHANGED, at=NOON, started_at=NOON - 600, estimate=NOON + HOUR, revision=4)
    assert await office.tell(changed) == [DeliveryState.sent]


async def test_every_revision_of_an_estimate_is_news_and_an_outage_is_told_once(stores, clock):
    office = Office(stores, clock)
    changes = [message(CHANGED, revision=nth, estimate=NOON + HOUR * nth) for nth in (2, 2, 3)]
    states = await office.tell(message(revision=1), message(revision=5), *changes)
    assert states == [DeliveryState.sent, None, DeliveryState.sent, None, DeliveryState.sent]


async def test_a_customer_in_two_incidents_hears_of_both(stores, clock):
    office = Office(stores, clock)
    assert await office.tell(message(), message(incident_id="inc:B")) == [DeliveryState.sent] * 2
    first, second = (body for _, body in office.channels["console"].sent)
    assert first[-6:] != second[-6:]


async def test_planned_work_that_moves_twice_in_a_night_is_told_once(stores, clock):
    await stores.customers.put([AWAKE])
    office = Office(stores, clock)
    times = {"incident_id": "WO-1", "work_end": NIGHT + 60 * HOUR}
    await office.tell(message(AHEAD, work_start=NIGHT + 48 * HOUR, **times))
    clock.set(NIGHT)
    moves = [message(MOVED, at=NIGHT, work_start=NIGHT + nth * 12 * HOUR, revision=nth, **times) for nth in (3, 4)]
    await office.tell(*moves)
    await office.pass_time(10 * HOUR)
    assert await office.ends() == ["dropped", "sent", "sent"]


async def test_a_cancellation_of_work_nobody_was_told_of_is_not_told(stores, clock):
    office = await at_night(stores, clock)
    times = {"incident_id": "WO-1", "at": NIGHT, "work_start": NIGHT + 48 * HOUR, "work_end": NIGHT + 50 * HOUR}
    await office.tell(message(AHEAD, **times), message(OFF, revision=2, **times))
    await office.pass_time(10 * HOUR)
    assert await office.reasons() == {
        "planned_ahead": "the work is cancelled",
        "planned_cancelled": "what it follows was never announced",
    }


async def test_planned_work_that_has_begun_is_not_announced(stores, clock):
    office = await at_night(stores, clock)
    await office.tell(message(AHEAD, at=NIGHT, incident_id="WO", work_start=NIGHT + 8 * HOUR, work_end=NIGHT + 60_000))
    await office.pass_time(10 * HOUR)
    assert await office.reasons() == {"planned_ahead": "the work has begun"}


async def test_a_message_that_waited_in_the_queue_for_more_than_two_hours_is_dropped(stores, clock):
    office = Office(stores, clock)
    await put_incident(stores, over=False)
    clock.set(NOON + 2 * HOUR)
    assert await office.tell(message()) == [DeliveryState.sent]
    clock.set(NOON + 2 * HOUR + 1)
    assert await office.tell(message(customer="C2")) == [DeliveryState.expired]


async def test_a_refused_message_is_sent_when_the_channel_takes_it(stores, clock):
    await put_incident(stores, over=False)
    office = Office(stores, clock, Channel("console", NotSent("busy", retry_after_s=90), NotSent("busy")))
    assert await office.tell(message()) == [DeliveryState.held]
    await office.pass_time(60)
    assert office.channels["console"].tries == 1
    await office.pass_time(240)
    assert office.channels["console"].customers == ["C1"]
    assert await office.tell(message()) == [None]


async def test_a_channel_that_takes_nothing_for_two_hours_ends_in_an_expired_message(stores, clock):
    await put_incident(stores, over=False)
    office = Office(stores, clock, Channel("console", fault_of=lambda _: NotSent("the disk is full")))
    await office.tell(message())
    await office.pass_time(3 * HOUR)
    assert await office.states() == {"outage_seen 1": "expired"}
    assert office.channels["console"].tries < 20


async def test_a_number_that_cannot_be_written_to_is_called_when_the_customer_is_critical(stores, clock):
    await stores.customers.put([CRITICAL])
    no_mobile = NotSent("a landline", permanent=True, code="21614")
    office = Office(stores, clock, Channel("sms", no_mobile), Channel("voice"))
    assert await office.tell(message()) == [DeliveryState.failed]
    await office.pass_time(60)
    assert await office.states() == {"outage_seen 1": "failed", "outage_seen 2": "sent"}
    ((_, spoken),) = office.channels["voice"].sent
    assert "Reply" not in spoken


async def test_a_number_that_cannot_be_written_to_ends_there_for_others(stores, clock):
    await stores.customers.put([AWAKE])
    office = Office(stores, clock, Channel("sms", NotSent("a landline", permanent=True)), Channel("voice"))
    await office.tell(message())
    await office.pass_time(60)
    assert await office.states() == {"outage_seen 1": "failed"}


async def test_a_report_that_came_before_the_answer_is_not_overwritten(stores, clock):
    class Quick(Channel):
        async def send(self, notification, customer, body):
            reference = await super().send(notification, customer, body)
            claim = await stores.deliveries.read("C1", notification.key)
            await stores.deliveries.replace(claim, replaced(claim, state=DeliveryState.delivered, reference=reference))
            return reference

    office = Office(stores, clock, Quick())
    assert await office.tell(message()) == [DeliveryState.delivered]
    record = await stores.deliveries.read("C1", message().key)
    assert (record.state, record.reference, record.sent_at) == (DeliveryState.delivered, "SM1", NOON)


async def test_a_customer_who_cannot_be_read_costs_no_claim(stores, clock, monkeypatch):
    read, faults = stores.customers.read, [TransientFault("throttled")]

    async def sometimes(customer_id):
        if faults:
            raise faults.pop()
        return await read(customer_id)

    monkeypatch.setattr(stores.customers, "read", sometimes)
    office = Office(stores, clock)
    with pytest.raises(TransientFault):
        await office.tell(message())
    assert await office.tell(message()) == [DeliveryState.sent]


async def test_an_interrupted_message_that_went_out_is_found_and_not_sent_again(stores, clock):
    channel = Channel("console", "killed after")
    office = Office(stores, clock, channel)
    with pytest.raises(Killed):
        await office.tell(message())
    assert await office.tell(message()) == [None]
    await office.pass_time(300)
    assert await office.states() == {"outage_seen 1": "sent"}
    assert channel.customers == ["C1"]


async def test_an_interrupted_message_that_never_went_out_is_sent_once(stores, clock):
    channel = Channel("console", "killed before")
    office = Office(stores, clock, channel)
    await put_incident(stores, over=False)
    with pytest.raises(Killed):
        await office.tell(message())
    await office.pass_time(60)
    assert channel.sent == []  # the provider's list may lag behind
    await office.pass_time(240)
    assert channel.customers == ["C1"]


async def test_an_interrupted_message_whose_outage_ended_is_not_sent_after_all(stores, clock):
    channel = Channel("console", "not heard")
    office = Office(stores, clock, channel)
    assert await office.tell(message()) == [DeliveryState.unknown]
    assert await office.tell(message(BACK)) == [DeliveryState.held]
    await office.pass_time(600)
    assert await office.states() == {"outage_seen 1": "dropped", "restored 1": "dropped"}
    assert channel.sent == []


async def test_a_provider_that_cannot_be_asked_leaves_the_message_on_the_operators_list(stores, clock):
    channel = Channel("console", "answer lost")
    channel.answers = False
    office = Office(stores, clock, channel)
    await office.tell(message())
    await office.pass_time(14 * 60)
    assert await office.releasing.long_unknown() == []
    await office.pass_time(5 * HOUR)
    assert [each.key for each in await office.releasing.long_unknown()] == [message().key]
    assert office.reports[-1].unknown == 1
    channel.answers = True
    await office.pass_time(HOUR)
    assert await office.states() == {"outage_seen 1": "sent"}
    assert len(channel.sent) == 1


async def test_an_older_time_that_a_queue_brings_late_is_not_told_after_a_newer_one(stores, clock):
    clock.set(NOON)
    office = Office(stores, clock)
    await office.tell(message())
    new = message(CHANGED, at=NOON + 70, estimate=NOON + 3 * HOUR, revision=3)
    old = message(CHANGED, at=NOON + 10, estimate=NOON + 8 * HOUR, revision=2)
    clock.set(NOON + 400)
    assert await office.tell(new, old) == ["sent", "dropped"]


async def test_who_slid_from_one_outage_into_another_hears_that_the_second_is_over(stores, clock):
    clock.set(NOON)
    await stores.customers.put([AWAKE])
    office = Office(stores, clock)
    await office.tell(message(incident_id="inc:A"))
    clock.set(NOON + 4 * HOUR)
    back = message(BACK, incident_id="inc:B", at=NOON + 4 * HOUR, started_at=NOON + HOUR)
    assert await office.tell(back) == ["sent"]


async def test_an_outage_is_told_before_word_of_planned_work_which_waits_without_growing_old(stores, clock):
    clock.set(NOON)
    names = [f"C{number}" for number in range(100)]
    await stores.customers.put([Customer(customer_id=name, quiet_from=0, quiet_to=0) for name in [*names, "X"]])
    office = Office(stores, clock, limits=Limits(per_sender_s=0.05))  # three a minute
    begins = {"started_at": NOON + 40 * HOUR, "estimate": NOON + 43 * HOUR}
    await office.tell(*(message(IntentKind.planned_ahead, customer=name, **begins) for name in names))
    await office.pass_time(5 * 60)
    await office.tell(message(customer="X", at=clock.now()))
    await office.pass_time(2 * 60)
    assert await office.states("X") == {"outage_seen 1": "sent"}
    await office.pass_time(3 * HOUR)
    assert "expired" not in await stores.deliveries.counts()
