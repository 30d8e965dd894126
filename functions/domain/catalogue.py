"""The catalogue: what messages say, one data file a language in `languages/`.

A language is added by adding its file. Messages are built of sentences, so that what is not known is left out; each
sentence has the same placeholders in every language.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from string import Formatter

import msgspec

from functions.domain.errors import RejectedDocument

FALLBACK = "en"
FOLDER = Path(__file__).parent / "languages"

SENTENCES: Mapping[str, frozenset[str]] = {
    "outage_seen": frozenset({"since"}),
    "cause": frozenset({"cause"}),
    "estimate": frozenset({"by"}),
    "no_estimate": frozenset(),
    "estimate_changed": frozenset({"by"}),
    "estimate_unknown": frozenset(),
    "restored": frozenset({"since"}),
    "reply_out": frozenset(),
    "planned_ahead": frozenset({"from", "until"}),
    "planned_changed": frozenset({"from", "until"}),
    "planned_cancelled": frozenset({"at"}),
    "voltage_quality": frozenset({"since", "place"}),
    "tamper": frozenset({"since", "place"}),
    "escalated": frozenset({"since", "place", "step"}),
    "reference": frozenset({"reference"}),
}
"""Every sentence, and the placeholders it must have."""
CAUSES = frozenset({"weather", "equipment", "tree", "animal", "vehicle", "third_party", "planned"})
"""Causes that customers are told; nothing is said of others."""
MOMENTS: Mapping[str, frozenset[str]] = {
    "since": frozenset({"today", "yesterday", "week", "date"}),
    "by": frozenset({"today", "tomorrow", "week", "date"}),
    "at": frozenset({"today", "tomorrow", "week", "date"}),
    "from": frozenset({"today", "tomorrow", "week", "date"}),
    "until": frozenset({"today", "date"}),
}
"""What a moment is said for, and the days it may lie on: seen from now, or, of an end, from the beginning."""
_OF_MOMENTS = frozenset({"time", "weekday", "day", "month"})


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """How a time of day is said."""

    hours: int
    """12 or 24."""
    shift: int = 0
    """Hours after midnight at which the day begins to be counted."""
    time: str
    on_the_hour: str
    at_one: str = ""
    """At one o'clock, where that is said differently."""
    periods: dict[str, str] = {}
    """Names of parts of the day, by the hour (0 to 23) they begin at."""
    exact: dict[str, str] = {}
    """Names of full hours."""


class Language(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of the catalogue."""

    code: str
    name: str
    clock: Clock
    weekdays: list[str]
    """From Monday."""
    months: list[str]
    moments: dict[str, dict[str, str]]
    causes: dict[str, str]
    sentences: dict[str, str]

    def checked(self) -> Language:
        """Itself, when nothing is missing and every placeholder is known; raises `RejectedDocument`."""
        if len(self.weekdays) != 7 or len(self.months) != 12:
            raise RejectedDocument(self.code, "names 7 weekdays and 12 months")
        _same(self.code, "sentences", set(self.sentences), SENTENCES)
        _same(self.code, "causes", set(self.causes), CAUSES)
        _same(self.code, "moments", set(self.moments), MOMENTS)
        for name, text in self.sentences.items():
            _same(self.code, f"placeholders of {name}", _placeholders(text), SENTENCES[name])
        for use, days in self.moments.items():
            _same(self.code, f"days of {use}", set(days), MOMENTS[use])
            for day, text in days.items():
                unknown = _placeholders(text) - _OF_MOMENTS
                if unknown or "time" not in _placeholders(text):
                    raise RejectedDocument(
                        f"{self.code} {use} {day}", f"needs {{time}} and knows {sorted(_OF_MOMENTS)}"
                    )
        return self


def language(code: str) -> Language:
    """The language of a code, or of its first part (`es-MX`: Spanish); English where there is none of it."""
    known = languages()
    return known.get(code.lower()) or known.get(code.lower().partition("-")[0]) or known[FALLBACK]


@cache
def languages() -> dict[str, Language]:
    """Every language, by code; raises `RejectedDocument` for a file with something missing."""
    files = sorted(FOLDER.glob("*.json"))
    read = [msgspec.json.decode(each.read_bytes(), type=Language).checked() for each in files]
    return {each.code: each for each in read}


def _placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def _same(code: str, what: str, found: set[str], wanted: Mapping[str, object] | frozenset[str]) -> None:
    if found != set(wanted):
        raise RejectedDocument(
            f"{code} {what}", f"lacks {sorted(set(wanted) - found)} and has {sorted(found - set(wanted))} too much"
        )
