"""Which column of somebody's file is which column of ours: `--map voltage_v=Voltage`, in SQL that DuckDB runs.

A mapping's value is the name of a column of the file or, failing that, a SQL expression over its columns:
`energy_kwh=p_import_w/60000`, `feeder_id='F1'`, `timestamp=datetime AT TIME ZONE 'Europe/Lisbon'`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from functions.domain.errors import InputError
from functions.domain.packs import CustomerType
from local.sources import Source, bare_name, first_line, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

COLUMNS = (
    "meter_id",
    "feeder_id",
    "timestamp",
    "voltage_v",
    "energy_kwh",
    "customer_id",
    "transformer_id",
    "nominal_voltage_v",
    "customer_type",
    "interval_s",
)
NAMES = ("meter_id", "feeder_id", "customer_id", "transformer_id")
"""Columns that are text even where they look like numbers: 00123 is not 123."""

CUSTOMER_TYPES = tuple(kind.name for kind in CustomerType if kind is not CustomerType.unknown)
NO_FEEDER = "unassigned"
CLOCK_NOISE_S = 0.002
"""Exporters write 00:14:59.999 for a quarter past; this much before a full second is the full second."""

UNSIGNED = ("UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT", "UHUGEINT")
NUMBER_TYPES = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", *UNSIGNED)
FLOAT_TYPES = ("FLOAT", "DOUBLE")
TIME_TYPES = ("TIMESTAMP", "DATE")


@dataclass(frozen=True)
class Term:
    """A value of every row: SQL, and the type DuckDB gives it."""

    sql: str
    type: str


def parse_mapping(items: Iterable[str]) -> dict[str, str]:
    """Read `["timestamp=datetime", …]`; only the first `=` counts. Raises `InputError` for a malformed item."""
    mapping: dict[str, str] = {}
    for item in items:
        key, equals, value = (part.strip() for part in item.partition("="))
        if not (key and equals and value):
            raise InputError(f"--map {item!r} is not KEY=COLUMN; write for example --map timestamp=datetime")
        if key in mapping:
            raise InputError(f"--map {key} is given twice; keep one of {mapping[key]!r} and {value!r}")
        mapping[key] = value
    check_keys(mapping)
    return mapping


def check_keys(mapping: Mapping[str, str]) -> None:
    """Raise `InputError` for a column that is not one of ours."""
    for key in mapping:
        if key not in COLUMNS:
            raise InputError(f"--map {key}=… names no column of a reading; the columns are {', '.join(COLUMNS)}")


def select(con: duckdb.DuckDBPyConnection, source: Source, mapping: Mapping[str, str]) -> str:
    """The file's rows as `COLUMNS`, in order, as one SELECT. A missing number is NaN, a missing time or name NULL.

    Raises `InputError` when the timestamp, or both voltage and energy, are missing, or a mapping does not fit the file.
    """
    terms = {key: found for key in COLUMNS if (found := _term(con, source, mapping, key)) is not None}
    if "timestamp" not in terms:
        raise InputError(
            f"{source.path} has no column timestamp but {_listed(source)}; say which one it is with --map "
            f"timestamp={_likely_time(source)}"
        )
    if "voltage_v" not in terms and "energy_kwh" not in terms:
        raise InputError(
            f"{source.path} has neither voltage_v nor energy_kwh but {_listed(source)}; say which columns they are "
            "with --map voltage_v=COLUMN or --map energy_kwh=COLUMN"
        )
    meter = terms.get("meter_id") or terms.get("customer_id")
    own_name = literal(Path(bare_name(source.path)).stem)
    return f"""
        SELECT {_text(meter) if meter else own_name} AS meter_id,
               coalesce({_text(terms.get("feeder_id"))}, '{NO_FEEDER}') AS feeder_id,
               {_epoch(source, terms["timestamp"])} AS timestamp,
               {_number(terms.get("voltage_v"))} AS voltage_v,
               {_number(terms.get("energy_kwh"))} AS energy_kwh,
               {_text(terms.get("customer_id"))} AS customer_id,
               {_text(terms.get("transformer_id"))} AS transformer_id,
               {_number(terms.get("nominal_voltage_v"))} AS nominal_voltage_v,
               {_customer_type(terms.get("customer_type"))} AS customer_type,
               {_whole(terms.get("interval_s"))} AS interval_s,
               {meter is None} AS named_after_file
        FROM {source.sql}"""  # noqa: S608 - every name in it is quoted or a person's own expression


def _term(con: duckdb.DuckDBPyConnection, source: Source, mapping: Mapping[str, str], key: str) -> Term | None:
    wanted = mapping.get(key, key)
    column = source.column(wanted)
    if column is not None:
        return Term(identifier(column), source.types[column])
    if key not in mapping:
        return None
    statement = f"DESCRIBE SELECT *, (\n{wanted}\n) FROM {source.sql}"  # noqa: S608 - a person's own expression
    try:
        described = con.execute(statement).fetchall()
    except duckdb.Error as error:
        raise _unfit(source, key, wanted, first_line(error)) from error
    if len(described) != len(source.types) + 1:
        raise _unfit(source, key, wanted, "it is more than one value")
    return Term(f"(\n{wanted}\n)", described[-1][1])


def _unfit(source: Source, key: str, wanted: str, reason: str) -> InputError:
    return InputError(
        f"--map {key}={wanted} is neither a column of {source.path} nor a SQL expression over its columns "
        f"{_listed(source)} ({reason}); a constant text needs quotes of its own, as in --map feeder_id=\"'F1'\""
    )


def _text(term: Term | None) -> str:
    if term is None:
        return "CAST(NULL AS VARCHAR)"
    sql = term.sql
    if term.type.startswith(FLOAT_TYPES):  # a column of whole numbers with gaps often arrives as floats: 17.0 is 17
        sql = f"CASE WHEN {sql} = floor({sql}) THEN CAST(TRY_CAST({sql} AS BIGINT) AS VARCHAR) END"
    return f"nullif(trim(CAST({sql} AS VARCHAR)), '')"


def _customer_type(term: Term | None) -> str:
    """A type we know, however it is written; NULL for any other, which is no reason to refuse the file."""
    told = f"lower({_text(term)})"
    return f"CASE WHEN {told} IN ({', '.join(map(literal, CUSTOMER_TYPES))}) THEN {told} END"


def _number(term: Term | None) -> str:
    return "CAST('nan' AS DOUBLE)" if term is None else f"coalesce(TRY_CAST({term.sql} AS DOUBLE), 'nan')"


def _whole(term: Term | None) -> str:
    return "CAST(NULL AS INTEGER)" if term is None else f"TRY_CAST({term.sql} AS INTEGER)"


def _epoch(source: Source, term: Term) -> str:
    if term.type.startswith(TIME_TYPES):
        seconds = f"epoch({term.sql})"
    elif term.type.startswith(NUMBER_TYPES):
        seconds = f"CAST({term.sql} AS DOUBLE)"
    elif term.type == "VARCHAR":
        seconds = f"coalesce(epoch(TRY_CAST({term.sql} AS TIMESTAMPTZ)), TRY_CAST({term.sql} AS DOUBLE))"
    else:
        raise not_a_time(source, term.type)
    return f"TRY_CAST(floor({seconds} + {CLOCK_NOISE_S}) AS BIGINT)"


def not_a_time(source: Source, held: str) -> InputError:
    """The error for a timestamp column that holds something else."""
    return InputError(
        f"timestamp of {source.path} is not a time but {held}; map it to an ISO time, to seconds since the epoch, or "
        "to an expression such as --map timestamp=\"strptime(day || ' ' || clock, '%d/%m/%Y %H:%M:%S')\""
    )


def _listed(source: Source) -> str:
    return ", ".join(source.types)


def _likely_time(source: Source) -> str:
    typed = (name for name, kind in source.types.items() if kind.startswith(TIME_TYPES))
    named = (name for name in source.types if "time" in name.lower() or "date" in name.lower())
    return next(typed, None) or next(named, None) or "COLUMN"
