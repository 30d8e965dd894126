"""Operators hear of voltage, tampering and escalations once each, on a channel of their own, and of no customer."""

from __future__ import annotations

import json
import logging

import msgspec
import pytest
from contract.channels import SECRET, UtilityApp
from incident_records import incident
from message_office import Channel, Office

from functions.adapters.clocks import SetClock
from functions.adapters.operator_log import OperatorLog
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.adapters.webhook import WebhookNotifier
from functions.domain.board import Board
from functions.domain.customers import Customer
from functions.domain.incidents import IncidentKind, IncidentState, Member, MemberChunk
from functions.services.fan_out import FanOutService

NOW = 1_718_625_600


@pytest.fixture
def stores(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


@pytest.fixture
def clock():
    return SetClock(NOW)


def certain(name="A", revision=1, **fields):
    told = {"confirmed_at": NOW - 60, "started_at": NOW - 120, "updated_at": NOW, "state": "confirmed"} | fields
    return incident(name, revision, **told)


async def news(stores, *revisions):
    fan_out = FanOutService(stores.incidents, stores.customers, stores.letters)
    documents = [{**msgspec.to_builtins(each), "type": "incident"} for each in revisions]
    return (await fan_out.expand(documents)).notifications


async def put_members(stores, *kinds):
    members = tuple(
        Member(anomaly_id=f"M1:{kind}:1", meter_id="M1", customer_id="C1", transformer_id="T1", kind=kind, start=NOW)
        for kind in kinds
    )
    await stores.incidents.put_chunks([MemberChunk(id="chunk", feeder_id="F", incident_id="inc:A", members=members)])


async def test_voltage_is_told_once_an_incident_when_it_is_certain(stores, clock):
    voltage = {"kind": IncidentKind.voltage.value}
    office = Office(stores, clock, Channel("operators"))
    told = await news(
        stores,
        certain(revision=1, **voltage, confirmed_at=None, state="suspected"),
        certain(revision=2, **voltage),
        certain(revision=3, **voltage, meters_affected=9),
        certain(revision=4, **voltage, state="closed", restored_at=NOW + 900),
        certain("B", **voltage, state="false_alarm"),
    )
    await office.tell(*told, *told)
    assert office.channels["operators"].sent == [
        ("operators", "Voltage out of range since 11:58 am: transformer T1. Ref G2PYI4")
    ]


@pytest.mark.parametrize(("kinds", "told"), [(("unusual", "tamper"), ["tamper"]), (("unusual", "stuck"), []), ((), [])])
async def test_a_meters_incident_is_told_when_one_of_its_signs_is_tampering(stores, kinds, told):
    await put_members(stores, *kinds)
    meter = {"kind": IncidentKind.meter.value, "device_kind": "meter", "device_id": "M1", "chunks": ("chunk",)}
    assert [each.kind.value for each in await news(stores, certain(**meter))] == told


async def test_tampering_that_shows_later_is_told_then(stores, clock):
    meter = {"kind": IncidentKind.meter.value, "device_kind": "meter", "device_id": "M1", "chunks": ("chunk",)}
    await put_members(stores, "unusual")
    first = await news(stores, certain(**meter))
    await put_members(stores, "unusual", "tamper")
    office = Office(stores, clock, Channel("operators"))
    await office.tell(*first, *await news(stores, certain(revision=2, **meter)), *await news(stores, certain(**meter)))
    assert office.channels["operators"].customers == ["operators"]


async def test_each_step_of_an_escalation_is_told_once(stores, clock):
    office = Office(stores, clock, Channel("operators"))
    steps = [0, 1, 1, 2, 2]
    told = await news(stores, *(certain(revision=nth, escalation=step) for nth, step in enumerate(steps, 1)))
    over = await news(stores, certain(revision=9, escalation=3, state="closed"))
    await office.tell(*told, *over)
    assert [body.partition("Escalation")[2][:7] for _, body in office.channels["operators"].sent] == [
        " step 1", " step 2",
    ]  # fmt: skip


async def test_an_incident_of_the_engine_is_told_by_the_change_feed(application, database, clock, roster_rows):
    """From the board that the engine commits to the operators' line, with nothing made by hand between."""
    clock.set(NOW)
    board = Board(feeder_id="F")
    await application.stores.incidents.commit(board, [certain(kind=IncidentKind.voltage.value)], [], [])
    rows = database.rows("SELECT body, type FROM feed WHERE container = 'incidents'")
    out = await application.fan_out.expand([{**json.loads(body), "type": kind} for body, kind in rows])
    assert [(each.customer_id, each.kind.value) for each in out.notifications] == [("operators", "voltage_quality")]


@pytest.mark.parametrize(
    ("channels", "phone", "wanted"),
    [
        (("sms", "webhook", "operators"), "", "operators"),
        (("sms", "webhook", "operators"), "+12025550177", "sms"),
        (("console",), "", "console"),
        (("operators", "console"), "", "operators"),
    ],
)
async def test_operators_are_told_where_they_are_reached(stores, clock, channels, phone, wanted):
    if phone:
        await stores.customers.put([Customer(customer_id="operators", phone=phone)])
    office = Office(stores, clock, *map(Channel, channels))
    await office.tell(*await news(stores, certain(kind=IncidentKind.voltage.value)))
    assert [name for name, each in office.channels.items() if each.sent] == [wanted]


async def test_no_customer_is_written_to_on_the_operators_channel(stores, clock):
    office = Office(stores, clock, Channel("operators"), Channel("console"))
    (told,) = await news(stores, certain(kind=IncidentKind.voltage.value))
    for name in ("C1", "C2"):
        await office.tell(msgspec.structs.replace(told, key=name, customer_id=name))
    assert office.channels["operators"].sent == []
    assert office.channels["console"].customers == ["C1", "C2"]


async def test_the_operators_system_gets_signed_json_without_a_customer(stores, clock):
    app = UtilityApp()
    with app.listening() as url:
        notifier = WebhookNotifier(url, SECRET, clock, name="operators", setting="OPERATOR_WEBHOOK")
        office = Office(stores, clock, notifier)
        told = await news(stores, certain(kind=IncidentKind.voltage.value))
        await office.tell(*told, *told)
        notifier.close()
    (document,) = app.taken.values()
    assert (document["customer_id"], document["kind"]) == ("operators", "voltage_quality")
    assert "transformer T1" in document["body"]


async def test_a_refused_signature_names_the_operators_setting(stores, clock, caplog):
    app = UtilityApp()
    with app.listening() as url:
        notifier = WebhookNotifier(url, "another secret", clock, name="operators", setting="OPERATOR_WEBHOOK")
        office = Office(stores, clock, notifier)
        await office.tell(*await news(stores, certain(kind=IncidentKind.voltage.value)))
        notifier.close()
    assert "set OPERATOR_WEBHOOK_SECRET" in caplog.text


async def test_without_a_system_of_theirs_it_is_a_line_in_the_log(stores, clock, caplog):
    office = Office(stores, clock, OperatorLog())
    with caplog.at_level(logging.WARNING, "metersentry.operators"):
        await office.tell(*await news(stores, certain(kind=IncidentKind.voltage.value)))
    (line,) = [each for each in caplog.records if each.name == "metersentry.operators"]
    assert json.loads(line.getMessage())["kind"] == "voltage_quality"
    assert (await stores.deliveries.counts()) == {"sent": 1}
    assert IncidentState.confirmed.value not in line.getMessage()
