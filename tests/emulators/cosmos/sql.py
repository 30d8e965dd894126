"""The subset of Cosmos DB's SQL that the emulator understands; anything else is refused with the text at fault.

SELECT [TOP n] * | c.a, c.b AS name | VALUE c.a | VALUE COUNT(1)
FROM c
WHERE AND, OR, NOT, parentheses; = != <> < <= > >=; IN (…); IS_DEFINED, IS_NULL, STARTSWITH, ARRAY_CONTAINS;
      c.a.b, c["a"]; @parameters; numbers, strings, true, false, null
ORDER BY c.a [ASC | DESC]
OFFSET n LIMIT m
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple, TypeVar

from emulators.cosmos.errors import bad_request
from emulators.cosmos.expressions import (
    FUNCTIONS,
    And,
    Call,
    Compare,
    Constant,
    Expression,
    In,
    Literal,
    Not,
    Or,
    Parameter,
    Property,
)
from emulators.cosmos.tokens import Tokens

_COMPARISONS = ("=", "!=", "<>", "<", "<=", ">", ">=")
_NAMED_CONSTANTS = {"TRUE": True, "FALSE": False, "NULL": None}
_ESCAPE = re.compile(r"\\(.)")
_Part = TypeVar("_Part")


class Order(NamedTuple):
    """ORDER BY one property."""

    property: Property
    descending: bool


class Query(NamedTuple):
    """A parsed query; `columns` is None for `*`, and holds one column without a name for VALUE."""

    columns: tuple[tuple[str, Property], ...] | None
    counts: bool
    top: Constant | None
    where: Expression | None
    order: Order | None
    offset: Constant | None
    limit: Constant | None


@lru_cache(maxsize=500)
def parse(text: str) -> Query:
    """Parse a query; raises Refused (400) naming what is not understood."""
    return _Parser(text).query()


class _Parser:
    """Recursive descent, one method a rule; OR binds weakest, then AND, NOT, comparison."""

    def __init__(self, text: str) -> None:
        self._tokens = Tokens(text)
        self._alias: str | None = None

    def query(self) -> Query:
        take, demand = self._tokens.take, self._tokens.demand
        demand("SELECT")
        top = self._constant() if take("TOP") else None
        columns, counts = self._selection()
        demand("FROM")
        alias = self._tokens.advance("word").text
        where = self._either() if take("WHERE") else None
        order = self._order() if take("ORDER") else None
        offset = limit = None
        if take("OFFSET"):
            offset = self._constant()
            demand("LIMIT")
            limit = self._constant()
        if self._tokens.peek().kind != "end":
            self._tokens.refuse()
        if self._alias not in (None, alias):
            raise bad_request(f"The query reads {self._alias!r} but FROM names {alias!r}; use one name.")
        return Query(columns, counts, top, where, order, offset, limit)

    def _selection(self) -> tuple[tuple[tuple[str, Property], ...] | None, bool]:
        if self._tokens.take("*"):
            return None, False
        if not self._tokens.take("VALUE"):
            return tuple(self._list(self._column)), False
        if not self._tokens.take("COUNT"):
            return (("", self._property()),), False
        for symbol in ("(", "1", ")"):
            if self._tokens.peek().text != symbol:
                self._tokens.refuse()
            self._tokens.advance("symbol", "number")
        return None, True

    def _column(self) -> tuple[str, Property]:
        column = self._property()
        if self._tokens.take("AS"):
            return self._tokens.advance("word").text, column
        if not column.path:
            self._tokens.refuse()
        return column.path[-1], column

    def _order(self) -> Order:
        self._tokens.demand("BY")
        column = self._property()
        descending = self._tokens.take("DESC")
        if not descending:
            self._tokens.take("ASC")
        return Order(column, descending)

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._tokens.take("OR"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self) -> Expression:
        parts = [self._negation()]
        while self._tokens.take("AND"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _negation(self) -> Expression:
        return Not(self._negation()) if self._tokens.take("NOT") else self._comparison()

    def _comparison(self) -> Expression:
        left = self._operand()
        if self._tokens.take("IN"):
            self._tokens.demand("(")
            choices = tuple(self._list(self._constant))
            self._tokens.demand(")")
            return In(left, choices)
        for operator in _COMPARISONS:
            if self._tokens.take(operator):
                return Compare("!=" if operator == "<>" else operator, left, self._operand())
        return left

    def _operand(self) -> Expression:
        if self._tokens.take("("):
            inner = self._either()
            self._tokens.demand(")")
            return inner
        token = self._tokens.peek()
        if token.kind != "word" or token.text.upper() in _NAMED_CONSTANTS:
            return self._constant()
        return self._call() if self._tokens.peek(1).text == "(" else self._property()

    def _call(self) -> Expression:
        name = self._tokens.peek().text.upper()
        if name not in FUNCTIONS:
            self._tokens.refuse()
        self._tokens.advance("word")
        self._tokens.demand("(")
        subject = self._property()
        rest = tuple(self._list(self._constant)) if self._tokens.take(",") else ()
        if len(rest) != FUNCTIONS[name].constants:
            self._tokens.refuse()
        self._tokens.demand(")")
        return Call(name, subject, rest)

    def _constant(self) -> Constant:
        token = self._tokens.peek()
        if token.kind == "word" and token.text.upper() not in _NAMED_CONSTANTS:
            self._tokens.refuse()
        self._tokens.advance("number", "string", "parameter", "word")
        if token.kind == "number":
            return Literal(float(token.text) if re.search("[.eE]", token.text) else int(token.text))
        if token.kind == "string":
            return Literal(_ESCAPE.sub(r"\1", token.text[1:-1]))
        if token.kind == "parameter":
            return Parameter(token.text)
        return Literal(_NAMED_CONSTANTS[token.text.upper()])

    def _property(self) -> Property:
        alias = self._tokens.peek().text
        if self._alias not in (None, alias):
            self._tokens.refuse()
        self._tokens.advance("word")
        self._alias = alias
        path: list[str] = []
        while True:
            if self._tokens.take("."):
                path.append(self._tokens.advance("word").text)
            elif self._tokens.take("["):
                path.append(_ESCAPE.sub(r"\1", self._tokens.advance("string").text[1:-1]))
                self._tokens.demand("]")
            else:
                return Property(tuple(path))

    def _list(self, rule: Callable[[], _Part]) -> list[_Part]:
        parts = [rule()]
        while self._tokens.take(","):
            parts.append(rule())
        return parts
