"""Context over HTTP: orders and weather, taken whole or refused with the field and the position."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator

import httpx
import pytest

from functions.application import Application
from functions.domain.roster_row import RosterRow
from functions.web.app import create_app

START = 1_718_582_400
ORDER = {
    "work_order_id": "WO-1",
    "feeder_id": "F",
    "asset_kind": "transformer",
    "asset_id": "T1",
    "start": "2024-06-17T00:00:00Z",
    "end": START + 3_600,
}
SEEN = {"timestamp": "2024-06-17T00:00:00Z", "temperature_c": 31.5, "wind_mps": 4, "precipitation_mm": 0}
ALERT = {"alert_id": "HEAT-1", "kind": "heat", "area": "S", "start": START, "end": "2024-06-19T00:00:00+02:00"}
CSV = {"Content-Type": "text/csv; charset=utf-8"}


def principal(role: str) -> dict[str, str]:
    claims = {"claims": [{"typ": "roles", "val": role}]}
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps(claims).encode()).decode()}


OPERATOR = principal("operator")


@pytest.fixture
async def client(application: Application, roster_rows: list[RosterRow]) -> AsyncIterator[httpx.AsyncClient]:
    await application.feeders.load(roster_rows, START)
    transport = httpx.ASGITransport(create_app(lambda: application))
    async with httpx.AsyncClient(transport=transport, base_url="https://metersentry.example") as opened:
        yield opened


async def test_orders_are_taken_and_shown(client: httpx.AsyncClient) -> None:
    second = {**ORDER, "work_order_id": "WO-2", "asset_kind": "meter", "asset_id": "M1"}
    answer = await client.post("/api/work-orders", headers=OPERATOR, json=[ORDER, second])
    assert (answer.status_code, answer.json()) == (200, {"work_orders": 2, "outdated": []})

    for query in ("", "?scope=F", "?ending_after=2024-06-17T00:59:59Z", f"?ending_after={START}"):
        shown = (await client.get(f"/api/work-orders{query}", headers=principal("viewer"))).json()
        assert [(each["work_order_id"], each["start"]) for each in shown] == [("WO-1", START), ("WO-2", START)]
    for query in ("?scope=G", "?ending_after=2024-06-17T01:00:00Z"):
        assert (await client.get(f"/api/work-orders{query}", headers=principal("viewer"))).json() == []


async def test_an_older_version_is_told_to_be_outdated(client: httpx.AsyncClient) -> None:
    await client.post("/api/work-orders", headers=OPERATOR, json={**ORDER, "updated_at": START})
    answer = await client.post("/api/work-orders", headers=OPERATOR, json={**ORDER, "updated_at": START - 1})
    assert answer.json() == {"work_orders": 0, "outdated": ["WO-1"]}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({key: value for key, value in ORDER.items() if key != "end"}, "end"),
        ({**ORDER, "end": START}, "end"),
        ({**ORDER, "start": "2024-06-17T00:00:00"}, "start"),
        ({**ORDER, "asset_kind": "house"}, "asset_kind"),
        ({**ORDER, "asset_id": " "}, "asset_id"),
        ({**ORDER, "asset_id": "T9"}, "asset_id"),
        ({**ORDER, "status": "maybe"}, "status"),
        ("WO-1", "body"),
    ],
)
async def test_a_wrong_order_is_named_with_its_position_and_nothing_is_applied(
    client: httpx.AsyncClient, application: Application, wrong: object, field: str
) -> None:
    answer = await client.post("/api/work-orders", headers=OPERATOR, json=[ORDER, wrong])

    assert (answer.status_code, answer.json()["field"], answer.json()["position"]) == (422, field, 2)
    assert answer.json()["error"].startswith(f"number 2, {field}: ")
    assert await application.stores.context.orders(None, 0) == []


async def test_orders_come_as_a_table_too(client: httpx.AsyncClient) -> None:
    table = (
        f"work_order_id,asset_kind,asset_id,start,end,status,issued_at\nWO-1,meter,M1,{START},{START + 60},planned,\n"
    )
    answer = await client.post("/api/work-orders", headers={**OPERATOR, **CSV}, content=table)
    assert answer.json() == {"work_orders": 1, "outdated": []}


@pytest.mark.parametrize("path", ["/api/work-orders", "/api/weather"])
async def test_ten_megabytes_are_refused_in_a_sentence(
    client: httpx.AsyncClient, application: Application, path: str
) -> None:
    many = [{**ORDER, "work_order_id": f"WO-{number}", "description": "x" * 900} for number in range(10_000)]
    answer = await client.post(path, headers=OPERATOR, json=many)

    assert (answer.status_code, answer.json()["field"]) == (422, "body")
    assert "8 MB" in answer.json()["error"]
    assert await application.stores.context.orders(None, 0) == []


async def test_weather_is_taken_and_shown(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/weather", headers=OPERATOR, json=[SEEN, ALERT])
    assert (answer.status_code, answer.json()) == (200, {"observations": 1, "alerts": 1})

    everywhere = (await client.get("/api/weather", headers=principal("viewer"))).json()
    assert [(each["timestamp"], each["temperature_c"]) for each in everywhere["observations"]] == [(START, 31.5)]
    assert everywhere["alerts"] == []
    of_s = (await client.get("/api/weather?area=S&since=2024-06-17T00:00:00Z", headers=principal("viewer"))).json()
    assert [each["alert_id"] for each in of_s["alerts"]] == ["HEAT-1"]
    since = await client.get(f"/api/weather?since={START}", headers=principal("viewer"))
    assert len(since.json()["observations"]) == 1


async def test_weather_comes_as_a_table_too(client: httpx.AsyncClient, application: Application) -> None:
    table = "timestamp,temperature_c,wind_mps,precipitation_mm\n2024-06-17T00:00:00Z,21.5,,0\n"
    answer = await client.post("/api/weather", headers={**OPERATOR, **CSV}, content=table)

    assert answer.json() == {"observations": 1, "alerts": 0}
    (seen,) = await application.stores.context.observations("*", 0)
    assert (seen.temperature_c, seen.wind_mps, seen.precipitation_mm) == (21.5, None, 0.0)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({**SEEN, "timestamp": START + 7_200}, "timestamp"),
        ({**SEEN, "timestamp": "2024-06-17T00:00:00"}, "timestamp"),
        ({**SEEN, "temperature_c": 451}, "temperature_c"),
        ({**ALERT, "end": START}, "end"),
        ({**ALERT, "kind": "frogs"}, "kind"),
    ],
)
async def test_wrong_weather_is_named_with_its_position_and_nothing_is_applied(
    client: httpx.AsyncClient, application: Application, wrong: object, field: str
) -> None:
    answer = await client.post("/api/weather", headers=OPERATOR, json=[SEEN, ALERT, wrong])

    assert (answer.status_code, answer.json()["field"], answer.json()["position"]) == (422, field, 3)
    assert await application.stores.context.observations("*", 0) == []
    assert await application.stores.context.alerts("S", 0) == []


@pytest.mark.parametrize("query", ["work-orders?ending_after=yesterday", "weather?since=2024-06-17"])
async def test_a_wrong_filter_is_named(client: httpx.AsyncClient, query: str) -> None:
    answer = await client.get(f"/api/{query}", headers=OPERATOR)
    assert (answer.status_code, answer.json()["field"]) == (422, query.partition("?")[2].partition("=")[0])
