"""Incidents over HTTP: found by filters, page after page, with their history; acknowledged, judged, and on record."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import AsyncIterator

import httpx
import msgspec
import pytest
from incident_records import incident

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.audit import Outcome
from functions.domain.errors import InputError
from functions.domain.incidents import Incident, Member, MemberChunk
from functions.domain.interruptions import Interrupted
from functions.ports import IncidentStore
from functions.services.incident_actions import IncidentActionService
from functions.services.incident_log import PAGE
from functions.web.app import create_app

START = 1_718_582_400


def principal(*roles: str, identity: str | None = "p1") -> dict[str, str]:
    claims = [{"typ": "name", "val": "Jo Doe"}, *({"typ": "roles", "val": role} for role in roles)]
    if identity:
        claims.append({"typ": "oid", "val": identity})
    return {"X-MS-CLIENT-PRINCIPAL": base64.b64encode(json.dumps({"claims": claims}).encode()).decode()}


OPERATOR, VIEWER = principal("operator"), principal("viewer")


class Actions:
    """What correlation does with an action: a new revision that tells of it."""

    def __init__(self, incidents: IncidentStore) -> None:
        self._incidents = incidents

    async def _revise(self, feeder_id: str, incident_id: str, **changes: object) -> Incident:
        board = await self._incidents.board(feeder_id)
        before = await self._incidents.find(incident_id)
        assert before is not None
        if before.state == "closed":
            raise InputError(f"incident {incident_id} is closed; nothing is left to be done about it")
        revision = before.revision + 1
        after = msgspec.structs.replace(before, id=f"{incident_id}:r{revision}", revision=revision, **changes)
        await self._incidents.commit(board, [after], [], [])
        return after

    async def acknowledge(self, feeder_id: str, incident_id: str, by: str, at: int) -> Incident:
        return await self._revise(feeder_id, incident_id, acknowledged_by=by, acknowledged_at=at)

    async def judge(self, feeder_id: str, incident_id: str, verdict: str, by: str, at: int) -> Incident:
        return await self._revise(feeder_id, incident_id, cause=f"{verdict} by {by} at {at}")

    async def inform(
        self,
        feeder_id: str,
        incident_id: str,
        *,
        cause: str | None = None,
        crew_status: str | None = None,
        utility_estimate: int | None = None,
    ) -> Incident:
        return await self._revise(feeder_id, incident_id, cause=f"{cause}, {crew_status}, {utility_estimate}")


@pytest.fixture
def acting(application: Application) -> Application:
    actions = IncidentActionService(
        application.stores.incidents, Actions(application.stores.incidents), application.audit, application.clock
    )
    return dataclasses.replace(application, incident_actions=actions)


@pytest.fixture
async def client(acting: Application) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(lambda: acting))
    async with httpx.AsyncClient(transport=transport, base_url="https://metersentry.example") as opened:
        yield opened


async def commit(application: Application, *incidents: Incident) -> None:
    for feeder in sorted({each.feeder_id for each in incidents}):
        board = await application.stores.incidents.board(feeder)
        mine = [each for each in incidents if each.feeder_id == feeder]
        await application.stores.incidents.commit(board, mine, [], [])


@pytest.fixture
async def five(application: Application) -> None:
    await commit(
        application,
        incident("A", started_at=START, severity="high"),
        incident("B", started_at=START + 10, kind="voltage", device_id="T2"),
        incident("C", started_at=START + 20, feeder_id="G", severity="critical"),
        incident("D", started_at=START + 30, state="closed", restored_at=START + 900),
        incident("E", started_at=START + 40, kind="communication", feeder_id="G"),
    )


async def names(client: httpx.AsyncClient, query: str) -> str:
    answer = await client.get(f"/api/incidents{query}", headers=VIEWER)
    assert answer.status_code == 200, answer.text
    return "".join(each["incident_id"][-1] for each in answer.json())


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ("", "EDCBA"),
        ("?state=open", "ECBA"),
        ("?state=closed", "D"),
        ("?state=open&state=closed", "EDCBA"),
        ("?kind=outage", "DCA"),
        ("?kind=voltage&kind=communication", "EB"),
        ("?feeder_id=G", "EC"),
        ("?device_id=T2", "B"),
        ("?severity=high&severity=critical", "CA"),
        (f"?since={START + 20}&until=2024-06-17T00:00:40Z", "DC"),
        ("?since=2024-06-18", ""),
        ("?feeder_id=F&kind=outage&state=open", "A"),
        ("?limit=2", "ED"),
    ],
)
async def test_incidents_are_found_by_filters(client: httpx.AsyncClient, five: None, query: str, wanted: str) -> None:
    assert await names(client, query) == wanted


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("state=gone", "state"),
        ("kind=fire", "kind"),
        ("severity=extreme", "severity"),
        ("since=2024-06-17T00:00:00", "since"),
        ("until=soon", "until"),
        ("cursor=none", "cursor"),
        ("cursor=e30=", "cursor"),
    ],
)
async def test_a_wrong_filter_is_refused_with_its_field(client: httpx.AsyncClient, query: str, field: str) -> None:
    answer = await client.get(f"/api/incidents?{query}", headers=VIEWER)
    assert (answer.status_code, answer.json()["field"]) == (422, field)


async def test_pages_are_followed_by_their_link(client: httpx.AsyncClient, five: None) -> None:
    seen, path = "", "/api/incidents?state=open&limit=1"
    while path:
        answer = await client.get(path, headers=VIEWER)
        seen += "".join(each["incident_id"][-1] for each in answer.json())
        path = answer.links.get("next", {}).get("url", "")
    assert seen == "ECBA"


async def test_a_rare_kind_is_found_behind_many_others(client: httpx.AsyncClient, application: Application) -> None:
    common = [incident(f"{number}", started_at=START + number, kind="meter") for number in range(PAGE + 5)]
    await commit(application, incident("R", started_at=START - 1), *common)
    assert await names(client, "?kind=outage") == "R"


async def test_an_incident_has_its_history_and_members(client: httpx.AsyncClient, application: Application) -> None:
    member = Member(
        anomaly_id="M1:power_off:1",
        meter_id="M1",
        customer_id="C1",
        transformer_id="T1",
        kind="power_off",
        start=900,
    )
    await application.stores.incidents.put_chunks(
        [MemberChunk(id="inc:A:1", feeder_id="F", incident_id="inc:A", members=(member,))]
    )
    first, second = incident("A", 1, chunks=("inc:A:1",)), incident("A", 2, chunks=("inc:A:1",), meters_out=2)
    await commit(application, first, second)

    found = (await client.get("/api/incidents/inc:A", headers=VIEWER)).json()
    assert found["incident"]["revision"] == 2
    assert [each["revision"] for each in found["history"]] == [1, 2]
    assert [each["meter_id"] for each in found["members"]] == ["M1"]
    assert found["members_complete"] is True


async def test_members_that_are_no_longer_kept_are_said_to_be_missing(
    client: httpx.AsyncClient, application: Application
) -> None:
    await commit(application, incident("A", chunks=("gone",)))
    found = (await client.get("/api/incidents/inc:A", headers=VIEWER)).json()
    assert (found["members"], found["members_complete"]) == ([], False)


@pytest.mark.parametrize(
    ("method", "path", "content"),
    [
        ("GET", "", ""),
        ("POST", "/acknowledge", ""),
        ("POST", "/verdict", '{"verdict": "confirmed"}'),
        ("POST", "/facts", '{"cause": "equipment"}'),
    ],
)
async def test_an_unknown_incident_is_not_found(
    client: httpx.AsyncClient, application: Application, method: str, path: str, content: str
) -> None:
    answer = await client.request(method, f"/api/incidents/inc:Z{path}", headers=OPERATOR, content=content)
    assert answer.status_code == 404
    assert "inc:Z" in answer.text
    assert await application.audit.entries(0, 2 * START, 10) == [], "nothing was done"


async def test_an_acknowledgement_says_who_and_when_and_is_on_record(
    client: httpx.AsyncClient, application: Application, clock: SetClock, five: None
) -> None:
    clock.set(START + 100)
    answer = await client.post("/api/incidents/inc:A/acknowledge", headers=OPERATOR)

    assert answer.status_code == 200
    assert (answer.json()["acknowledged_by"], answer.json()["acknowledged_at"]) == ("p1", START + 100)
    (entry,) = await application.audit.entries(0, 2 * START, 10)
    assert (entry.by, entry.action, entry.subject, entry.at) == ("p1", "acknowledge", "inc:A", START + 100)
    assert entry.outcome is Outcome.done


async def test_the_record_has_no_name(client: httpx.AsyncClient, five: None) -> None:
    await client.post("/api/incidents/inc:A/acknowledge", headers=OPERATOR)
    nobody = principal("operator", identity=None)
    await client.post("/api/incidents/inc:B/acknowledge", headers=nobody)

    found = await client.get("/api/audit?from=2024-06-17", headers=OPERATOR)
    assert "Jo" not in found.text
    assert {each["by"] for each in found.json()} == {"p1", "unidentified"}


async def test_a_verdict_and_facts_are_passed_on_and_on_record(
    client: httpx.AsyncClient, application: Application, five: None
) -> None:
    verdict = await client.post("/api/incidents/inc:A/verdict", headers=OPERATOR, json={"verdict": "false_alarm"})
    assert verdict.json()["cause"] == f"false_alarm by p1 at {START}"
    told = {"cause": "equipment", "crew_status": "on site", "utility_estimate": "2024-06-17T03:30:00Z"}
    facts = await client.post("/api/incidents/inc:A/facts", headers=OPERATOR, json=told)
    assert facts.json()["cause"] == f"equipment, on site, {START + 12_600}"

    entries = await application.audit.entries(0, 2 * START, 10)
    assert {entry.action: entry.details for entry in entries} == {
        "verdict": {"verdict": "false_alarm"},
        "facts": {"cause": "equipment", "crew_status": "on site", "utility_estimate": str(START + 12_600)},
    }


@pytest.mark.parametrize(
    ("path", "content", "field"),
    [
        ("verdict", "", "body"),
        ("verdict", "{", "body"),
        ("verdict", "[]", "body"),
        ("verdict", '{"verdict": "maybe"}', "verdict"),
        ("verdict", "{}", "verdict"),
        ("facts", "{}", "body"),
        ("facts", '{"colour": "red"}', "body"),
        ("facts", '{"cause": 7}', "cause"),
        ("facts", '{"cause": ""}', "cause"),
        ("facts", json.dumps({"crew_status": "x" * 65}), "crew_status"),
        ("facts", '{"utility_estimate": "2024-06-17T03:30:00"}', "utility_estimate"),
        ("facts", '{"utility_estimate": 1718582400000}', "utility_estimate"),
    ],
)
async def test_a_wrong_document_is_named_and_nothing_is_done(
    client: httpx.AsyncClient, application: Application, five: None, path: str, content: str, field: str
) -> None:
    answer = await client.post(f"/api/incidents/inc:A/{path}", headers=OPERATOR, content=content)
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert len(await application.stores.incidents.history("F", "inc:A")) == 1
    assert await application.audit.entries(0, 2 * START, 10) == []


async def test_what_was_refused_is_on_record_with_the_reason(acting: Application, five: None) -> None:
    with pytest.raises(InputError):
        await acting.incident_actions.acknowledge("inc:D", "p1")
    (entry,) = await acting.audit.entries(0, 2 * START, 10)
    assert (entry.outcome, "is closed" in entry.reason) == (Outcome.refused, True)


async def test_an_action_that_breaks_off_stays_asked(
    acting: Application, five: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def die(*_: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr(acting.stores.incidents, "board", die)
    with pytest.raises(KeyError):
        await acting.incident_actions.acknowledge("inc:A", "p1")
    (entry,) = await acting.audit.entries(0, 2 * START, 10)
    assert entry.outcome is Outcome.asked


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_page_elsewhere_cannot_act_with_a_persons_session(
    client: httpx.AsyncClient, five: None, site: str
) -> None:
    answer = await client.post("/api/incidents/inc:A/acknowledge", headers={**OPERATOR, "Sec-Fetch-Site": site})
    assert answer.status_code == 403
    assert (await client.get("/api/incidents", headers={**VIEWER, "Sec-Fetch-Site": site})).status_code == 200


@pytest.mark.parametrize("role", ["viewer", "operator", "inspector"])
@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [
        ("GET", "/api/incidents/inc:A", {"viewer", "operator", "inspector"}),
        ("GET", "/api/reliability", {"viewer", "operator", "inspector"}),
        ("GET", "/dashboard", {"viewer", "operator", "inspector"}),
        ("GET", "/api/audit", {"operator"}),
        ("POST", "/api/incidents/inc:A/acknowledge", {"operator"}),
        ("POST", "/api/incidents/inc:A/verdict", {"operator"}),
        ("POST", "/api/incidents/inc:A/facts", {"operator"}),
        ("POST", "/dashboard/incidents/inc:A/acknowledge", {"operator"}),
    ],
)
async def test_each_role_reaches_its_routes_and_no_other(
    client: httpx.AsyncClient, five: None, method: str, path: str, role: str, roles: set[str]
) -> None:
    document = {"verdict": "confirmed"} if path.endswith("verdict") else {"cause": "weather"}
    answer = await client.request(method, path, headers=principal(role), json=document)
    assert answer.status_code in ((200, 303) if role in roles else (403,))
    assert (await client.request(method, path)).status_code == 401


async def test_reliability_is_told_by_feeder(client: httpx.AsyncClient, application: Application) -> None:
    cost = Interrupted(sustained=4, customer_seconds=14_400)
    ended = incident("A", started_at=START - 86_400, state="closed", restored_at=START - 82_800, interrupted=cost)
    await commit(application, ended)
    answer = await client.get("/api/reliability?from=2024-06-16&to=2024-06-17", headers=VIEWER)

    assert answer.json()["feeders"]["F"]["all_days"]["customer_minutes"] == 240.0
    wrong = await client.get("/api/reliability?from=2024-06-17&to=2024-06-16", headers=VIEWER)
    assert (wrong.status_code, wrong.json()["field"]) == (422, "to")
