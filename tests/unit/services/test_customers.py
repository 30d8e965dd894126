"""Customers taken over: every good row is applied, every other one named; and what a customer may ask for."""

from __future__ import annotations

import pytest
from message_office import NOON, Channel, Office, message

from functions.adapters.clocks import SetClock
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.customer_rows import COLUMNS, rows_of_table
from functions.domain.customers import Consent, ConsentState, Customer
from functions.domain.errors import InputError, RejectedDocument
from functions.services.customers import CustomerService

GOOD = {"customer_id": "C1", "phone": "+1 (202) 555-0143"}


@pytest.fixture
def stores(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


@pytest.fixture
def service(stores):
    return CustomerService(stores.customers, stores.deliveries, PhoneNumbers())


TABLE = """customer_id,phone,language,time_zone,channels,critical,quiet_from,quiet_to
C1,+12025550143,es,America/Chicago,sms voice,no,22:00,7:30
C2,+254712345678,sw,Africa/Nairobi,,YES,,
C3,,,,,,,
"""


async def test_a_table_is_taken_over(service, stores):
    done = await service.load(rows_of_table(b"\xef\xbb\xbf" + TABLE.encode()))
    assert (done.applied, done.rejected) == (3, [])
    assert await stores.customers.read("C1") == Customer(
        customer_id="C1", phone="+12025550143", language="es", time_zone="America/Chicago", channels=("sms", "voice"),
        quiet_from=22 * 60, quiet_to=7 * 60 + 30,
    )  # fmt: skip
    assert await stores.customers.read("C2") == Customer(
        customer_id="C2", phone="+254712345678", language="sw", time_zone="Africa/Nairobi", critical=True
    )
    assert await stores.customers.read("C3") == Customer(customer_id="C3")


@pytest.mark.parametrize(
    ("changes", "field", "fault"),
    [
        ({"customer_id": ""}, "customer_id", "no id"),
        ({"customer_id": "a/b"}, "customer_id", "no id"),
        ({"customer_id": 7}, "customer_id", "not a text"),
        ({"phone": "555-0143"}, "phone", "…43 is no number with a country code"),
        ({"phone": "+1 202 555 014"}, "phone", "no number that can exist"),
        ({"phone": "tel"}, "phone", "what is there is no number"),
        ({"language": "tlh"}, "language", "not in the catalogue"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "no IANA time zone"),
        ({"channels": "pigeon"}, "channels", "no channel"),
        ({"channels": ["sms", "fax"]}, "channels", "no channel"),
        ({"critical": "maybe"}, "critical", "neither yes nor no"),
        ({"quiet_from": "9 pm"}, "quiet_from", "no time of day"),
        ({"quiet_to": "24:00"}, "quiet_to", "no time of day"),
        ({"phonne": "+12025550143"}, "phonne", "no column"),
    ],
)
async def test_a_row_at_fault_is_named_and_the_others_are_applied(service, stores, changes, field, fault):
    done = await service.load([{**GOOD, **changes}, {**GOOD, "customer_id": "C2"}])
    assert done.applied == 1
    assert (await stores.customers.read("C2")).phone == "+12025550143"
    ((row, name, said),) = [(each.row, each.field, each.error) for each in done.rejected]
    assert (row, name) == (1, field)
    assert fault in said
    assert str(changes.get("phone", "kept secret")) not in said


@pytest.mark.parametrize("content", [b"", b"name,phone\nA,B\n", b"\xff", b"customer_id,age\nC1,7\n"])
def test_a_file_that_is_no_table_of_customers_is_refused_whole(content):
    with pytest.raises(RejectedDocument, match=r"header|body"):
        rows_of_table(content)


def test_a_row_with_more_cells_than_columns_is_read_as_far_as_there_are_columns():
    assert rows_of_table(b"customer_id,phone\nC1,+1,surplus\n") == [{"customer_id": "C1", "phone": "+1"}]


async def test_a_customer_gets_everything_that_is_known_of_them_and_then_nothing_is(service, stores):
    await service.load([GOOD])
    await stores.deliveries.put_consent(
        Consent(phone="+12025550143", state=ConsentState.opted_in, at=NOON, source="START")
    )
    office = Office(stores, SetClock(NOON), Channel("sms"))
    await office.tell(message(), message(customer="C2"))

    record = await service.export("C1")
    assert (record.customer.phone, record.consent.source) == ("+12025550143", "START")
    assert [each.to for each in record.deliveries] == ["+12025550143"]
    assert await service.forget("C1") == 1
    for ask in (service.export, service.forget):
        with pytest.raises(InputError, match="nothing is known of customer C1"):
            await ask("C1")
    assert len((await service.export("C2")).deliveries) == 1


async def test_whoever_asked_not_to_be_written_to_is_not_when_they_come_back(service, stores):
    await service.load([GOOD])
    await stores.deliveries.put_consent(
        Consent(phone="+12025550143", state=ConsentState.opted_out, at=NOON, source="STOP")
    )
    await service.forget("C1")
    await service.load([GOOD])
    office = Office(stores, SetClock(NOON), Channel("sms"))
    assert await office.tell(message()) == ["dropped"]


def test_the_columns_are_those_of_the_page():
    assert TABLE.splitlines()[0].split(",") == list(COLUMNS)
