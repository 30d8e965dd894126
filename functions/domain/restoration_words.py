"""Words for causes and crews: what utilities write, mapped to the few meanings restoration times depend on."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from enum import IntEnum
from functools import cache
from pathlib import Path


class Cause(IntEnum):
    """Why the power is off. `unknown` is said by a utility that does not know; `other` is a word we do not know."""

    unknown = 0
    investigating = 1
    planned = 2
    equipment = 3
    weather = 4
    emergency = 5
    vehicle = 6
    vegetation = 7
    fire = 8
    animal = 9
    other = 10


class Crew(IntEnum):
    """What the crew does."""

    unknown = 0
    assigned = 1
    en_route = 2
    assessing = 3
    repair_sent = 4
    on_site = 5
    no_access = 6
    other = 7


@cache
def cause_of(words: str) -> Cause:
    """Cause that a utility's words mean.

    >>> cause_of("planned_maintenance").name, cause_of("Car-Pole accident").name, cause_of("").name
    ('planned', 'vehicle', 'unknown')
    >>> cause_of("gremlins in the street").name  # a street is no tree
    'other'
    """
    return Cause[_meaning(words, "causes")]


@cache
def crew_of(words: str) -> Crew:
    """What a utility's words say about the crew.

    >>> crew_of("assess_en_route").name, crew_of("crew_onsite").name, crew_of("lunch").name
    ('en_route', 'on_site', 'other')
    """
    return Crew[_meaning(words, "crews")]


def _meaning(words: str, table: str) -> str:
    text = re.sub(r"[\W_]+", " ", f" {words} ").lower()
    if text == " ":
        return "unknown"
    return next((meaning for meaning, known in _tables()[table] if any(f" {word}" in text for word in known)), "other")


@cache
def _tables() -> dict[str, Sequence[tuple[str, Sequence[str]]]]:
    read: dict[str, Sequence[tuple[str, Sequence[str]]]] = json.loads(
        Path(__file__).with_name("restoration_words.json").read_text("utf-8")
    )
    return read
