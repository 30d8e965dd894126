"""Customers by HTTP, and the lists of operators."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from functions.application import Application
from functions.domain.notifications import IntentKind, Notification, send_key
from functions.web import messages
from functions.web.app import create_app

OPERATOR = {
    "X-MS-CLIENT-PRINCIPAL": base64.b64encode(
        json.dumps({"claims": [{"typ": "roles", "val": "operator"}]}).encode()
    ).decode()
}
CSV = {"content-type": "text/csv; charset=utf-8"}


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(lambda: application))
    async with httpx.AsyncClient(transport=transport, base_url="https://metersentry.example", headers=OPERATOR) as it:
        yield it


async def test_good_rows_are_applied_and_the_others_reported(
    client: httpx.AsyncClient, application: Application
) -> None:
    rows = [{"customer_id": "C1", "phone": "+12025550143", "critical": True}, {"customer_id": "C2", "phone": "12"}]
    answer = await client.post("/api/customers", json=rows)

    assert answer.status_code == 200
    assert answer.json()["applied"] == 1
    ((row, customer, field),) = [
        (each["row"], each["customer_id"], each["field"]) for each in answer.json()["rejected"]
    ]
    assert (row, customer, field) == (2, "C2", "phone")
    customer_read = await application.stores.customers.read("C1")
    assert customer_read is not None
    assert customer_read.critical


async def test_a_table_is_taken_as_well(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/customers", content="customer_id,language\nC1,fr\n", headers=CSV)
    assert answer.json() == {"applied": 1, "rejected": []}


@pytest.mark.parametrize(
    ("content", "headers", "field"),
    [("{", {}, "body"), ("[1]", {}, "body"), ('"x"', {}, "body"), ("name\nA\n", CSV, "header")],
)
async def test_what_holds_no_customers_is_refused(
    client: httpx.AsyncClient, content: str, headers: dict[str, str], field: str
) -> None:
    answer = await client.post("/api/customers", content=content, headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_a_body_without_an_end_is_refused(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "MOST_BYTES", 10)
    answer = await client.post("/api/customers", json=[{"customer_id": "C1"}])
    assert answer.status_code == 422


async def test_operators_see_what_became_of_messages_without_numbers_and_texts(
    client: httpx.AsyncClient, application: Application
) -> None:
    await client.post("/api/customers", json={"customer_id": "C1", "phone": "+12025550143"})
    now = application.clock.now()
    for customer in ("C1", "C2"):
        await application.delivery.deliver(
            Notification(
                key=send_key("inc:A", customer, IntentKind.outage_seen), customer_id=customer, incident_id="inc:A",
                kind=IntentKind.outage_seen, started_at=now, restored_at=None, created_at=now,
            )
        )  # fmt: skip
    (held,) = (await client.get("/api/deliveries?state=held")).json()
    assert (held["customer_id"], held["reason"], held["not_before"]) == ("C1", "quiet hours", now + 8 * 3_600)
    (sent,) = (await client.get("/api/deliveries?state=sent")).json()
    assert (sent["customer_id"], sent["sent_at"]) == ("C2", now)
    assert not {"to", "body", "notification"} & (held.keys() | sent.keys())
    assert (await client.get("/api/deliveries?state=lost")).status_code == 422
