"""`python -m local indices`: the table, its file, and what is said when it cannot be made."""

from __future__ import annotations

import asyncio
import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from incident_records import incident
from typer.testing import CliRunner

from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.errors import InputError
from functions.domain.interruptions import Interrupted
from functions.domain.roster_row import RosterRow
from functions.services.feeders import Feeders
from local.__main__ import app

START = 1_718_582_400
"""2024-06-17T00:00Z."""
DAY = 86_400


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A hundred customers; sixty days of small outages, then a usual day and one of storm."""
    path = tmp_path / "store.db"
    database = Database(path)
    stores = sqlite_stores(database, tmp_path)

    def outage(day: int, minutes: int, customers: int) -> object:
        start = START + day * DAY
        cost = Interrupted(sustained=customers, customer_seconds=60 * minutes * customers)
        return incident(f"d{day}", state="closed", started_at=start, restored_at=start + 60, interrupted=cost)

    async def fill() -> None:
        rows = [RosterRow(meter_id=f"M{number}", feeder_id="F", transformer_id="T1") for number in range(100)]
        await Feeders(stores.rosters).load(rows, START)
        outages = [outage(day, 10 + day % 5, 4) for day in range(-60, 1)]
        for some in (outages[:30], outages[30:], [outage(1, 600, 90)]):
            await stores.incidents.commit(await stores.incidents.board("F"), some, [], [])

    asyncio.run(fill())
    database.close()
    return f"sqlite:///{path}"


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["indices", *arguments], catch_exceptions=False, env={"COLUMNS": "120"})
    assert result.exit_code == 0, result.output
    return result.output


def test_the_table_shows_feeders_the_utility_and_the_days_left_out(store: str, tmp_path: Path) -> None:
    shown = run("--store", store, "--from", "2024-06-17", "--to", "2024-06-24", "--csv", str(tmp_path / "i" / "t.csv"))

    assert "major event days excluded" in shown
    assert "2024-06-18  540.0 min" in shown
    assert "from 60 days with interruptions" in shown
    with (tmp_path / "i" / "t.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(each["of"], each["feeder_id"], each["major_event_days"], each["saidi_min"]) for each in rows] == [
        ("utility", "", "included", "540.4"),
        ("utility", "", "excluded", "0.4"),
        ("feeder", "F", "included", "540.4"),
        ("feeder", "F", "excluded", "0.4"),
    ]


def test_planned_interruptions_are_shown_where_they_are_known_and_said_to_be_missing_where_not(
    store: str, tmp_path: Path
) -> None:
    assert "Planned interruptions are left out" in run("--store", store, "--from", "2024-06-17", "--to", "2024-06-24")

    today = datetime.now(UTC).date()
    file = tmp_path / "t.csv"
    shown = run("--store", store, "--from", str(today - timedelta(days=7)), "--csv", str(file))
    assert "planned alone" in shown
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [(each["of"], each["major_event_days"], each["planned"]) for each in csv.DictReader(lines)]
    kinds = [("included", "excluded"), ("excluded", "excluded"), ("included", "only"), ("included", "included")]
    assert rows == [(of, *each) for of in ("utility", "feeder") for each in kinds]


def test_too_little_history_is_said(store: str) -> None:
    shown = run("--store", store, "--from", "2024-04-20", "--to", "2024-04-25")
    assert "No day is judged" in shown


@pytest.mark.parametrize("arguments", [("--from", "soon"), ("--zone", "Mars"), ("--store", "sqlite:///none/there.db")])
def test_what_cannot_be_shown_is_named(store: str, arguments: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=arguments[1].rpartition("///")[2]):
        CliRunner().invoke(app, ["indices", "--store", store, *arguments], catch_exceptions=False)
