"""A parquet or CSV file as a table DuckDB reads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from functions.domain.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

CSV_SUFFIXES = (".csv", ".tsv", ".txt")
COMPRESSION_SUFFIXES = (".gz", ".zst")
PARQUET_MAGIC = b"PAR1"


@dataclass(frozen=True)
class Source:
    """One file: how DuckDB reads it (`sql` goes after FROM) and what it holds (column → type, in its order)."""

    path: Path
    sql: str
    types: Mapping[str, str]
    rejects: str | None = None
    """The table that receives the lines of a CSV file that are no rows."""

    def column(self, name: str) -> str | None:
        """The file's own spelling of a column: exact first, then in any case."""
        if name in self.types:
            return name
        return next((own for own in self.types if own.lower() == name.lower()), None)


def open_source(con: duckdb.DuckDBPyConnection, path: Path, text_columns: Collection[str], number: int) -> Source:
    """Look at a file's kind and columns; a CSV file's `text_columns` stay text even if they look like numbers.

    Raises `InputError` if the file is missing or cannot be read.
    """
    if not path.is_file():
        raise InputError(f"{path} is not a file; name one or more parquet or CSV files")
    if kind_of(path) == "parquet":
        reader = f"read_parquet({literal(escaped(path))})"
        return Source(path, reader, _types(con, path, reader))
    rejects = f"rejects_{number}"
    reader = (
        f"read_csv({literal(escaped(path))}, header = true, sample_size = -1, ignore_errors = true, "
        f"store_rejects = true, rejects_table = '{rejects}', rejects_scan = 'scans_{number}'"
    )
    source = Source(path, f"{reader})", _types(con, path, f"{reader})"), rejects)
    names = sorted({name for wanted in text_columns if (name := source.column(wanted)) is not None})
    if not names:
        return source
    as_text = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    reader += f", types = {{{as_text}}})"
    return Source(path, reader, _types(con, path, reader), rejects)


def kind_of(path: Path) -> str:
    """Tell parquet from CSV by the first bytes and the suffix."""
    with path.open("rb") as file:
        magic = file.read(len(PARQUET_MAGIC))
    if magic == PARQUET_MAGIC:
        return "parquet"
    if Path(bare_name(path)).suffix.lower() in CSV_SUFFIXES:
        return "csv"
    raise InputError(
        f"{path} is neither parquet nor CSV; hand in a parquet file or a text file ending in {', '.join(CSV_SUFFIXES)}"
    )


def bare_name(path: Path) -> str:
    """The file's name without the suffix of its compression."""
    return path.stem if path.suffix.lower() in COMPRESSION_SUFFIXES else path.name


def _types(con: duckdb.DuckDBPyConnection, path: Path, reader: str) -> dict[str, str]:
    try:
        rows = con.execute(f"DESCRIBE SELECT * FROM {reader}").fetchall()  # noqa: S608 - the path is quoted
    except duckdb.Error as error:
        raise unreadable(path, error) from error
    return {row[0]: row[1] for row in rows}


def unreadable(path: Path, error: duckdb.Error) -> InputError:
    """The error for a file that DuckDB gives up on."""
    return InputError(f"{path} cannot be read ({first_line(error)}); hand in a whole parquet or CSV file")


def first_line(error: duckdb.Error) -> str:
    """What DuckDB found wrong, without its hints and drawings."""
    return str(error).strip().splitlines()[0].rstrip(".!") if str(error).strip() else type(error).__name__


def literal(text: str) -> str:
    """Quote a text for SQL."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Quote a column's name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def escaped(path: Path) -> str:
    """A path that DuckDB takes as it stands, not as a pattern."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in str(path))
