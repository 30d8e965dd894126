"""The product on SQLite in memory, with a model that finds nothing, so that only the rules speak, and a set clock."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np
import pytest
from priors import prior

from functions.adapters.clocks import SetClock
from functions.adapters.json_lines import JsonLinesNotifier
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.application import Application
from functions.domain.detection import Scores
from functions.domain.features import FEATURES
from functions.domain.incidents import Incident
from functions.domain.message_report import MessageReport
from functions.domain.outcomes import BatchReport, Tally
from functions.domain.roster_row import RosterRow
from functions.settings import Settings

START = 1_718_582_400
"""2024-06-17T00:00Z."""
INTERVAL_S = 900


class Reports:
    """A `Telemetry` that keeps every report."""

    def __init__(self) -> None:
        self.batches: list[BatchReport] = []
        self.told: list[MessageReport] = []
        self.revisions: list[Incident] = []
        self.dead_letters: list[str] = []

    def batch(self, report: BatchReport) -> None:
        self.batches.append(report)

    def messages(self, report: MessageReport) -> None:
        self.told.append(report)

    def incidents(self, revisions: Sequence[Incident]) -> None:
        self.revisions += revisions

    def dead_letter(self, source: str) -> None:
        self.dead_letters.append(source)

    @property
    def outcomes(self) -> dict[str, int]:
        total = Tally()
        for report in self.batches:
            total.merge(report.tally)
        return {name: count for name, count in total.as_dict().items() if count}


def silent(features: np.ndarray, *_: np.ndarray) -> Scores:
    return Scores(np.zeros(len(features), np.float32), np.zeros((len(features), len(FEATURES)), np.float32))


PRIOR = prior()


@pytest.fixture
def database() -> Iterator[Database]:
    with closing(Database(":memory:")) as opened:
        yield opened


@pytest.fixture
def clock() -> SetClock:
    return SetClock(START)


@pytest.fixture
def reports() -> Reports:
    return Reports()


@pytest.fixture
def application(database: Database, clock: SetClock, reports: Reports, tmp_path: Path) -> Application:
    return Application.build(
        Settings(output=tmp_path, platform_authentication=True),
        sqlite_stores(database, tmp_path),
        score=silent,
        prior=PRIOR,
        notifiers={"console": JsonLinesNotifier(tmp_path / "notifications.jsonl")},
        plans=PhoneNumbers(),
        telemetry=reports,
        clock=clock,
    )


@pytest.fixture
def roster_rows() -> list[RosterRow]:
    """Three meters behind one transformer of feeder F; M1 and M2 are one customer's."""
    return [
        RosterRow(
            meter_id=f"M{number}",
            feeder_id="F",
            customer_id="C1" if number < 3 else "C3",
            transformer_id="T1",
            nominal_voltage_v=240.0,
            interval_s=INTERVAL_S,
        )
        for number in (1, 2, 3)
    ]


@pytest.fixture
def body() -> Callable[..., bytes]:
    """An event body of feeder F: the same voltage for some meters, `slot` intervals after the start."""

    def of(volts: float, *meters: str, slot: int = 0, feeder: str = "F") -> bytes:
        readings = [
            {"meter_id": meter, "timestamp": START + slot * INTERVAL_S, "voltage_v": volts, "energy_kwh": 0.25}
            for meter in meters or ("M1", "M2", "M3")
        ]
        return msgspec.json.encode({"feeder_id": feeder, "interval_s": INTERVAL_S, "readings": readings})

    return of
