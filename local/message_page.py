"""Every message as customers see it: for docs/messages.md, and for the files that tests compare with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

from functions.domain.catalogue import CAUSES, languages
from functions.domain.conversation import about
from functions.domain.customers import Customer
from functions.domain.errors import InputError
from functions.domain.messages import Letterhead
from functions.domain.notifications import IntentKind, Notification
from functions.domain.sms_segments import segments

MARK = "<!-- Below this line: python -m local customers catalogue -->"
ZONES = {"en": "America/Chicago", "es": "America/Mexico_City", "fr": "Europe/Paris", "sw": "Africa/Nairobi"}
HOUR, DAY = 3_600, 86_400


class Sample(NamedTuple):
    """A situation, and what is known in it. Times are seconds from three in the afternoon, where the customer lives."""

    when: str
    kind: IntentKind
    began: int = -25 * 60
    back: int | None = None
    estimate: int | None = None
    cause: str = ""
    work: tuple[int, int] | None = None
    place: str = ""
    channel: str = "sms"
    step: int = 0


SAMPLES = (
    Sample("an outage is seen", IntentKind.outage_seen),
    Sample("… and when it will end", IntentKind.outage_seen, estimate=2 * HOUR + 1_800),
    Sample("… and its cause", IntentKind.outage_seen, cause="tree"),
    Sample("… and both", IntentKind.outage_seen, estimate=2 * HOUR + 1_800, cause="equipment"),
    Sample("… told the day after", IntentKind.outage_seen, began=-17 * HOUR, estimate=20 * HOUR, cause="weather"),
    Sample("its end moves by more than half an hour", IntentKind.estimate_changed, estimate=4 * HOUR),
    Sample("… and the cause is found", IntentKind.estimate_changed, estimate=16 * HOUR, cause="third_party"),
    Sample("its end is not known any more", IntentKind.estimate_changed),
    Sample("power is back", IntentKind.restored, back=-10 * 60),
    Sample("… told the day after", IntentKind.restored, back=-16 * HOUR),
    Sample("… by telephone", IntentKind.restored, back=-10 * 60, channel="voice"),
    Sample("planned work, two days ahead", IntentKind.planned_ahead, work=(42 * HOUR, 45 * HOUR)),
    Sample("planned work, two hours ahead", IntentKind.planned_ahead, work=(2 * HOUR, 5 * HOUR)),
    Sample("planned work over midnight", IntentKind.planned_ahead, work=(7 * HOUR, 14 * HOUR)),
    Sample("planned work moves", IntentKind.planned_changed, work=(9 * DAY, 9 * DAY + 3 * HOUR)),
    Sample("planned work is cancelled", IntentKind.planned_cancelled, work=(18 * HOUR, 20 * HOUR)),
    Sample("voltage, to operators", IntentKind.voltage_quality, place="transformer FDR-001-T001"),
    Sample("tampering, to operators", IntentKind.tamper, place="meter MTR-000123"),
    Sample("nobody has acknowledged it, to operators", IntentKind.escalated, place="feeder FDR-001", step=2),
)


def text_of(sample: Sample, language: str, utility: str = "") -> str:
    """The message of a situation in a language."""
    zone = ZONES.get(language, "UTC")
    now = int(datetime(2024, 6, 17, 15, tzinfo=ZoneInfo(zone)).timestamp())
    notification = Notification(
        key="",
        customer_id="C1",
        incident_id="inc:MTR-000123:power_off:1909536",
        kind=sample.kind,
        channel=sample.channel,
        started_at=now + sample.began,
        restored_at=None if sample.back is None else now + sample.back,
        created_at=now,
        cause=sample.cause,
        estimate=None if sample.estimate is None else now + sample.estimate,
        work_start=None if sample.work is None else now + sample.work[0],
        work_end=None if sample.work is None else now + sample.work[1],
        place=sample.place,
        revision=sample.step,
    )
    return Letterhead(utility, zone).render(notification, Customer(customer_id="C1", language=language), now)


def every_message(language: str) -> Iterator[str]:
    """Every situation, every cause where there can be one, and the answer to a call for help, a line each."""
    for sample in SAMPLES:
        yield text_of(sample, language)
        if sample.cause:
            yield from (text_of(sample._replace(cause=cause), language) for cause in sorted(CAUSES))
    yield about(language)
    yield about(language, "Riverside Electric", "+1 555 010 0000")


def write_golden(folder: Path) -> None:
    """Write `CODE.txt` for every language."""
    for code in languages():
        (folder / f"{code}.txt").write_text("\n".join(every_message(code)) + "\n", encoding="utf-8")


def write_page(page: Path) -> None:
    """Write the catalogue below the mark of a page; raises `InputError` when it has none."""
    text = page.read_text(encoding="utf-8")
    above, mark, _ = text.partition(MARK)
    if not mark:
        raise InputError(f"{page} has no line {MARK!r}; add it where the catalogue is to begin")
    page.write_text(above + catalogue(), encoding="utf-8")


def catalogue() -> str:
    """The catalogue as Markdown: a table a language."""
    parts = [MARK, ""]
    for code, words in languages().items():
        parts += [f"### {words.name} (`{code}`)", "", "| when | what they get | carried as |", "|---|---|---|"]
        for sample in SAMPLES:
            text = text_of(sample, code)
            carried = segments(text)
            size = "–" if sample.channel == "voice" else f"{len(text)} characters, {carried.parts} × {carried.encoding}"
            parts.append(f"| {sample.when} | {text} | {size} |")
        parts.append("")
    return "\n".join(parts)
