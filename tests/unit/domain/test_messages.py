"""Messages: every one in every language, as customers get it; the golden files are written anew by
`python -m local customers catalogue --golden tests/golden/messages`."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest

from functions.domain.catalogue import CAUSES, FOLDER, Language, language, languages
from functions.domain.conversation import Command, understand
from functions.domain.customers import Customer
from functions.domain.errors import InputError, RejectedDocument
from functions.domain.messages import Letterhead
from functions.domain.notifications import IntentKind, Notification, short_reference
from functions.domain.sms_segments import Encoding, segments
from functions.domain.spoken_times import spoken
from local.message_page import MARK, catalogue, every_message, write_page

ROOT = Path(__file__).resolve().parents[3]
GOLDEN = ROOT / "tests" / "golden" / "messages"
CODES = sorted(languages())
HOUR, DAY = 3_600, 86_400
NOW = int(datetime(2024, 6, 17, 15, tzinfo=ZoneInfo("America/Chicago")).timestamp())
LONG_NAME = "Riverside Rural Electric"


def said(kind=IntentKind.outage_seen, code="en", utility="", now=NOW, **fields):
    more = {"started_at": NOW - 600, "restored_at": None, "created_at": NOW} | fields
    told = Notification(key="", customer_id="C1", incident_id="inc:A", kind=kind, **more)
    return Letterhead(utility, "America/Chicago").render(told, Customer(customer_id="C1", language=code), now)


def test_every_language_has_what_was_asked_for():
    assert CODES == ["en", "es", "fr", "sw"]


@pytest.mark.parametrize("code", CODES)
def test_every_message_is_as_it_was_agreed(code):
    assert list(every_message(code)) == (GOLDEN / f"{code}.txt").read_text(encoding="utf-8").splitlines()


def test_the_page_shows_the_messages_as_they_are(tmp_path):
    assert (ROOT / "docs" / "messages.md").read_text(encoding="utf-8").endswith(catalogue())
    page = tmp_path / "page.md"
    page.write_text("no mark")
    with pytest.raises(InputError, match="Below this line"):
        write_page(page)
    page.write_text(f"kept\n{MARK}\nold")
    write_page(page)
    assert page.read_text(encoding="utf-8") == f"kept\n{catalogue()}"


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("kind", list(IntentKind))
def test_no_message_takes_more_than_two_segments_and_each_names_its_incident(code, kind):
    """With everything that can be known, at whatever time, and with a long name before it."""
    estimates = (None, NOW + HOUR, NOW + 30 * HOUR, NOW + 3 * DAY + 1_260, NOW + 12 * DAY + 1_260)
    begins = (NOW - 660, NOW - 30 * HOUR - 660, NOW - 3 * DAY - 660, NOW - 12 * DAY - 660)
    for cause, estimate, begin in itertools.product(("", *CAUSES), estimates, begins):
        text = said(
            kind, code, LONG_NAME, cause=cause, estimate=estimate, started_at=begin, restored_at=begin,
            work_start=NOW + 12 * DAY + 660, work_end=NOW + 13 * DAY + 1_260, place="transformer FDR-001-T0001",
        )  # fmt: skip
        assert segments(text).parts <= 2, text
        assert segments(text).encoding is Encoding.gsm_7, text
        assert text.startswith(f"{LONG_NAME}: ")
        assert text.endswith(short_reference("inc:A"))
        assert "{" not in text


@pytest.mark.parametrize("code", CODES)
def test_the_word_that_reports_an_outage_is_understood(code):
    asked = language(code).sentences["reply_out"]
    word = asked.rpartition("?")[2].strip(" .").partition(" ")[2]
    assert understand(word).command is Command.out, word


@pytest.mark.parametrize("code", CODES)
def test_two_languages_never_say_the_same(code):
    others = {text for other in CODES if other != code for text in every_message(other)}
    assert others.isdisjoint(every_message(code))


def test_what_is_not_known_is_left_out_and_what_is_over_is_not_promised():
    assert "Cause" not in said(cause="a meteorite")
    assert said(estimate=NOW) == said() == said(estimate=NOW - HOUR)
    assert "We cannot yet say" in said(IntentKind.estimate_changed, estimate=NOW - 60)


def test_a_language_nobody_speaks_here_is_english_and_a_dialect_its_language():
    assert said(code="tlh") == said(code="en")
    assert said(code="es-MX") == said(code="ES") == said(code="es")


def test_a_customers_own_time_zone_is_told_and_one_that_is_none_is_the_utilitys():
    told = Notification(
        key="", customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen, started_at=NOW, restored_at=None,
        created_at=NOW,
    )  # fmt: skip
    letterhead = Letterhead("", "America/Chicago")
    of_paris = Customer(customer_id="C1", time_zone="Europe/Paris")
    assert "10 pm" in letterhead.render(told, of_paris, NOW)
    assert "3 pm" in letterhead.render(told, msgspec.structs.replace(of_paris, time_zone="Mars/Olympus"), NOW)


@pytest.mark.parametrize(
    ("code", "at_midnight", "at_one_five", "at_noon", "at_half_past_six"),
    [
        ("en", "midnight", "1:05 pm", "noon", "6:30 pm"),
        ("es", "las 0:00", "las 13:05", "las 12:00", "las 18:30"),
        ("fr", "minuit", "13h05", "midi", "18h30"),
        ("sw", "saa 6 usiku", "saa 7:05 mchana", "saa 6 mchana", "saa 12:30 jioni"),
    ],
)
def test_times_are_said_as_people_say_them(code, at_midnight, at_one_five, at_noon, at_half_past_six):
    zone = ZoneInfo("Africa/Nairobi")
    day = datetime(2024, 6, 17, tzinfo=zone)
    moments = (day, day.replace(hour=13, minute=5), day.replace(hour=12), day.replace(hour=18, minute=30))
    texts = [spoken(int(each.timestamp()), "until", languages()[code], zone, int(day.timestamp())) for each in moments]
    for text, wanted in zip(texts, (at_midnight, at_one_five, at_noon, at_half_past_six), strict=True):
        assert text.endswith(wanted)


def test_one_oclock_has_its_own_article_in_spanish():
    moment = int(datetime(2024, 6, 17, 1, 5, tzinfo=ZoneInfo("UTC")).timestamp())
    assert spoken(moment, "since", languages()["es"], ZoneInfo("UTC"), moment) == "desde la 1:05"


@pytest.mark.parametrize(
    ("days", "wanted"),
    [
        (0, "by about 3 pm"),
        (1, "by about 3 pm tomorrow"),
        (6, "by about 3 pm on Sunday"),
        (7, "by about 3 pm on 24 June"),
    ],
)
def test_a_day_is_named_so_that_it_cannot_be_mistaken(days, wanted):
    assert spoken(NOW + days * DAY, "by", language("en"), ZoneInfo("America/Chicago"), NOW) == wanted


def test_a_file_with_something_missing_is_refused_and_says_what():
    whole = json.loads((FOLDER / "en.json").read_text(encoding="utf-8"))
    for spoiled, fault in (
        ({"sentences": {**whole["sentences"], "restored": "It is back."}}, "placeholders of restored"),
        ({"sentences": {name: text for name, text in whole["sentences"].items() if name != "cause"}}, "'cause'"),
        ({"causes": {**whole["causes"], "ghosts": "ghosts"}}, "ghosts"),
        ({"months": whole["months"][:11]}, "12 months"),
        ({"moments": {**whole["moments"], "until": {"today": "to {time}", "date": "to {hour}"}}}, "until date"),
    ):
        with pytest.raises(RejectedDocument, match=fault):
            msgspec.convert({**whole, **spoiled}, Language).checked()


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "GSM-7", 1), ("a" * 160, "GSM-7", 1), ("a" * 161, "GSM-7", 2), ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("€" * 80, "GSM-7", 1), ("€" * 81, "GSM-7", 2), ("a" * 152 + "€" + "a" * 151, "GSM-7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM-7", 3),  # 306 places, but the sign is not cut in two
        ("ç", "UCS-2", 1), ("Ç", "GSM-7", 1), ("á" * 70, "UCS-2", 1), ("á" * 71, "UCS-2", 2), ("á" * 134, "UCS-2", 2),
        ("💡" * 35, "UCS-2", 1), ("💡" * 36, "UCS-2", 2), ("💡" * 67, "UCS-2", 3),
    ],
)  # fmt: skip
def test_segments_are_counted_as_carriers_bill_them(text, encoding, parts):
    assert segments(text) == (encoding, parts)


def test_the_alphabet_has_every_character_of_the_standard():
    # 3GPP TS 23.038, 6.2.1: 128 positions of which one is the escape to the extension table.
    # Their highest code points are those of Greek letters and of the Euro sign.
    assert sum(segments(chr(code)).encoding is Encoding.gsm_7 for code in range(0x2100)) == 127 + 10
