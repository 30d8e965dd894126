"""Replay of documents: records, revisions and notifications take the way they could not take before."""

from __future__ import annotations

import json
from collections.abc import Sequence

import msgspec
import pytest

from functions.application import Application
from functions.domain.anomalies import Anomaly, Phase
from functions.domain.errors import NotSent, TransientFault
from functions.domain.incidents import Incident
from functions.domain.letters import Letter
from functions.domain.notifications import IntentKind, Notification

START = 1_718_582_400
DARK = Anomaly(
    id="M1:power_off:1:opened", anomaly_id="M1:power_off:1", phase=Phase.opened, meter_id="M1", customer_id="C1",
    transformer_id="T1", feeder_id="F", kind="power_off", start=START, end=None, score=9.0, threshold=4.0, why="",
    raised_at=START,
)  # fmt: skip
MESSAGE = Notification(
    key="inc:A|C1|outage_seen|console", customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen,
    channel="console", started_at=START, restored_at=None, created_at=START,
)  # fmt: skip


async def left(application: Application) -> list[Letter]:
    return await application.stores.letters.letters(10)


def away(*_: object) -> object:
    raise TransientFault("throttled")


async def keep(application: Application, record: object, origin: str) -> str:
    document = {"type": origin.removesuffix("s"), "_rid": "x", **msgspec.to_builtins(record)}
    await application.stores.letters.keep_document(origin, document, "KeyError: once")
    (letter,) = await left(application)
    return letter.id


async def test_an_anomaly_record_becomes_an_incident(application: Application) -> None:
    letter_id = await keep(application, DARK, "anomalies")

    assert await application.replay.replay(letter_id) == (letter_id, {"incident_revisions": 1}, "")
    assert await left(application) == []
    assert len(await application.stores.incidents.latest(state=None, feeder_id="F", limit=10)) == 1


async def test_an_intent_becomes_messages_that_are_sent_once(application: Application) -> None:
    await application.correlation.correlate([msgspec.to_builtins(DARK)])
    (incident,) = await application.stores.incidents.latest(state=None, feeder_id="F", limit=10)
    intent = {
        "id": "int:1", "kind": "outage_seen", "incident_id": incident.incident_id, "revision": 1, "feeder_id": "F",
        "chunks": incident.chunks, "created_at": START, "type": "intent",
    }  # fmt: skip
    for expected in ({"sent": 1}, {"sent_before": 1}):
        await application.stores.letters.keep_document("incidents", intent, "KeyError: once")
        assert await application.replay.replay("incidents/document:int:1") == ("incidents/document:int:1", expected, "")
    assert await application.stores.deliveries.counts() == {"sent": 1}


async def test_a_revision_waits_for_a_hub_to_be_published_on(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    published: list[Incident] = []

    async def publish(revisions: Sequence[Incident]) -> None:
        published.extend(revisions)

    await application.correlation.correlate([msgspec.to_builtins(DARK)])
    (incident,) = await application.stores.incidents.latest(state=None, feeder_id="F", limit=10)
    letter_id = await keep(application, incident, "incidents")

    assert "event hub" in (await application.replay.replay(letter_id)).kept
    monkeypatch.setattr(application.replay, "_publish", publish)
    assert await application.replay.replay(letter_id) == (letter_id, {"published": 1}, "")
    assert [each.id for each in published] == [incident.id]
    assert await left(application) == []


async def test_a_notification_is_sent(application: Application) -> None:
    letter_id = await keep(application, MESSAGE, "notifications")

    assert await application.replay.replay(letter_id) == (letter_id, {"sent": 1}, "")
    assert await left(application) == []


async def test_a_notification_that_cannot_be_delivered_stays(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(*_: object) -> bool:
        raise NotSent("the number is not in service")

    letter_id = await keep(application, MESSAGE, "notifications")
    monkeypatch.setattr(application.delivery, "deliver", refuse)

    result = await application.replay.replay(letter_id)
    assert (result.outcomes, result.kept) == ({}, "NotSent: the number is not in service")
    assert [(letter.id, letter.reason) for letter in await left(application)] == [(letter_id, result.kept)]


@pytest.mark.parametrize("origin", ["anomalies", "incidents", "notifications", "elsewhere"])
async def test_a_document_that_nobody_can_take_in_stays(application: Application, origin: str) -> None:
    document = {"id": "odd", "type": "intent", "message": "eA=="}
    await application.stores.letters.keep_document(origin, document, "KeyError: once")

    result = await application.replay.replay(f"{origin}/document:odd")
    (letter,) = await left(application)
    assert result.kept == letter.reason != "KeyError: once"
    assert json.loads(letter.content) == document


async def test_a_notification_waits_while_the_store_is_away(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter_id = await keep(application, MESSAGE, "notifications")
    before = await left(application)
    monkeypatch.setattr(application.stores.deliveries, "claim", away)

    with pytest.raises(TransientFault):
        await application.replay.replay(letter_id)
    assert await left(application) == before
