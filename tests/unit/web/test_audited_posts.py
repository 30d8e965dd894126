"""What operators tell the system is on record before it takes effect: who, what, how much, and how it ended."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from functions.application import Application
from functions.domain.audit import MOST_IDS, AuditEntry, Outcome, of_many
from functions.domain.errors import TransientFault
from functions.domain.roster_row import RosterRow
from functions.web.app import create_app

START = 1_718_582_400
CLAIMS = [{"typ": "roles", "val": "operator"}, {"typ": "oid", "val": "p1"}, {"typ": "name", "val": "Jo"}]
OPERATOR = {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps({"claims": CLAIMS}).encode()).decode()}
ORDER = {"work_order_id": "WO-1", "asset_id": "T1", "feeder_id": "F", "start": START, "end": START + 3_600}
HEAT = {"alert_id": "HEAT-1", "kind": "heat", "start": START, "end": START + 3_600}
METER = {"meter_id": "M9", "feeder_id": "F", "transformer_id": "T1"}
POSTS: dict[str, tuple[str, object, str, dict[str, str]]] = {
    "work-orders": ("work orders", [ORDER, {**ORDER, "work_order_id": "WO-2"}], "WO-1 and 1 more",
                    {"count": "2", "ids": "WO-1, WO-2"}),
    "weather": ("weather", [HEAT, {"timestamp": START, "area": "S", "wind_mps": 4}], "HEAT-1 and 1 more",
                {"count": "2", "ids": f"HEAT-1, S {START}"}),
    "roster": ("roster", METER, "M9", {"count": "1", "ids": "M9"}),
    "customers": ("customers", {"customer_id": "C1", "phone": "+12025550101"}, "1 rows", {}),
}  # fmt: skip


@pytest.fixture
async def client(application: Application, roster_rows: list[RosterRow]) -> AsyncIterator[httpx.AsyncClient]:
    await application.feeders.load(roster_rows, START)
    transport = httpx.ASGITransport(create_app(lambda: application))
    address = "https://metersentry.example"
    async with httpx.AsyncClient(transport=transport, base_url=address, headers=OPERATOR) as opened:
        yield opened


async def trail(application: Application) -> list[AuditEntry]:
    return await application.audit.entries(0, 2 * START, 10)


@pytest.mark.parametrize("path", POSTS)
async def test_who_told_what_is_on_record(client: httpx.AsyncClient, application: Application, path: str) -> None:
    action, content, subject, details = POSTS[path]
    answer = await client.post(f"/api/{path}", json=content)

    assert answer.status_code == 200
    (entry,) = await trail(application)
    assert (entry.by, entry.at, entry.outcome) == ("p1", START, Outcome.done)
    assert (entry.action, entry.subject, entry.details) == (action, subject, details)


async def test_orders_that_are_refused_are_on_record_with_the_reason(
    client: httpx.AsyncClient, application: Application
) -> None:
    answer = await client.post("/api/work-orders", json=[ORDER, {**ORDER, "asset_id": "T9"}])

    assert answer.status_code == 422
    (entry,) = await trail(application)
    assert entry.outcome is Outcome.refused
    assert "T9" in entry.reason


async def test_what_cannot_be_recorded_is_not_done(
    client: httpx.AsyncClient, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_: AuditEntry) -> None:
        raise TransientFault("throttled")

    monkeypatch.setattr(application.stores.audit, "put", away)
    for path, content in (("work-orders", ORDER), ("weather", HEAT)):
        assert (await client.post(f"/api/{path}", json=content)).status_code == 503
    assert await application.stores.context.orders(None, 0) == []
    assert await application.stores.context.alerts("*", 0) == []


def test_an_entry_names_no_more_than_a_thousand_and_counts_all() -> None:
    _, details = of_many([f"WO-{number}" for number in range(30_000)])
    assert details["count"] == "30000"
    assert len(details["ids"].split(", ")) == MOST_IDS


async def test_what_a_busy_store_cut_short_is_not_called_refused(
    client: httpx.AsyncClient, application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(*_: object) -> None:
        raise TransientFault("the announcement changes faster than it can be written; try again")

    monkeypatch.setattr(application.work_orders, "_hear", busy)
    answer = await client.post("/api/work-orders", json=[ORDER])
    assert answer.status_code == 503
    assert [each.outcome for each in await trail(application)] == [Outcome.asked]
    assert len(await application.stores.context.orders("F", 0)) == 1
