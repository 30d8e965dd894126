"""What customers write to us, and what they are answered, in the languages of a data file."""

from __future__ import annotations

import re
import unicodedata
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from functions.domain.catalogue import FALLBACK


class Command(StrEnum):
    """What a customer wants by a word; the standard words are those of the carriers (CTIA Messaging Principles, 5)."""

    stop = "stop"
    start = "start"
    help = "help"
    status = "status"
    out = "out"
    """My power is out."""


class Reply(StrEnum):
    """What a customer is answered."""

    stopped = "stopped"
    started = "started"
    help = "help"
    power_out = "power_out"
    no_outage = "no_outage"
    reported = "reported"
    stranger = "stranger"
    not_understood = "not_understood"


class Heard(NamedTuple):
    """A word that was understood."""

    command: Command
    languages: frozenset[str]
    """Those that have this word."""
    word: str
    """As the data file has it."""


class _Language(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    words: dict[Command, tuple[str, ...]]
    replies: dict[Reply, str]
    unnamed: dict[str, str]
    """What stands for the utility and its number where they are not set."""


def understand(text: str) -> Heard | None:
    """The command that a message consists of, whatever its language, case, accents and punctuation.

    A message that merely begins with STOP counts as one, too: nobody should have to find the right words for that.

    >>> understand("  Arrêt! ").command, understand("sin luz").command, understand("Stop writing to me").command
    (<Command.stop: 'stop'>, <Command.out: 'out'>, <Command.stop: 'stop'>)
    >>> understand("when do you open?") is None
    True
    """
    plain = _plain(text)
    words = _words()
    return words.get(plain) or (words["stop"] if plain.startswith("stop ") else None)


def say(reply: Reply, language: str, **values: str) -> str:
    """A reply in a language, or in English where the file does not have it."""
    languages = _languages()
    return languages.get(language, languages[FALLBACK]).replies[reply].format(**values)


def about(language: str, utility: str = "", contact: str = "") -> str:
    """The reply to a call for help, which carriers want to say who writes and whom to call.

    >>> about("en", "Riverside Electric", "555 010 0000")[:58]
    'Riverside Electric: messages about your power. Help: 555 0'
    """
    languages = _languages()
    unnamed = languages.get(language, languages[FALLBACK]).unnamed
    return say(Reply.help, language, utility=utility or unnamed["utility"], contact=contact or unnamed["contact"])


def languages() -> tuple[str, ...]:
    """Languages that customers are answered in."""
    return tuple(_languages())


@cache
def _languages() -> dict[str, _Language]:
    path = Path(__file__).with_suffix(".json")
    return msgspec.json.decode(path.read_bytes(), type=dict[str, _Language])


@cache
def _words() -> dict[str, Heard]:
    found: dict[str, Heard] = {}
    for language, entry in _languages().items():
        for command, words in entry.words.items():
            for word in words:
                plain = _plain(word)
                before = found.get(plain, Heard(command, frozenset(), word))
                if before.command is not command:
                    raise ValueError(f"{word!r} means {before.command} and {command} in conversation.json; keep one")
                found[plain] = before._replace(languages=before.languages | {language})
    return found


def _plain(text: str) -> str:
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.sub(r"[^\w\s]", "", "".join(each for each in letters if not unicodedata.combining(each))).split()
    )
