"""The HTTP interface: who may call what, what is refused and how, and what people get to see."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest

from functions.application import Application
from functions.domain.anomalies import KINDS
from functions.domain.errors import Conflict, TransientFault
from functions.domain.roster_row import RosterRow
from functions.ports import LetterSource
from functions.services.scoring import Event
from functions.web.app import create_app

START = 1_718_582_400
ROLE_CLAIM = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
ROUTES = {
    ("GET", "/api/incidents"): {"viewer", "operator", "inspector"},
    ("GET", "/api/suppressions"): {"viewer", "operator", "inspector"},
    ("GET", "/api/meters/F/M1"): {"viewer", "operator", "inspector"},
    ("GET", "/api/risk"): {"inspector"},
    ("GET", "/api/deliveries?state=unknown"): {"operator"},
    ("POST", "/api/customers"): {"operator"},
    ("POST", "/api/roster"): {"operator"},
    ("POST", "/api/work-orders"): {"operator"},
    ("GET", "/api/work-orders"): {"viewer", "operator", "inspector"},
    ("POST", "/api/weather"): {"operator"},
    ("GET", "/api/weather"): {"viewer", "operator", "inspector"},
}
ROW = {"meter_id": "M1", "feeder_id": "F", "customer_id": "C1", "transformer_id": "T1", "nominal_voltage_v": 240}
ORDER = {
    "work_order_id": "WO-1",
    "feeder_id": "F",
    "asset_kind": "transformer",
    "asset_id": "T1",
    "start": START,
    "end": START + 3_600,
}


def principal(*roles: str, claim: str = "roles") -> dict[str, str]:
    claims = [{"typ": "name", "val": "operator"}, *({"typ": claim, "val": role} for role in roles)]
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps({"claims": claims}).encode()).decode()}


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(lambda: application))
    async with httpx.AsyncClient(transport=transport, base_url="https://metersentry.example") as opened:
        yield opened


@pytest.fixture
async def outage(application: Application, roster_rows: list[RosterRow], body: Callable[..., bytes]) -> None:
    """M1 and M2 lost power and M1 has it back; all is correlated."""
    await application.feeders.load(roster_rows, START)
    bodies = [body(240.0), body(0.0, "M1", "M2", slot=1), body(240.0, "M1", slot=2)]
    for number, each in enumerate(bodies):
        await application.scoring.score([Event(each, LetterSource("0", number))])
    records = await application.stores.anomalies.between(0, START + 86_400, KINDS)
    await application.correlation.correlate([msgspec.to_builtins(record) for record in records])


async def test_health_is_for_everybody(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok", "time": START})


@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_without_a_principal_nobody_is_let_in(client: httpx.AsyncClient, method: str, path: str) -> None:
    assert (await client.request(method, path)).status_code == 401


@pytest.mark.parametrize(
    "header",
    ["no base64", "e30=", "W10=", "bnVsbA==", "/////w==", base64.b64encode(b'{"claims": [1]}').decode()],
)
async def test_a_principal_that_cannot_be_read_is_none(client: httpx.AsyncClient, header: str) -> None:
    answer = await client.get("/api/incidents", headers={"X-MS-CLIENT-PRINCIPAL": header})
    assert answer.status_code == 401


@pytest.mark.parametrize("role", ["viewer", "operator", "inspector"])
@pytest.mark.parametrize(("method", "path"), ROUTES)
async def test_each_role_reaches_its_routes_and_no_other(
    client: httpx.AsyncClient, outage: None, method: str, path: str, role: str
) -> None:
    answer = await client.request(method, path, headers=principal(role), content=b"[]")
    assert answer.status_code == (200 if role in ROUTES[method, path] else 403)


async def test_the_long_name_of_the_role_claim_counts_too(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/incidents", headers=principal("viewer", claim=ROLE_CLAIM))).status_code == 200
    assert (await client.get("/api/incidents", headers=principal("viewer", claim="groups"))).status_code == 403


async def test_a_principal_without_roles_is_refused_with_the_role_it_needs(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/risk", headers=principal())
    assert answer.status_code == 403
    assert "inspector" in answer.text


@pytest.mark.parametrize("content", [ROW, [ROW], [ROW, {**ROW, "meter_id": "M2"}]])
async def test_a_roster_is_loaded(client: httpx.AsyncClient, application: Application, content: object) -> None:
    answer = await client.post("/api/roster", headers=principal("operator"), json=content)

    count = len(content) if isinstance(content, list) else 1
    assert (answer.status_code, answer.json()) == (200, {"meters": count})
    assert await application.stores.rosters.feeders() == {"F": count}


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({**ROW, "meter_id": 7}, "meter_id"),
        ({**ROW, "meter_id": "a/b"}, "meter_id"),
        ({**ROW, "meter_id": ""}, "meter_id"),
        ({**ROW, "feeder_id": "F:1"}, "feeder_id"),
        ({"meter_id": "M1"}, "feeder_id"),
        ({**ROW, "nominal_voltage_v": "240"}, "nominal_voltage_v"),
        ({**ROW, "nominal_voltage_v": 0}, "nominal_voltage_v"),
        ({**ROW, "nominal_voltage_v": 11_000}, "nominal_voltage_v"),
        ({**ROW, "customer_type": "castle"}, "customer_type"),
        ({**ROW, "customer_type": 1}, "customer_type"),
        ({**ROW, "interval_s": 0}, "interval_s"),
        ({**ROW, "interval_s": 1.5}, "interval_s"),
        (7, "body"),
    ],
)
async def test_a_wrong_roster_row_is_named_and_nothing_is_applied(
    client: httpx.AsyncClient, application: Application, wrong: object, field: str
) -> None:
    content = [ROW, {**ROW, "feeder_id": "G"}, wrong]
    answer = await client.post("/api/roster", headers=principal("operator"), json=content)

    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert answer.json()["error"]
    assert await application.stores.rosters.feeders() == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[", b'"text"', b"7", b"\xff", b"{},{}"])
@pytest.mark.parametrize("path", ["/api/roster", "/api/work-orders", "/api/weather"])
async def test_a_body_that_is_no_list_of_documents_is_refused(
    client: httpx.AsyncClient, path: str, content: bytes
) -> None:
    assert (await client.post(path, headers=principal("operator"), content=content)).status_code == 422


async def test_a_work_order_is_stored_and_replaced(client: httpx.AsyncClient, application: Application) -> None:
    await client.post("/api/roster", headers=principal("operator"), json=ROW)
    for order in (ORDER, {**ORDER, "status": "cancelled"}):
        answer = await client.post("/api/work-orders", headers=principal("operator"), json=order)
        assert answer.json() == {"work_orders": 1, "outdated": []}

    (stored,) = await application.stores.context.orders("F", 0)
    assert stored.status == "cancelled"


async def test_incidents_can_be_narrowed(client: httpx.AsyncClient, outage: None) -> None:
    async def found(query: str) -> list[str]:
        answer = await client.get(f"/api/incidents{query}", headers=principal("viewer"))
        assert answer.status_code == 200
        return [each["device_id"] for each in answer.json()]

    assert await found("") == ["T1"]
    assert await found("?state=open&feeder_id=F") == ["T1"]
    assert await found("?state=closed") == []
    assert await found("?feeder_id=G") == []


@pytest.mark.parametrize("query", ["state=gone", "limit=0", "limit=1001", "limit=many"])
async def test_a_wrong_filter_is_refused(client: httpx.AsyncClient, query: str) -> None:
    assert (await client.get(f"/api/incidents?{query}", headers=principal("viewer"))).status_code == 422


async def test_a_meter_shows_its_state(client: httpx.AsyncClient, outage: None) -> None:
    answer = (await client.get("/api/meters/F/M2", headers=principal("viewer"))).json()

    assert answer["last_reading"] == START + 900
    assert answer["voltage_v"] == [None, None, 240.0, 0.0]
    assert [each["kind"] for each in answer["open"]] == ["power_off"]


async def test_a_meter_that_never_reported_shows_an_empty_state(client: httpx.AsyncClient) -> None:
    await client.post("/api/roster", headers=principal("operator"), json=ROW)
    answer = await client.get("/api/meters/F/M1", headers=principal("viewer"))

    assert (answer.status_code, answer.json()["last_reading"]) == (200, None)


@pytest.mark.parametrize("path", ["F/M9", "G/M1"])
async def test_an_unknown_meter_is_not_found(client: httpx.AsyncClient, outage: None, path: str) -> None:
    answer = await client.get(f"/api/meters/{path}", headers=principal("viewer"))
    assert answer.status_code == 404
    assert path.rpartition("/")[2] in answer.text


async def test_the_inspection_list_is_cut_at_the_limit(client: httpx.AsyncClient, outage: None) -> None:
    answer = (await client.get("/api/risk?limit=1", headers=principal("inspector"))).json()
    assert answer["meters_watched"] == 3
    assert len(answer["ranked"]) <= 1


@pytest.mark.parametrize("fault", [TransientFault("throttled"), Conflict("changed")])
async def test_a_store_in_trouble_says_try_again(
    client: httpx.AsyncClient, application: Application, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    async def fail(*_: object) -> list[object]:
        raise fault

    monkeypatch.setattr(application.stores.rosters, "read", fail)
    answer = await client.post("/api/roster", headers=principal("operator"), json=ROW)
    assert answer.status_code == 503
    assert "again" in answer.json()["error"]
