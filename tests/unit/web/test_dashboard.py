"""The dashboard: what an operator reads on it, and what a browser is allowed to do with it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import httpx
import pytest
from incident_records import incident

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.context import Suppression
from functions.domain.incidents import Incident
from functions.domain.roster_row import RosterRow
from functions.web.app import create_app

START = 1_718_582_400
NOON = START + 12 * 3_600


def principal(role: str) -> dict[str, str]:
    claims = [{"typ": "roles", "val": role}, {"typ": "oid", "val": "p1"}]
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps({"claims": claims}).encode()).decode()}


class Text(HTMLParser):
    """The words of a page, and whether every tag that was opened was closed in order."""

    VOID = frozenset({"meta", "br", "link", "input"})

    def __init__(self, page: str) -> None:
        super().__init__()
        self._open: list[str] = []
        self._words: list[str] = []
        self.feed(page)
        assert self._open == []
        self.words = " ".join(" ".join(self._words).split())

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self._words.append(data)


@pytest.fixture
async def client(application: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(lambda: application))
    async with httpx.AsyncClient(transport=transport, base_url="https://metersentry.example") as opened:
        yield opened


@pytest.fixture(autouse=True)
async def morning(application: Application, clock: SetClock) -> None:
    """A hundred customers on feeder F, at noon."""
    rows = [RosterRow(meter_id=f"M{number}", feeder_id="F", transformer_id="T1") for number in range(100)]
    await application.feeders.load(rows, START)
    clock.set(NOON)


async def commit(application: Application, *incidents: Incident, ledger: tuple[Suppression, ...] = ()) -> None:
    board = await application.stores.incidents.board("F")
    await application.stores.incidents.commit(board, list(incidents), list(ledger), [])


async def words(client: httpx.AsyncClient, role: str = "operator", query: str = "") -> str:
    return Text((await client.get(f"/dashboard{query}", headers=principal(role))).text).words


def held(meter: str, until: int, **fields: object) -> Suppression:
    return Suppression(
        anomaly_id=f"{meter}:power_off:1",
        meter_id=meter,
        feeder_id="F",
        reason="planned work WO-1",
        source_id="WO-1",
        start=START,
        until=until,
        suppressed_at=START,
        **fields,
    )


async def test_a_quiet_grid_says_so(client: httpx.AsyncClient) -> None:
    shown = await words(client)
    assert "All have power" in shown
    assert "Nothing is open." in shown
    assert "Nothing is held back at the moment." in shown
    assert "As of 17 Jun 12:00 UTC" in shown


async def test_an_open_outage_tells_where_how_many_since_when_and_until_when(
    client: httpx.AsyncClient, application: Application
) -> None:
    outage = incident(
        started_at=NOON - 3_900,
        severity="high",
        cause="equipment",
        customers_out=1_234,
        critical_customers=2,
        restoration_estimate=NOON + 5_400,
        escalation=1,
    )
    await commit(application, outage)

    shown = await words(client)
    assert "1,234 customers out" in shown
    assert "High Transformer T1 Feeder F Outage" in shown
    assert ", equipment 1,234 2 critical 10:55 for 1 h 5 min about 13:30 in 1 h 30 min" in shown
    assert "Acknowledge Escalated, step 1" in shown


async def test_an_estimate_that_has_passed_is_overdue(client: httpx.AsyncClient, application: Application) -> None:
    await commit(application, incident(started_at=START - 7_200, restoration_estimate=NOON - 1_800))
    assert "16 Jun 22:00 for 14 h 0 min about 11:30 overdue by 30 min" in await words(client)


async def test_the_most_severe_comes_first_then_the_largest(
    client: httpx.AsyncClient, application: Application
) -> None:
    await commit(
        application,
        *(
            incident(name, device_id=f"T-{name}", severity=severity, customers_out=out, started_at=NOON - 60)
            for name, severity, out in (("a", "low", 9), ("b", "critical", 1), ("c", "medium", 3), ("d", "medium", 5))
        ),
    )
    assert re.findall(r"Transformer T-(\w) Feeder", await words(client)) == ["b", "d", "c", "a"]


async def test_what_is_over_is_not_shown(client: httpx.AsyncClient, application: Application) -> None:
    await commit(application, incident(state="closed", started_at=START, restored_at=START + 900, customers_out=0))
    assert "Nothing is open." in await words(client)


async def test_the_outage_above_the_feeders_does_not_count_its_customers_twice(
    client: httpx.AsyncClient, application: Application
) -> None:
    child = incident("A", started_at=NOON - 60, customers_out=40, parent_id="inc:S")
    above = incident(
        "S", started_at=NOON - 60, customers_out=40, children=("inc:A",), device_kind="substation", device_id="S1"
    )
    await commit(application, child, above)
    assert "Customers out 40" in await words(client)


async def test_what_one_order_explains_is_one_line(client: httpx.AsyncClient, application: Application) -> None:
    ledger = (
        *(held(f"M{number}", NOON + 600) for number in range(3)),
        held("M8", NOON - 600),
        held("M9", NOON + 600, released_at=NOON),
    )
    await commit(application, ledger=ledger)
    assert "Planned work WO-1 F 3 12:10" in await words(client)


async def test_the_days_indices_are_shown(client: httpx.AsyncClient, application: Application) -> None:
    await commit(application, incident(started_at=NOON - 3_600, meters_out=50))
    shown = await words(client)
    assert "The utility 30.0 0.500 60.0 0.000" in shown
    assert "Feeder F 30.0 0.500 60.0 0.000" in shown
    assert "1 of them not ended yet" in shown


@pytest.mark.parametrize(("role", "offered"), [("operator", True), ("viewer", False), ("inspector", False)])
async def test_only_operators_are_offered_to_acknowledge(
    client: httpx.AsyncClient, application: Application, role: str, offered: bool
) -> None:
    await commit(application, incident(started_at=NOON - 60))
    page = (await client.get("/dashboard", headers=principal(role))).text
    assert ("<form" in page) is offered


async def test_who_acknowledged_is_shown_in_place_of_the_button(
    client: httpx.AsyncClient, application: Application
) -> None:
    await commit(application, incident(started_at=NOON - 600, acknowledged_by="p1", acknowledged_at=NOON - 60))
    page = (await client.get("/dashboard", headers=principal("operator"))).text
    assert "<form" not in page
    assert "Acknowledged 11:59 by p1" in Text(page).words


async def test_acknowledging_an_unknown_incident_is_not_found(client: httpx.AsyncClient) -> None:
    answer = await client.post("/dashboard/incidents/inc:Z/acknowledge", headers=principal("operator"))
    assert answer.status_code == 404


async def test_a_browser_may_use_the_pages_own_style_and_nothing_else(client: httpx.AsyncClient) -> None:
    answer = await client.get("/dashboard", headers=principal("viewer"))
    (style,) = re.findall(r"<style>(.*?)</style>", answer.text, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = answer.headers["content-security-policy"]

    assert f"style-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "frame-ancestors 'none'" in policy
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


async def test_what_comes_from_outside_is_escaped(client: httpx.AsyncClient, application: Application) -> None:
    await commit(application, incident(started_at=NOON - 60, device_id="<b>T</b>", cause="<script>alert(1)</script>"))
    page = (await client.get("/dashboard", headers=principal("operator"))).text
    assert "<b>" not in page
    assert "<script" not in page


async def test_the_page_refreshes_itself_only_when_asked(client: httpx.AsyncClient) -> None:
    calm = (await client.get("/dashboard", headers=principal("viewer"))).text
    asked = (await client.get("/dashboard?refresh=on", headers=principal("viewer"))).text
    assert ("http-equiv" in calm, "http-equiv" in asked) == (False, True)
