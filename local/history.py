"""History files on disk as a stream of readings in time order, in bounded memory.

The files are read once into a temporary database (it takes about as much disk as the files; the folder is the system's
temporary one, TMPDIR moves it) and sorted there, so that 10 GB sorted by customer need no 10 GB of memory.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import duckdb

from functions.domain.errors import InputError
from local.chunks import Chunk, cut
from local.columns import NAMES, check_keys, not_a_time, parse_mapping, select
from local.intervals import LONGEST_INTERVAL_S, most_common, snapped
from local.sources import Source, first_line, literal, open_source, unreadable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

__all__ = ["Chunk", "History", "MeterEntry", "parse_mapping"]

LATEST_SECOND = 100_000_000_000
"""The year 5138: a file whose every time is later counts milliseconds or finer."""

BATCH_ROWS = 131_072
THREADS = 2

USABLE = "meter_id IS NOT NULL AND timestamp IS NOT NULL AND NOT (isnan(voltage_v) AND isnan(energy_kwh))"

COUNTS = """
    SELECT count(*), count(timestamp), count(*) FILTER (absent), count(*) FILTER (NOT absent AND timestamp IS NULL),
           count(*) FILTER (NOT absent AND timestamp IS NOT NULL AND meter_id IS NULL), min(timestamp)
    FROM (SELECT *, isnan(voltage_v) AND isnan(energy_kwh) AS absent FROM readings WHERE file = ?)"""

# A meter's customer and what type it is, its transformer and nominal voltage may change in the files: the latest holds.
METERS = f"""
    CREATE TABLE meters AS
    SELECT CAST(row_number() OVER (ORDER BY feeder_id, meter_id) - 1 AS INTEGER) AS meter, *
    FROM (SELECT meter_id, feeder_id, coalesce(arg_max(customer_id, timestamp), meter_id) AS customer_id,
                 coalesce(arg_max(transformer_id, timestamp), '') AS transformer_id,
                 arg_max(nominal_voltage_v, timestamp)
                     FILTER (isfinite(nominal_voltage_v) AND nominal_voltage_v > 0) AS nominal_voltage_v,
                 arg_max(customer_type, timestamp) AS customer_type,
                 mode(interval_s) FILTER (interval_s > 0) AS interval_s
          FROM readings WHERE {USABLE} GROUP BY feeder_id, meter_id)"""  # noqa: S608 - constants

SPACINGS = f"""
    SELECT DISTINCT ON (meter) meter, spacing
    FROM (SELECT meter, timestamp - lag(timestamp) OVER (PARTITION BY meter ORDER BY timestamp) AS spacing
          FROM readings JOIN meters USING (feeder_id, meter_id) WHERE {USABLE} AND meters.interval_s IS NULL)
    WHERE spacing BETWEEN 1 AND {LONGEST_INTERVAL_S}
    GROUP BY meter, spacing ORDER BY meter, count(*) DESC, spacing"""  # noqa: S608 - constants

SORTED = f"""
    SELECT meter, timestamp, voltage_v, energy_kwh FROM readings JOIN meters USING (feeder_id, meter_id)
    WHERE {USABLE} ORDER BY timestamp, meter, voltage_v, energy_kwh"""  # noqa: S608 - constants


@dataclass(frozen=True)
class MeterEntry:
    """A meter of the files; (feeder_id, meter_id) is its identity."""

    meter_id: str
    customer_id: str
    transformer_id: str
    feeder_id: str
    nominal_voltage_v: float | None
    interval_s: int
    customer_type: str | None = None
    """residential, commercial or industrial; None where the files do not say, or say something else."""


class History:
    """The readings of one or more parquet or CSV files, as a context manager.

    `mapping` gives a column of ours as a column of the files or a SQL expression over them (see `local.columns`).
    Files without a meter hold one meter each, named after the file. Every row of the files is in one of `rows` (what
    `chunks` yields), `absent` (neither voltage nor energy: the reading never came) and `unusable`.

    Raises `InputError` where the files or the mapping are at fault.
    """

    meters: tuple[MeterEntry, ...]
    """Sorted by (feeder_id, meter_id)."""
    rows: int
    absent: int
    unusable: int
    unusable_reasons: Mapping[str, int]
    """Why rows are unusable; adds up to `unusable`."""
    start: int
    end: int
    """First and last reading, seconds since the epoch, UTC."""

    def __init__(
        self, files: Sequence[Path], mapping: Mapping[str, str] = MappingProxyType({}), *, memory_limit: str = "1GB"
    ) -> None:
        if not files:
            raise InputError("no history file is given; name one or more parquet or CSV files")
        check_keys(mapping)
        self._folder = tempfile.TemporaryDirectory(prefix="metersentry-history-")
        try:
            self._con = _connect(Path(self._folder.name), memory_limit)
        except BaseException:
            self._folder.cleanup()
            raise
        try:
            self._load([Path(file) for file in files], mapping)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Drop the temporary database."""
        self._con.close()
        self._folder.cleanup()

    def chunks(self, span_s: int) -> Iterator[Chunk]:
        """Yield the readings of each span of `span_s` seconds since the epoch that has any, in time order.

        Duplicates are kept. Each call sorts anew.
        """
        if span_s < 1:
            raise ValueError(f"span_s is {span_s}; a span is a second or longer")
        with closing(self._con.cursor()) as cursor:
            try:
                batches = cursor.sql(SORTED).to_arrow_reader(BATCH_ROWS)
                yield from cut((_chunk(batch) for batch in batches), span_s)
            except duckdb.OutOfMemoryException as error:
                raise _no_room(error) from error

    def _load(self, paths: Sequence[Path], mapping: Mapping[str, str]) -> None:
        names = [mapping.get(name, name) for name in NAMES]
        sources = [open_source(self._con, path, names, number) for number, path in enumerate(paths)]
        selects = [select(self._con, source, mapping) for source in sources]
        for number, (source, statement) in enumerate(zip(sources, selects, strict=True)):
            into = "INSERT INTO readings" if number else "CREATE TABLE readings AS"
            try:
                self._ask(f"{into} SELECT CAST({number} AS INTEGER) AS file, * FROM ({statement})")  # noqa: S608 - quoted
            except duckdb.Error as error:
                raise unreadable(source.path, error) from error
        self._count(sources)
        self._refuse_mixed_meters(sources)
        self._ask(METERS)
        self.rows, self.start, self.end = self._ask(
            f"SELECT count(*), min(timestamp), max(timestamp) FROM readings WHERE {USABLE}"  # noqa: S608 - a constant
        )[0]
        self.meters = self._entries()

    def _ask(self, statement: str, *parameters: object) -> list[tuple[Any, ...]]:
        try:
            return self._con.execute(statement, parameters or None).fetchall()
        except duckdb.OutOfMemoryException as error:
            raise _no_room(error) from error

    def _count(self, sources: Sequence[Source]) -> None:
        reasons: Counter[str] = Counter()
        total = self.absent = 0
        for number, source in enumerate(sources):
            rows, timed, absent, timeless, nameless, first = self._ask(COUNTS, number)[0]
            if rows and not timed:
                raise not_a_time(source, "text or numbers that no row can be dated by")
            if first is not None and first > LATEST_SECOND:
                raise InputError(
                    f"timestamp of {source.path} is too large for seconds since the epoch ({first}); if it counts "
                    "milliseconds, use --map timestamp=COLUMN/1000"
                )
            total += rows
            self.absent += absent
            reasons.update({"no timestamp": timeless, "no meter id": nameless})
            if source.rejects:
                broken = self._ask(f"SELECT count(DISTINCT line) FROM {source.rejects}")[0][0]  # noqa: S608 - our name
                reasons["a line that is not a CSV row"] += broken
        self.unusable = sum(reasons.values())
        self.unusable_reasons = {reason: count for reason, count in reasons.items() if count}
        if total - self.absent - reasons["no timestamp"] - reasons["no meter id"] == 0:
            names = ", ".join(str(source.path) for source in sources)
            raise InputError(
                f"{names} holds no readings ({self.absent} rows without a number in voltage_v and energy_kwh, "
                f"{self.unusable} unusable); check the file and the mapping, and give numbers with a decimal comma as "
                "--map voltage_v=\"replace(Voltage, ',', '.')::DOUBLE\""
            )

    def _refuse_mixed_meters(self, sources: Sequence[Source]) -> None:
        mixed = self._ask(
            f"SELECT min(file), meter_id FROM readings WHERE {USABLE} AND named_after_file "  # noqa: S608 - a constant
            "GROUP BY feeder_id, meter_id HAVING count(*) > count(DISTINCT timestamp) ORDER BY ALL LIMIT 1"
        )
        if mixed:
            number, meter = mixed[0]
            raise InputError(
                f"{sources[number].path} has no meter_id or customer_id but several readings of one time; say which "
                f"column tells the meters apart with --map meter_id=COLUMN, or --map meter_id={literal(meter)!r} "
                "if it is one meter"
            )

    def _entries(self) -> tuple[MeterEntry, ...]:
        rows = self._ask(
            "SELECT meter_id, customer_id, transformer_id, feeder_id, nominal_voltage_v, interval_s, customer_type "
            "FROM meters ORDER BY meter"
        )
        stated = [row[-2] for row in rows]
        intervals = {meter: interval for meter, interval in enumerate(stated) if interval is not None}
        if len(intervals) < len(rows):
            intervals |= {meter: snapped(spacing) for meter, spacing in self._ask(SPACINGS)}
        usual = most_common(intervals.values())
        return tuple(
            MeterEntry(*who, interval_s=intervals.get(meter, usual), customer_type=kind)
            for meter, (*who, _, kind) in enumerate(rows)
        )


def _connect(folder: Path, memory_limit: str) -> duckdb.DuckDBPyConnection:
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory_limit,
        "temp_directory": str(folder),
        "threads": THREADS,
        "preserve_insertion_order": False,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    try:
        con = duckdb.connect(folder / "history.duckdb", config=options)
    except duckdb.Error as error:
        raise InputError(
            f"history cannot be opened with memory limit {memory_limit!r} ({first_line(error)}); give a size like 1GB"
        ) from error
    con.execute("SET TimeZone = 'UTC'").fetchall()  # a time without a zone is UTC
    return con


def _no_room(error: duckdb.Error) -> InputError:
    return InputError(
        f"there is no room left to sort the history ({first_line(error)}); raise the memory limit, or point TMPDIR to "
        "a disk with room for the files twice over"
    )


def _chunk(batch: pa.RecordBatch) -> Chunk:
    return Chunk(*(column.to_numpy() for column in batch.columns))
