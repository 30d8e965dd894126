"""Inbound messages: what customers write, what it does, and what they are answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain import catalogue
from functions.domain.anomalies import KINDS, Signal
from functions.domain.conversation import Command, Reply, about, languages, say, understand
from functions.domain.customers import ConsentState, Customer
from functions.domain.messages import Letterhead
from functions.domain.roster_row import RosterRow
from functions.domain.sms_segments import Encoding, segments
from functions.ports import Stores
from functions.services.correlation import CorrelationService
from functions.services.feeders import Feeders
from functions.services.grid_context import ContextService
from functions.services.inbound import Inbound, InboundService
from functions.services.outage_reports import OutageReports

NOW = 1_718_656_200
"""2024-06-17 20:30 UTC, 15:30 in Chicago."""
PHONE = "+12025550101"
STOPS = ("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT")
VALUES = {"since": "since 11:59 pm on 30 September", "reference": "KISJEU", "utility": "", "contact": ""}


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
async def service(stores: Stores, clock: SetClock) -> InboundService:
    """One customer with two meters on feeder F, one of whom speaks French, at one number; another elsewhere."""
    feeders = Feeders(stores.rosters)
    rows = [("M1", "C1"), ("M2", "C1"), ("M3", "C3")]
    await feeders.load([RosterRow(meter_id=m, feeder_id="F", customer_id=c, transformer_id="T1") for m, c in rows], NOW)
    await stores.customers.put(
        [
            Customer(customer_id="C1", phone=PHONE, language="es", time_zone="America/Chicago"),
            Customer(customer_id="C3", phone="+12025550103", language="fr-CA"),
        ]
    )
    reports = OutageReports(stores.rosters, feeders, stores.anomalies, clock)
    return InboundService(
        stores.customers, stores.deliveries, stores.incidents, stores.rosters, reports, clock, letterhead=Letterhead()
    )


async def correlated(stores: Stores, clock: SetClock) -> None:
    records = await stores.anomalies.between(0, 2 * NOW, KINDS)
    context = ContextService(stores.context, buffer_s=0)
    feeders = Feeders(stores.rosters)
    service = CorrelationService(stores.incidents, context, feeders, stores.packs, stores.letters, clock)
    await service.correlate([msgspec.to_builtins(each) for each in records])


@pytest.mark.parametrize(
    "word", [*STOPS, "stop", " Stop. ", "STOP ALL", "Stop texting me", "ARRÊT", "arret", "alto", "ACHA"]
)
async def test_who_says_stop_in_any_words_is_opted_out(stores: Stores, service: InboundService, word: str) -> None:
    assert await service.take(Inbound(PHONE, word))
    consent = await stores.deliveries.consent(PHONE)
    assert consent is not None
    assert (consent.state, consent.at) == (ConsentState.opted_out, NOW)


@pytest.mark.parametrize("word", ["START", "YES", "UNSTOP", "sí", "ndiyo", "Reprendre"])
async def test_who_says_start_is_opted_in_again(stores: Stores, service: InboundService, word: str) -> None:
    await service.take(Inbound(PHONE, "STOP"))
    await service.take(Inbound(PHONE, word))
    consent = await stores.deliveries.consent(PHONE)
    assert consent is not None
    assert consent.state is ConsentState.opted_in


async def test_a_stranger_can_opt_out_and_nobody_else_is(stores: Stores, service: InboundService) -> None:
    await service.take(Inbound("+12025550199", "STOP"))
    assert await stores.deliveries.consent("+12025550199") is not None
    assert await stores.deliveries.consent(PHONE) is None


async def test_what_the_provider_answers_itself_is_not_answered_twice(stores: Stores, service: InboundService) -> None:
    assert await service.take(Inbound(PHONE, "STOP", answered=True)) == ""
    assert await stores.deliveries.consent(PHONE) is not None


@pytest.mark.parametrize("text", ["help", "INFO", "the end is near", "", "🙂", "status of my bill?"])
async def test_other_words_change_nothing(stores: Stores, service: InboundService, text: str) -> None:
    assert await service.take(Inbound(PHONE, text))
    assert await stores.deliveries.consent(PHONE) is None
    assert await stores.anomalies.between(0, 2 * NOW, KINDS) == []


async def test_the_answer_is_in_the_language_of_the_word_or_else_the_customers(service: InboundService) -> None:
    assert await service.take(Inbound(PHONE, "HELP")) == about("es")
    assert await service.take(Inbound(PHONE, "AIDE")) == about("fr")
    assert await service.take(Inbound("+12025550103", "INFO")) == about("fr")
    assert await service.take(Inbound("+12025550199", "INFO")) == about("en")
    assert await service.take(Inbound(PHONE, "hola")) == say(Reply.not_understood, "es")


async def test_a_word_that_the_power_is_out_is_evidence_for_every_meter_once(
    stores: Stores, clock: SetClock, service: InboundService
) -> None:
    assert await service.take(Inbound(PHONE, "Sin luz!")) == "Gracias, hemos anotado que no tiene luz."
    clock.set(NOW + 1)
    assert await service.take(Inbound(PHONE, "OUT")) == say(Reply.reported, "es")

    records = await stores.anomalies.between(0, 2 * NOW, KINDS)
    assert [(each.meter_id, each.kind, each.signal, each.customer_id) for each in records] == [
        ("M1", "power_off", Signal.customer_report, "C1"),
        ("M2", "power_off", Signal.customer_report, "C1"),
    ]
    assert {each.start for each in records} == {NOW // 900 * 900}


async def test_the_state_of_the_address_is_told(stores: Stores, clock: SetClock, service: InboundService) -> None:
    assert await service.take(Inbound(PHONE, "ESTADO")) == say(Reply.no_outage, "es")
    await service.take(Inbound(PHONE, "OUT"))
    await correlated(stores, clock)
    clock.set(NOW + 600)

    answer = await service.take(Inbound(PHONE, "STATUS"))
    assert answer.startswith("Vemos un corte de luz en su domicilio desde las 15:30 y trabajamos en ello. Ref ")
    assert await service.take(Inbound("+12025550103", "STATUS")) == say(Reply.no_outage, "fr")


@pytest.mark.parametrize("word", ["STATUS", "OUT"])
async def test_a_stranger_has_no_address(service: InboundService, word: str) -> None:
    assert await service.take(Inbound("+12025550199", word)) == say(Reply.stranger, "en")


def test_every_language_of_the_catalogue_has_every_command_and_answer() -> None:
    assert set(languages()) == set(catalogue.languages())
    for language in languages():
        for reply in Reply:
            text = say(reply, language, **VALUES)
            assert segments(text).parts <= 2, (language, reply, segments(text))
            assert "{" not in text


@pytest.mark.parametrize("language", languages())
def test_help_says_who_writes_and_whom_to_call_in_one_message_or_two(language: str) -> None:
    named = about(language, "Riverside Rural Electric", "+1 (555) 010-0000")
    assert named.startswith("Riverside Rural Electric")
    assert "+1 (555) 010-0000" in named
    heard = [understand(word) for word in named.replace(",", " ").split() if word.isupper()]
    assert Command.stop in {each.command for each in heard if each is not None}
    for text in (named, about(language)):
        assert segments(text).parts <= 2
        assert segments(text).encoding is Encoding.gsm_7, text
        assert "{" not in text
    assert about(language).split(":")[0].strip() not in ("", named.split(":")[0].strip())


async def test_help_names_the_utility_of_the_settings(
    stores: Stores, clock: SetClock, service: InboundService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "_letterhead", Letterhead("Riverside Electric", "UTC", "555 010 0000"))
    assert await service.take(Inbound(PHONE, "AYUDA")) == about("es", "Riverside Electric", "555 010 0000")


def test_every_language_has_a_word_for_every_command() -> None:
    document = msgspec.json.decode(Path(catalogue.FOLDER.parent / "conversation.json").read_bytes())
    for language, entry in document.items():
        for command in Command:
            for word in entry["words"][command]:
                heard = understand(word.lower())
                assert heard is not None
                assert (heard.command, language in heard.languages) == (command, True)


def test_the_words_that_messages_ask_for_are_understood() -> None:
    """ "Reply OUT": the word in capitals is one of that command, in every sentence that asks for one."""
    for code, language in catalogue.languages().items():
        asked = language.sentences["reply_out"]
        word = " ".join(part for part in asked.rstrip(".!?").split() if part.isupper() and len(part) > 1)
        heard = understand(word)
        assert heard is not None, (code, asked)
        assert heard.command is Command.out
    for code in languages():
        for reply in Reply:
            words = [word.strip(".,") for word in say(reply, code, **dict.fromkeys(VALUES, "")).split()]
            capitals = [word for word in words if word.isupper() and len(word) > 2]
            assert all(understand(word) or word in ("SIN", "LUZ") for word in capitals), (code, reply, capitals)
