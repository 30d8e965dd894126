"""Records of outages from a file, and what the utility published about each while it lasted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from functions.domain.errors import InputError
from functions.domain.restoration_words import Cause, cause_of, crew_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Integers = NDArray[np.int64]

EVENT_COLUMNS = (
    *("id", "start", "first_seen", "gone", "end_est", "end_gap_min", "reappear", "etor_first"),
    *("cause_first", "cause_last", "status_first", "cust_first", "lat", "lon"),
)
UPDATE_COLUMNS = ("id", "start", "ct", "etor", "cause", "status", "cust")
WORDS = ("cause_first", "cause_last", "status_first", "cause", "status")
SAFETY_SHUTOFF = ("psps", "safety")
"""Public safety power shutoffs last as long as the weather: they are neither trained on nor measured."""
NUMERIC = ("int", "integer", "float", "double", "decimal")
"""Ends of the names of duckdb's types of numbers, signed or not."""
LONGEST_GAP_MIN = 65
EARLIEST_S, LATEST_S = -300, 7_200
"""First sight after the start: earlier is a clock gone wrong, later hides too much of the outage."""
NOT_TOLD = 0
MIXED = np.iinfo(np.int64).max


@dataclass(frozen=True)
class Updates:
    """What was published, in the order of (event, moment); `[m]`. Estimates and customers are 0 where not told."""

    event: Integers
    moment: Integers
    estimate: Integers
    cause: Integers
    crew: Integers
    customers: Integers


@dataclass(frozen=True)
class Events:
    """Outages `[n]` in the order of first sight; times are seconds since the epoch, UTC."""

    id: Integers
    start: Integers
    first_seen: Integers
    gone: Integers
    """When the outage was first missing from the map: its end is known from then on."""
    end: Integers
    estimate: Integers
    """First published; 0 where none was."""
    planned: NDArray[np.bool_]
    safety: NDArray[np.bool_]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    counts: NDArray[np.bool_]
    """Trained on and measured: everything the page on restoration asks of an outage."""
    teaches: NDArray[np.bool_]
    """As `counts`, by what is known when it is gone: an id that is opened again later still teaches."""
    updates: Updates


def read_events(path: Path, updates: Path | None = None) -> Events:
    """Outages of a parquet or CSV file; without `updates`, only what was published first is known of each.

    Raises
    ------
    InputError
        A file is missing, unreadable or lacks a column, or holds no outage.
    """
    with duckdb.connect() as db:
        _open(db, "events", path, EVENT_COLUMNS)
        db.execute("create table event as select row_number() over (order by first_seen, id, start) - 1 as nth, * "
                   "from events where start is not null and first_seen is not null")  # fmt: skip
        if updates is not None:
            _open(db, "published", updates, UPDATE_COLUMNS)
            query = (
                "select nth, ct, etor, cause, status, cust from published join event using (id, start) "
                "where ct >= first_seen order by nth, ct"
            )
        else:
            query = "select nth, first_seen, etor_first, cause_first, status_first, cust_first from event order by nth"
        columns = db.execute(f"select {', '.join(EVENT_COLUMNS)} from event order by nth").fetchnumpy()  # noqa: S608
        rows = db.execute(query).fetchnumpy()
    if not len(columns["id"]):
        raise InputError(f"{path} holds no outage with a start and a first sight; give a file with outages")
    if not len(rows["nth"]):
        raise InputError(f"{updates} has no row for an outage of {path}; give the updates of these outages")
    return _events(columns, _updates(*rows.values()))


def _open(db: duckdb.DuckDBPyConnection, name: str, path: Path, wanted: tuple[str, ...]) -> None:
    if not path.exists():
        raise InputError(f"{path} does not exist; give a parquet or CSV file with the columns {', '.join(wanted)}")
    try:
        relation = db.read_csv(str(path)) if path.suffix == ".csv" else db.read_parquet(str(path))
    except duckdb.Error as error:
        raise InputError(f"{path} is not a parquet or CSV file that can be read; write it anew ({error})") from error
    missing = [column for column in wanted if column not in relation.columns]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; name the columns as in docs/restoration.md")
    for column, kind in zip(relation.columns, relation.types, strict=True):
        if column in wanted and column not in WORDS and not kind.id.endswith(NUMERIC):
            raise InputError(
                f"{path} has {kind} in column {column}; give whole numbers, and times as seconds since 1970"
            )
    relation.create_view(name)


def _events(columns: dict[str, NDArray], updates: Updates) -> Events:
    number = {name: _whole(columns[name]) for name in ("id", "start", "first_seen", "gone", "end_est", "etor_first")}
    start, seen = number["start"], number["first_seen"]
    causes = _text(columns["cause_first"]), _text(columns["cause_last"])
    safety = np.array([any(word in f"{first} {last}".lower() for word in SAFETY_SHUTOFF)
                       for first, last in zip(*causes, strict=True)])  # fmt: skip
    gap = np.ma.filled(columns["end_gap_min"].astype(np.float64), np.inf)
    sound = ~safety & (_whole(columns["reappear"]) == 0) & (gap <= LONGEST_GAP_MIN)
    sound &= (number["etor_first"] > seen) & (seen - start >= EARLIEST_S) & (seen - start <= LATEST_S)
    sound &= (number["end_est"] > seen) & (number["gone"] > seen)
    again = _seen_again(number["id"], seen)
    return Events(
        **{name: number[name] for name in ("id", "start", "first_seen", "gone")},
        end=number["end_est"],
        estimate=number["etor_first"],
        planned=_codes(causes[0], cause_of) == Cause.planned,
        safety=safety,
        lat=np.ma.filled(columns["lat"].astype(np.float64), np.nan),
        lon=np.ma.filled(columns["lon"].astype(np.float64), np.nan),
        counts=sound & (again == MIXED),
        teaches=sound & (again > number["gone"]),
        updates=updates,
    )


def _seen_again(ids: Integers, seen: Integers) -> Integers:
    """First sight of the first other outage under the same id `[n]`; `MIXED` where the id occurs once."""
    order = np.lexsort((seen, ids))
    first = np.concatenate(([True], np.diff(ids[order]) != 0))
    run = np.cumsum(first) - 1
    begin = np.flatnonzero(first)
    size = np.diff(np.append(begin, len(ids)))
    second = np.where(size > 1, seen[order][np.minimum(begin + 1, len(ids) - 1)], MIXED)
    result = np.empty(len(ids), np.int64)
    result[order] = np.where(first, second[run], seen[order][begin][run])
    return result


def _updates(event: NDArray, moment: NDArray, estimate: NDArray, cause: NDArray, status: NDArray,
             customers: NDArray) -> Updates:  # fmt: skip
    return Updates(
        *(_whole(each) for each in (event, moment, estimate)),
        cause=_codes(_text(cause), cause_of),
        crew=_codes(_text(status), crew_of),
        customers=_whole(customers),
    )


def _whole(values: NDArray) -> Integers:
    return np.ma.filled(values, NOT_TOLD).astype(np.int64)


def _text(values: NDArray) -> NDArray:
    filled = np.asarray(np.ma.filled(values.astype(object), ""), object)
    return np.array(["" if each is None else str(each) for each in filled], object)


def _codes(words: NDArray, meaning: object) -> Integers:
    return np.array([meaning(each) for each in words], np.int64)
