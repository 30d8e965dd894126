"""A CSV file row by row, for the small files a person hands in; what is wrong is named by file, row and column."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import NoReturn

from functions.domain.documents import moment
from functions.domain.errors import InputError, RejectedDocument
from functions.domain.ids import is_id

TRUE, FALSE = frozenset({"true", "yes", "y", "1", "1.0"}), frozenset({"false", "no", "n", "0", "0.0", ""})
_SECONDS = re.compile(r"\d+(\.\d*)?")


class Row:
    """One row; every method raises `InputError` naming file, row and column."""

    def __init__(self, path: Path, number: int, values: dict[str, str]) -> None:
        self._path = path
        self._number = number
        self._values = values

    def fault(self, column: str, reason: str) -> NoReturn:
        """Refuse the row."""
        raise InputError(f"{self._path}, row {self._number}, {column}: {reason}")

    def text(self, column: str) -> str:
        """The value; empty where the file has no such column."""
        return self._values.get(column, "")

    def id(self, column: str, *, needed: bool = False) -> str:
        """An id that every store takes; empty where none is needed."""
        value = self.text(column)
        if (value or needed) and not is_id(value):
            self.fault(column, f"{value!r} is no id; use 1 to 64 printable characters without / \\ ? # or :")
        return value

    def number(self, column: str) -> float | None:
        """A finite number; None where it is empty."""
        value = self.text(column)
        if not value:
            return None
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            self.fault(column, f"{value!r} is not a number; write it with a decimal point, or leave it empty")
        return number

    def flag(self, column: str) -> bool:
        """True or false, as people write them; false where it is empty."""
        value = self.text(column).lower()
        if value not in TRUE | FALSE:
            self.fault(column, f"{self.text(column)!r} is neither true nor false; write one of them")
        return value in TRUE

    def time(self, column: str) -> int:
        """Seconds since the epoch, from ISO 8601 with a zone or from seconds since the epoch."""
        value = self.text(column)
        try:
            return moment(column, float(value) if _SECONDS.fullmatch(value) else value)
        except RejectedDocument as fault:
            self.fault(column, fault.reason)


def read_rows(path: Path, needed: Collection[str], optional: Collection[str] = ()) -> Iterator[Row]:
    """The rows of a CSV file with a header; columns it has besides these are passed over.

    Raises `InputError` for a file that is missing, is no CSV, or lacks a column.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file; name a CSV file with the columns {', '.join(needed)}")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = [name.strip().lower() for name in next(reader, [])]
            missing = [name for name in needed if name not in header]
            if missing:
                raise InputError(f"{path} has no column {missing[0]}; its first row must name {', '.join(needed)}")
            wanted = {name: header.index(name) for name in (*needed, *optional) if name in header}
            for number, values in enumerate(reader, 2):
                if not any(value.strip() for value in values):
                    continue
                if len(values) != len(header):
                    raise InputError(
                        f"{path}, row {number}, has {len(values)} values for {len(header)} columns; "
                        "put what contains a comma in quotes"
                    )
                yield Row(path, number, {name: values[place].strip() for name, place in wanted.items()})
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is no CSV file in UTF-8 ({error}); save it as such") from error
