from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import closing

import pytest

from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.letters import SqliteLetters
from functions.adapters.storage.blobs import BlobContainer
from functions.adapters.storage.letters import BlobLetters
from functions.domain.letters import LetterKind
from functions.domain.outcomes import Outcome, Reason, Refusal
from functions.ports import DeadLetters, LetterSource
from functions.services.returned_letters import ReturnedLetters

SOURCE = LetterSource("3", 41)


@pytest.fixture(params=["memory", "sqlite", "blobs"])
async def letters(request: pytest.FixtureRequest) -> AsyncIterator[DeadLetters]:
    match request.param:
        case "memory":
            yield ReturnedLetters()
        case "sqlite":
            with closing(Database(":memory:")) as database:
                yield SqliteLetters(database)
        case "blobs":
            blobs = BlobContainer(request.getfixturevalue("storage"), f"letters-{uuid.uuid4().hex}")
            await blobs.create()
            yield BlobLetters(blobs)
            await blobs.close()


def refusal(meter: str = "M1", reason: Reason = Reason.sentinel) -> Refusal:
    return Refusal(
        feeder_id="F", meter_id=meter, reason=reason.name, outcome=Outcome.quarantined.name, record='{"voltage_v":-1}'
    )


async def test_refusals_are_kept_with_their_place_in_the_stream(letters: DeadLetters) -> None:
    refusals = (refusal(), refusal("M2", Reason.bad_id))
    await letters.keep(SOURCE, refusals)

    (letter,) = await letters.letters(10)
    assert (letter.kind, letter.partition, letter.sequence_number) == (LetterKind.refusals, "3", 41)
    assert letter.refusals == refusals
    assert letter.reason == "bad_id, sentinel"


async def test_the_same_event_again_adds_nothing(letters: DeadLetters) -> None:
    await letters.keep(SOURCE, [refusal(), refusal("M2")])
    await letters.keep(SOURCE, [refusal()])
    await letters.keep_event(SOURCE, "ValueError: broken", b"first")
    await letters.keep_event(SOURCE, "ValueError: broken", b"second")

    event, refusals = await letters.letters(10)
    assert event.content == b"second"
    assert refusals.refusals == (refusal(),)


async def test_a_whole_event_is_kept_byte_for_byte(letters: DeadLetters) -> None:
    body = b'\xff\x00 not text "'
    await letters.keep_event(SOURCE, "ValueError: broken", body)

    (letter,) = await letters.letters(10)
    assert (letter.kind, letter.content, letter.reason) == (LetterKind.event, body, "ValueError: broken")


async def test_letters_come_by_partition_and_sequence_number_as_many_as_wanted(letters: DeadLetters) -> None:
    for source in (LetterSource("1", 100), LetterSource("3", 9), SOURCE, LetterSource("1", 99), LetterSource("1", 2)):
        await letters.keep(source, [refusal()])

    places = [(letter.partition, letter.sequence_number) for letter in await letters.letters(10)]
    assert places == [("1", 2), ("1", 99), ("1", 100), ("3", 9), ("3", 41)]
    assert [letter.sequence_number for letter in await letters.letters(2)] == [2, 99]


async def test_none_are_no_letters(letters: DeadLetters) -> None:
    assert await letters.letters(10) == []


@pytest.mark.parametrize(
    "name", ["inc:M1:power_off:5|C1|restored|console", "a b/ü?#%2F.", "語" * 300, "語" * 299 + "誤", "7", ""]
)
async def test_a_document_of_any_id_is_found_and_removed(letters: DeadLetters, name: str) -> None:
    for other in ("语" * 300, "8"):
        await letters.keep_document("incidents", {"id": other}, "KeyError: other")
    await letters.keep_document("incidents", {"id": name, "state": "open"}, "KeyError: first")
    await letters.keep_document("incidents", {"id": name, "state": "open"}, "KeyError: state")

    letter = await letters.find(f"incidents/document:{name}")
    assert letter is not None
    assert (letter.kind, letter.partition, letter.reason) == (LetterKind.document, "incidents", "KeyError: state")
    assert letter.content == f'{{"id":"{name}","state":"open"}}'.encode()
    await letters.remove(letter.id)
    assert await letters.find(letter.id) is None
    assert len(await letters.letters(10)) == 2


async def test_a_removed_letter_takes_no_other_along(letters: DeadLetters) -> None:
    await letters.keep(SOURCE, [refusal()])
    await letters.keep_event(SOURCE, "ValueError: broken", b"x")
    await letters.remove("3/refusals:41")
    await letters.remove("3/refusals:41")

    assert [letter.id for letter in await letters.letters(10)] == ["3/event:41"]


@pytest.mark.parametrize("letter_id", ["3/refusals:42", "3/event:41", "4/refusals:41", "refusals:41", "", "a/b:c/d"])
async def test_an_unknown_letter_is_none(letters: DeadLetters, letter_id: str) -> None:
    await letters.keep(SOURCE, [refusal()])

    assert await letters.find(letter_id) is None
    await letters.remove(letter_id)
    assert len(await letters.letters(10)) == 1
