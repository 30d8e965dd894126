"""Replay: a letter goes when everything in it took effect, and stays when anything did not."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.errors import InputError, TransientFault
from functions.domain.letters import Letter
from functions.domain.outcomes import Reason, Refusal
from functions.domain.roster import PROVISIONAL_PER_HOUR
from functions.domain.roster_row import RosterRow
from functions.ports import LetterSource
from functions.services.scoring import Event

START = 1_718_582_400
SOURCE = LetterSource("3", 41)
EVENT, REFUSALS = "3/event:41", "3/refusals:41"
Body = Callable[..., bytes]


def refusal(reason: Reason, **record: object) -> Refusal:
    reading = {
        "meter_id": "M1",
        "timestamp": START,
        "voltage_v": 240.0,
        "energy_kwh": 0.25,
        "interval_s": 900,
        **record,
    }
    return cut(reason, json.dumps(reading))


def cut(reason: Reason, text: str) -> Refusal:
    return Refusal(feeder_id="F", meter_id="M1", reason=reason.name, outcome="quarantined", record=text)


async def left(application: Application) -> list[Letter]:
    return await application.stores.letters.letters(10)


def away(*_: object) -> object:
    raise TransientFault("throttled")


# Events


async def test_an_event_that_can_be_read_now_is_applied_and_gone(application: Application, body: Body) -> None:
    await application.stores.letters.keep_event(SOURCE, "KeyError: a bug of yesterday", body(240.0))

    assert await application.replay.replay(EVENT) == (EVENT, {"applied": 3}, "")
    assert await left(application) == []


async def test_what_was_seen_before_ends_as_duplicate_and_what_is_too_late_as_late(
    application: Application, body: Body, clock: SetClock
) -> None:
    clock.set(START + 86_400)
    await application.scoring.score([Event(body(240.0, slot=40), LetterSource("3", 40))])
    for number, slot in ((41, 40), (42, 2)):
        await application.stores.letters.keep_event(LetterSource("3", number), "KeyError", body(240.0, slot=slot))

    assert (await application.replay.replay("3/event:41")).outcomes == {"duplicate": 3}
    assert (await application.replay.replay("3/event:42")).outcomes == {"late": 3}
    assert await left(application) == []


async def test_an_event_that_still_cannot_be_read_stays_as_it_was(application: Application) -> None:
    await application.stores.letters.keep_event(SOURCE, "bad_body", b"\xff not JSON")
    (before,) = await left(application)

    assert await application.replay.replay(EVENT) == (EVENT, {"dead_lettered": 1}, "bad_body")
    assert await left(application) == [before]


async def test_an_event_that_still_fails_stays_with_the_new_reason(
    application: Application, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug of today")

    await application.stores.letters.keep_event(SOURCE, "KeyError: a bug of yesterday", body(240.0))
    monkeypatch.setattr(application.states, "apply", broken)

    assert "today" in (await application.replay.replay(EVENT)).kept
    (letter,) = await left(application)
    assert (letter.id, letter.content) == (EVENT, body(240.0))
    assert "today" in letter.reason


async def test_what_is_refused_of_an_event_stays_when_the_rest_is_applied(application: Application, body: Body) -> None:
    await application.stores.letters.keep_event(SOURCE, "KeyError", body(240.0, "M1", "a:b"))

    result = await application.replay.replay(EVENT)
    assert result.outcomes == {"applied": 1, "quarantined": 1}
    (letter,) = await left(application)
    assert (letter.id, letter.reason, result.kept) == (REFUSALS, "bad_id", "bad_id")


# Refused records


async def test_records_whose_cause_is_cured_are_applied_and_gone(
    application: Application, roster_rows: list[RosterRow]
) -> None:
    records = [refusal(Reason.roster_full, meter_id="M2"), refusal(Reason.future_timestamp, voltage_v=None)]
    await application.feeders.load(roster_rows, START)
    await application.stores.letters.keep(SOURCE, records)

    assert await application.replay.replay(REFUSALS) == (REFUSALS, {"applied": 2}, "")
    assert await left(application) == []


async def test_only_what_cannot_be_used_even_now_stays(application: Application) -> None:
    hopeless = cut(Reason.bad_record, '{"meter_id": "M1", "text": "' + "x" * 100)
    records = [hopeless, refusal(Reason.future_timestamp), refusal(Reason.sentinel, meter_id="M2", voltage_v=-1.0)]
    await application.stores.letters.keep(SOURCE, records)

    result = await application.replay.replay(REFUSALS)
    assert result == (REFUSALS, {"not_replayable": 1, "applied": 1, "quarantined": 1}, "bad_record, sentinel")
    (letter,) = await left(application)
    assert letter.id == REFUSALS
    assert letter.refusals[0] == hopeless
    assert [(each.meter_id, each.reason) for each in letter.refusals[1:]] == [("M2", "sentinel")]


@pytest.mark.parametrize("text", ["[1]", '"M1"', "{'meter_id': 'M1'}", "", "[" * 2_000])
async def test_what_is_no_record_stays_untouched(application: Application, text: str) -> None:
    await application.stores.letters.keep(SOURCE, [cut(Reason.bad_record, text)])
    before = await left(application)

    assert (await application.replay.replay(REFUSALS)).outcomes == {"not_replayable": 1}
    assert await left(application) == before


@pytest.mark.parametrize("reason", [Reason.unequal_columns, Reason.bad_interval])
async def test_a_record_that_only_looks_sound_is_never_applied(application: Application, reason: Reason) -> None:
    await application.stores.letters.keep(SOURCE, [refusal(reason)])
    before = await left(application)

    assert await application.replay.replay(REFUSALS) == (REFUSALS, {"not_replayable": 1}, reason.name)
    assert await left(application) == before


async def test_a_meter_s_code_for_no_value_is_not_taken_for_a_value_never_measured(application: Application) -> None:
    await application.stores.letters.keep(SOURCE, [refusal(Reason.sentinel, voltage_v=float("nan"))])

    assert (await application.replay.replay(REFUSALS)).outcomes == {"quarantined": 1}


async def test_readings_of_another_interval_are_used_once_the_roster_says_so(
    application: Application, roster_rows: list[RosterRow], clock: SetClock
) -> None:
    clock.set(START + 86_400)
    await application.feeders.load(roster_rows, START)
    await application.scoring.score([Event(json.dumps({
        "feeder_id": "F", "readings": [{"meter_id": "M1", "timestamp": START, "voltage_v": 240.0}]
    }).encode(), LetterSource("3", 1))])  # fmt: skip
    record = refusal(Reason.interval_changed, timestamp=START + 7_200, interval_s=1_800)
    await application.stores.letters.keep(SOURCE, [record])

    assert (await application.replay.replay(REFUSALS)).outcomes == {"quarantined": 1}
    changed = [msgspec.structs.replace(row, interval_s=1_800) for row in roster_rows]
    await application.feeders.load(changed, START)
    await application.stores.letters.keep(SOURCE, [record])
    assert (await application.replay.replay(REFUSALS)).outcomes == {"applied": 1}
    assert await left(application) == []


async def test_a_device_event_is_one_again(application: Application, roster_rows: list[RosterRow]) -> None:
    await application.feeders.load(roster_rows, START)
    event = {"meter_id": "M1", "timestamp": START, "code": "last_gasp", "interval_s": 900}
    await application.stores.letters.keep(SOURCE, [cut(Reason.bad_event_code, json.dumps(event))])

    assert (await application.replay.replay(REFUSALS)).outcomes == {"applied": 1}
    (anomaly,) = await application.stores.anomalies.between(0, START + 86_400, {"power_off"})
    assert anomaly.meter_id == "M1"


async def test_records_that_fail_as_a_whole_stay_as_they_were(
    application: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("a bug of today")

    await application.stores.letters.keep(SOURCE, [refusal(Reason.future_timestamp), cut(Reason.bad_record, "x")])
    before = await left(application)
    monkeypatch.setattr(application.states, "apply", broken)

    assert "today" in (await application.replay.replay(REFUSALS)).kept
    assert await left(application) == before


async def test_what_scoring_refuses_can_be_replayed_as_it_is_kept(
    application: Application, clock: SetClock, body: Body, roster_rows: list[RosterRow]
) -> None:
    unknown = [f"X{number}" for number in range(PROVISIONAL_PER_HOUR)]
    crowd = [body(240.0, *unknown), body(240.0, "M1", "M2", "M3"), body(240.0, "M1", slot=8)]
    await application.scoring.score([Event(each, LetterSource("3", 40 + nth)) for nth, each in enumerate(crowd)])
    assert [len(letter.refusals) for letter in await left(application)] == [3, 1]

    await application.feeders.load(roster_rows, START)
    clock.set(START + 86_400)
    results = [await application.replay.replay(letter.id) for letter in await left(application)]
    assert [result.outcomes for result in results] == [{"applied": 3}, {"applied": 1}]
    assert await left(application) == []


# Faults


async def test_a_store_that_is_away_leaves_the_letter(
    application: Application, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    await application.stores.letters.keep_event(SOURCE, "KeyError", body(240.0))
    before = await left(application)
    monkeypatch.setattr(application.stores.packs, "write", away)

    with pytest.raises(TransientFault):
        await application.replay.replay(EVENT)
    assert await left(application) == before


@pytest.mark.parametrize("step", ["keep", "remove"])
async def test_a_crash_before_the_letter_is_gone_loses_nothing(
    application: Application, body: Body, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    await application.stores.letters.keep_event(SOURCE, "KeyError", body(240.0, "M1", "a:b"))
    with monkeypatch.context() as patch:
        patch.setattr(application.stores.letters, step, away)
        with pytest.raises(TransientFault):
            await application.replay.replay(EVENT)
    assert EVENT in [letter.id for letter in await left(application)]

    assert (await application.replay.replay(EVENT)).outcomes == {"duplicate": 1, "quarantined": 1}
    assert [letter.id for letter in await left(application)] == [REFUSALS]


async def test_an_unknown_letter_is_named(application: Application) -> None:
    with pytest.raises(InputError, match="no dead letter 3/event:7"):
        await application.replay.replay("3/event:7")
