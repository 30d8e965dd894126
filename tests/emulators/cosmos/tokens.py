"""The words of a query, in order."""

from __future__ import annotations

import re
from typing import NamedTuple, NoReturn

from emulators.cosmos.errors import Refused, bad_request

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)
    |(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<parameter>@\w+)
    |(?P<word>[A-Za-z_]\w*)
    |(?P<symbol><=|>=|!=|<>|[=<>(),.*\[\]]))""",
    re.VERBOSE,
)
_SHOWN_CHARACTERS = 40


class Token(NamedTuple):
    """A word of a query; `kind` is number, string, parameter, word, symbol or end."""

    kind: str
    text: str
    start: int


class Tokens:
    """A query's words with a place in them; raises Refused (400) naming the text where reading stopped."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens: list[Token] = []
        self._at = 0
        position, end = 0, len(text.rstrip())
        while position < end:
            match = _TOKEN.match(text, position)
            if match is None:
                raise self._refusal(position)
            kind = match.lastgroup or ""
            self._tokens.append(Token(kind, match[kind], match.start(kind)))
            position = match.end()
        self._tokens.append(Token("end", "", end))

    def peek(self, ahead: int = 0) -> Token:
        """The next word, or one after it."""
        return self._tokens[min(self._at + ahead, len(self._tokens) - 1)]

    def advance(self, *kinds: str) -> Token:
        """Take the next word, which must be of one of `kinds`."""
        token = self.peek()
        if token.kind not in kinds:
            self.refuse()
        self._at += 1
        return token

    def take(self, text: str) -> bool:
        """Take the next word if it is this keyword or symbol."""
        token = self.peek()
        if token.kind not in ("word", "symbol") or token.text.upper() != text:
            return False
        self._at += 1
        return True

    def demand(self, text: str) -> None:
        """Take this keyword or symbol, which must be next."""
        if not self.take(text):
            self.refuse()

    def refuse(self) -> NoReturn:
        """The next word cannot be understood here."""
        raise self._refusal(self._tokens[max(self._at - 1, 0)].start)  # the word before tells more

    def _refusal(self, position: int) -> Refused:
        rest = self._text[position : position + _SHOWN_CHARACTERS].strip() or "the end of the query"
        return bad_request(f"Syntax error near {rest!r}: beyond the SQL that the emulator covers.")
