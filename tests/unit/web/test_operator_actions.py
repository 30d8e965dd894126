"""An outage from its readings to its closing, with what an operator does to it over HTTP, and what it cost."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator, Callable

import httpx
import msgspec
import pytest

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.anomalies import KINDS
from functions.domain.roster_row import RosterRow
from functions.ports import LetterSource
from functions.services.scoring import Event
from functions.web.app import create_app

START = 1_718_582_400
INTERVAL_S = 900
CLAIMS = [{"typ": "roles", "val": "operator"}, {"typ": "oid", "val": "p1"}]
OPERATOR = {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps({"claims": CLAIMS}).encode()).decode()}


class Grid:
    """Feeder F with three meters, whose readings arrive and are correlated."""

    def __init__(self, application: Application, clock: SetClock, body: Callable[..., bytes]) -> None:
        self._application, self._clock, self._body = application, clock, body
        self._number = 0

    async def read(self, volts: float, slot: int) -> None:
        """All meters report a voltage at a slot's end."""
        self._clock.set(START + (slot + 1) * INTERVAL_S)
        event = Event(self._body(volts, slot=slot), LetterSource("0", self._number))
        self._number += 1
        await self._application.scoring.score([event])
        records = await self._application.stores.anomalies.between(0, START + 86_400, KINDS)
        await self._application.correlation.correlate([msgspec.to_builtins(record) for record in records])
        await self._application.correlation.release()


@pytest.fixture
async def grid(
    application: Application, clock: SetClock, body: Callable[..., bytes], roster_rows: list[RosterRow]
) -> Grid:
    await application.feeders.load(roster_rows, START)
    return Grid(application, clock, body)


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(lambda: application))
    address = "https://metersentry.example"
    async with httpx.AsyncClient(transport=transport, base_url=address, headers=OPERATOR) as opened:
        yield opened


async def outage_of(client: httpx.AsyncClient) -> dict[str, object]:
    (found,) = (await client.get("/api/incidents?kind=outage")).json()
    return found


async def test_an_outage_is_acknowledged_informed_judged_and_counted(client: httpx.AsyncClient, grid: Grid) -> None:
    await grid.read(240.0, 0)
    await grid.read(0.0, 1)
    path = f"/api/incidents/{(await outage_of(client))['incident_id']}"

    acknowledged = (await client.post(f"{path}/acknowledge")).json()
    assert (acknowledged["acknowledged_by"], acknowledged["acknowledged_at"]) == ("p1", START + 2 * INTERVAL_S)
    told = {"cause": "equipment", "crew_status": "on site", "utility_estimate": START + 7_200}
    informed = (await client.post(f"{path}/facts", json=told)).json()
    assert {name: informed[name] for name in told} == told
    judged = await client.post(f"{path}/verdict", json={"verdict": "confirmed"})
    assert judged.status_code == 200

    for slot in range(2, 12):
        await grid.read(240.0, slot)
    assert (await client.post(f"{path}/acknowledge")).status_code == 422, "it is over"
    found = (await client.get(path)).json()
    assert found["incident"]["state"] == "closed"
    assert [each["revision"] for each in found["history"]] == list(range(1, len(found["history"]) + 1))
    assert {each["meter_id"] for each in found["members"]} == {"M1", "M2", "M3"}

    day = (await client.get("/api/reliability?from=2024-06-17&to=2024-06-18")).json()["utility"]["all_days"]
    assert (day["customers_served"], day["customer_interruptions"], day["saifi"], day["caifi"]) == (3, 3, 1.0, 1.0)
    assert 0 < day["saidi_min"] <= 2 * INTERVAL_S / 60


async def test_a_false_alarm_counts_for_nothing(client: httpx.AsyncClient, grid: Grid) -> None:
    await grid.read(240.0, 0)
    await grid.read(0.0, 1)
    path = f"/api/incidents/{(await outage_of(client))['incident_id']}"
    judged = (await client.post(f"{path}/verdict", json={"verdict": "false_alarm"})).json()
    assert judged["state"] == "false_alarm"

    day = (await client.get("/api/reliability?from=2024-06-17&to=2024-06-18")).json()["utility"]["all_days"]
    assert day["events"] == 0


async def test_the_same_action_twice_is_done_once(client: httpx.AsyncClient, grid: Grid) -> None:
    await grid.read(240.0, 0)
    await grid.read(0.0, 1)
    path = f"/api/incidents/{(await outage_of(client))['incident_id']}"

    first, second = [(await client.post(f"{path}/acknowledge")).json() for _ in range(2)]
    assert second["revision"] == first["revision"]
    assert [each["outcome"] for each in (await client.get("/api/audit?from=2024-06-17")).json()] == ["done", "done"]


async def test_the_dashboard_has_the_button_do_it(client: httpx.AsyncClient, grid: Grid) -> None:
    await grid.read(240.0, 0)
    await grid.read(0.0, 1)
    page = (await client.get("/dashboard")).text
    action = page.split('action="')[1].split('"')[0]

    pressed = await client.post(action)
    assert pressed.status_code == 303
    after = (await client.get(pressed.headers["location"])).text
    assert "Acknowledged" in after
    assert "<form" not in after
