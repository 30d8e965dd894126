"""The expressions of a query's filter: what they are worth for a document, and which paths they read.

A value is any JSON value or UNDEFINED. A comparison of unlike types, or with what is not there, is UNDEFINED, and so
neither true nor, under NOT, false: as in Cosmos DB, such an item never matches.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol

from emulators.cosmos.errors import bad_request
from emulators.cosmos.indexing import ELEMENT
from emulators.cosmos.values import (
    UNDEFINED,
    Document,
    Path,
    are_alike,
    are_ordered,
    sort_key,
    value_at,
)

Parameters = Mapping[str, Any]
Evaluate = Callable[[Document], Any]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Expression(Protocol):
    """A part of a filter."""

    def bind(self, parameters: Parameters) -> Evaluate:
        """The expression as a function of a document."""
        ...

    def paths(self) -> Iterator[Path]:
        """Every path that it reads."""
        ...


class Literal(NamedTuple):
    """A constant in the query's text."""

    value: Any

    def resolve(self, parameters: Parameters) -> Any:
        return self.value

    def bind(self, parameters: Parameters) -> Evaluate:
        return lambda _: self.value

    def paths(self) -> Iterator[Path]:
        return iter(())


class Parameter(NamedTuple):
    """A constant beside the query's text: `@name`."""

    name: str

    def resolve(self, parameters: Parameters) -> Any:
        if self.name not in parameters:
            raise bad_request(f"The query's parameter {self.name} has no value; send it along.")
        return parameters[self.name]

    def bind(self, parameters: Parameters) -> Evaluate:
        value = self.resolve(parameters)
        return lambda _: value

    def paths(self) -> Iterator[Path]:
        return iter(())


Constant = Literal | Parameter


class Property(NamedTuple):
    """A path into the document; empty for the document itself."""

    path: Path

    def bind(self, parameters: Parameters) -> Evaluate:
        path = self.path
        if len(path) == 1:
            name = path[0]
            return lambda document: document.get(name, UNDEFINED)
        return lambda document: value_at(document, path)

    def paths(self) -> Iterator[Path]:
        yield self.path


class Compare(NamedTuple):
    """`left operator right`."""

    operator: str
    left: Expression
    right: Expression

    def bind(self, parameters: Parameters) -> Evaluate:
        left, right = self.left.bind(parameters), self.right.bind(parameters)
        compare = _COMPARISONS[self.operator]
        comparable = are_alike if self.operator == "=" else are_ordered

        def evaluate(document: Document) -> Any:
            one, other = sort_key(left(document)), sort_key(right(document))
            return compare(one[1], other[1]) if comparable(one, other) else UNDEFINED

        return evaluate

    def paths(self) -> Iterator[Path]:
        yield from self.left.paths()
        yield from self.right.paths()


class In(NamedTuple):
    """`subject IN (constants)`."""

    subject: Expression
    choices: tuple[Constant, ...]

    def bind(self, parameters: Parameters) -> Evaluate:
        subject = self.subject.bind(parameters)
        keys = {sort_key(choice.resolve(parameters)) for choice in self.choices}
        types = {key[0] for key in keys}

        def is_in(document: Document) -> Any:
            key = sort_key(subject(document))
            return key in keys if key in keys or types == {key[0]} else UNDEFINED

        return is_in

    def paths(self) -> Iterator[Path]:
        return self.subject.paths()


class And(NamedTuple):
    """True if every part is, false if one is."""

    parts: tuple[Expression, ...]

    def bind(self, parameters: Parameters) -> Evaluate:
        return _junction([part.bind(parameters) for part in self.parts], decisive=False)

    def paths(self) -> Iterator[Path]:
        return (path for part in self.parts for path in part.paths())


class Or(NamedTuple):
    """True if one part is, false if all are."""

    parts: tuple[Expression, ...]

    def bind(self, parameters: Parameters) -> Evaluate:
        return _junction([part.bind(parameters) for part in self.parts], decisive=True)

    def paths(self) -> Iterator[Path]:
        return (path for part in self.parts for path in part.paths())


def _junction(parts: list[Evaluate], *, decisive: bool) -> Evaluate:
    def evaluate(document: Document) -> Any:
        settled = True
        for part in parts:
            value = part(document)
            if value is decisive:
                return decisive
            settled = settled and isinstance(value, bool)
        return not decisive if settled else UNDEFINED

    return evaluate


class Not(NamedTuple):
    """The contrary of a boolean; of anything else UNDEFINED."""

    part: Expression

    def bind(self, parameters: Parameters) -> Evaluate:
        part = self.part.bind(parameters)

        def evaluate(document: Document) -> Any:
            value = part(document)
            return not value if isinstance(value, bool) else UNDEFINED

        return evaluate

    def paths(self) -> Iterator[Path]:
        return self.part.paths()


class Function(NamedTuple):
    """A built-in function of a property and of a number of constants."""

    constants: int
    body: Callable[..., Any]


def _starts_with(value: Any, prefix: Any) -> Any:
    return value.startswith(prefix) if isinstance(value, str) and isinstance(prefix, str) else UNDEFINED


def _array_contains(value: Any, element: Any) -> Any:
    wanted = sort_key(element)
    return any(sort_key(each) == wanted for each in value) if isinstance(value, list) else UNDEFINED


FUNCTIONS = {
    "IS_DEFINED": Function(0, lambda value: value is not UNDEFINED),
    "IS_NULL": Function(0, lambda value: value is None),
    "STARTSWITH": Function(1, _starts_with),
    "ARRAY_CONTAINS": Function(1, _array_contains),
}


class Call(NamedTuple):
    """A built-in function applied to a property."""

    name: str
    subject: Property
    constants: tuple[Constant, ...]

    def bind(self, parameters: Parameters) -> Evaluate:
        body, subject = FUNCTIONS[self.name].body, self.subject.bind(parameters)
        constants = [constant.resolve(parameters) for constant in self.constants]
        return lambda document: body(subject(document), *constants)

    def paths(self) -> Iterator[Path]:
        element = (ELEMENT,) if self.name == "ARRAY_CONTAINS" else ()
        yield (*self.subject.path, *element)
