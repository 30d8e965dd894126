from __future__ import annotations

import base64

from functions.domain.outcomes import Outcome, Reason, Refusal
from functions.ports import LetterSource, Stores

SOURCE = LetterSource("3", 41)


def refusal(meter: str = "M1", reason: Reason = Reason.sentinel) -> Refusal:
    return Refusal(
        feeder_id="F", meter_id=meter, reason=reason.name, outcome=Outcome.quarantined.name, record='{"voltage_v":-1}'
    )


async def test_refusals_are_kept_with_their_place_in_the_stream(stores: Stores) -> None:
    refusals = (refusal(), refusal("M2", Reason.bad_id))
    await stores.letters.keep(SOURCE, refusals)

    (letter,) = await stores.letters.all()
    assert (letter.partition, letter.sequence_number, letter.refusals) == ("3", 41, refusals)
    assert "sentinel" in letter.reason
    assert "bad_id" in letter.reason


async def test_the_same_event_again_adds_nothing(stores: Stores) -> None:
    await stores.letters.keep(SOURCE, [refusal()])
    await stores.letters.keep(SOURCE, [refusal()])
    await stores.letters.keep_event(SOURCE, "ValueError: broken", b"first")
    await stores.letters.keep_event(SOURCE, "ValueError: broken", b"second")

    kept = await stores.letters.all()
    assert sorted(len(letter.refusals) for letter in kept) == [0, 1]


async def test_a_whole_event_is_kept_byte_for_byte(stores: Stores) -> None:
    body = b'\xff\x00 not text "'
    await stores.letters.keep_event(SOURCE, "ValueError: broken", body)

    (letter,) = await stores.letters.all()
    assert base64.b64decode(letter.body) == body
    assert letter.reason == "ValueError: broken"


async def test_letters_of_other_places_stand_beside_each_other(stores: Stores) -> None:
    for source in (LetterSource("1", 41), LetterSource("3", 40), SOURCE):
        await stores.letters.keep(source, [refusal()])

    places = [(letter.partition, letter.sequence_number) for letter in await stores.letters.all()]
    assert places == [("1", 41), ("3", 40), ("3", 41)]
