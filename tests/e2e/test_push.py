"""Push: a file sent to a hub, every reading in it, a feeder's meters on one partition."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from emulators.event_hubs.process import EventHubsBroker

FEEDERS, METERS, SLOTS = 3, 20, 60


@pytest.fixture(scope="module")
def broker() -> Iterator[EventHubsBroker]:
    with EventHubsBroker({"meter-readings": 4}) as running:
        yield running


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("push") / "readings.parquet"
    duckdb.sql(
        f"""COPY (
            SELECT 'F' || (m % {FEEDERS}) AS feeder_id, 'M' || m AS meter_id,
                1700000000 // 900 * 900 + s * 900 AS timestamp,
                240.0 + m % 3 AS voltage_v, 0.2 AS energy_kwh
            FROM range({METERS}) a(m), range({SLOTS}) b(s)
        ) TO '{path}'"""
    )
    return path


def test_every_reading_arrives_and_a_feeder_stays_on_one_partition(
    run: Callable[..., Any], broker: EventHubsBroker, history: Path
) -> None:
    done = run("push", history, "--connection", broker.connection_string)
    assert f"{METERS * SLOTS:,} readings" in done.stdout
    partitions = [part for part in broker.state()["hubs"]["meter-readings"] if part["events"]]
    assert 0 < len(partitions) <= FEEDERS
    dry = run("push", history, "--dry-run")
    (events,) = {line.split("send")[1].split()[0] for line in dry.stdout.splitlines() if "would send" in line}
    assert sum(part["events"] for part in partitions) == int(events.replace(",", ""))


def test_a_hub_that_is_away_is_one_sentence(run: Callable[..., Any], history: Path) -> None:
    with EventHubsBroker({"meter-readings": 1}) as gone:
        connection = gone.connection_string
    done = run("push", history, "--connection", connection, code=1)
    (line,) = [each for each in done.stderr.splitlines() if each.startswith("error")]
    assert "Event Hubs did not take the events" in line
    assert "push again" in line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--connection", "nonsense"], "connection string cannot be used"),
        ([], "give --dry-run, --connection STRING or --namespace NAME"),
    ],
)
def test_wrong_usage_is_named(run: Callable[..., Any], history: Path, arguments: list[str], says: str) -> None:
    assert says in run("push", history, *arguments, code=2).stderr
