"""An outage over the embedded host: its estimate follows every fact, and so do its customers."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import azure.functions as func
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
from functions.domain.features import FEATURES as READING_FEATURES
from functions.domain.incidents import Incident
from functions.domain.restoration_features import FEATURES
from functions.domain.roster_row import RosterRow
from functions.settings import Settings
from functions.triggers import register
from local.host import EmbeddedHost

START = 1_718_625_600
"""2024-06-17T12:00Z, a Monday: nobody sleeps."""
MINUTE, HOUR = 60, 3_600
CLAIMS = [{"typ": "roles", "val": "operator"}, {"typ": "oid", "val": "p1"}]
OPERATOR = base64.b64encode(json.dumps({"claims": CLAIMS}).encode()).decode()


def silent(features: np.ndarray, *_: np.ndarray) -> Scores:
    return Scores(np.zeros(len(features), np.float32), np.zeros((len(features), len(READING_FEATURES)), np.float32))


def model(features: np.ndarray) -> np.ndarray:
    """Seven hours; four once a crew is on the way, two with it on site, ten if equipment has failed."""

    def known(name: str) -> np.ndarray:
        return features[:, FEATURES.index(name)] == 1

    hours = np.where(known("crew_on_site"), 2.0, np.where(known("crew_en_route"), 4.0, 7.0))
    hours = np.where(known("cause_equipment"), 10.0, hours)
    return np.log(hours[:, None] * np.array([0.3, 0.6, 1.0, 1.5])).astype(np.float32)


class Silence:
    def batch(self, report: object) -> None:
        pass

    def messages(self, report: object) -> None:
        pass

    def incidents(self, revisions: object) -> None:
        pass

    def dead_letter(self, source: str) -> None:
        pass


class House:
    """Four meters behind one transformer, the product around them, and its clock."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.clock, self.database, self._file = SetClock(START), database, folder / "notifications.jsonl"
        self.application = Application.build(
            Settings(output=folder, platform_authentication=True),
            sqlite_stores(database, folder),
            score=silent,
            prior=prior(),
            notifiers={"console": JsonLinesNotifier(self._file)},
            plans=PhoneNumbers(),
            telemetry=Silence(),
            clock=self.clock,
            restoration=model,
        )
        self.host = EmbeddedHost(register(func.FunctionApp(), lambda: self.application), database, self.clock)

    async def open(self) -> House:
        meters = [f"M{number}" for number in range(4)]
        rows = [
            RosterRow(meter_id=each, feeder_id="F", customer_id=f"C-{each}", transformer_id="T", interval_s=900,
                      nominal_voltage_v=240.0, substation_id="S") for each in meters
        ]  # fmt: skip
        await self.application.feeders.load(rows, START)
        columns = {"meter_id": meters, "timestamp": [START - 900] * 4, "voltage_v": [240.0] * 4}
        await self._deliver({"feeder_id": "F", "interval_s": 900, "readings": {**columns, "energy_kwh": [0.1] * 4}})
        return self

    async def say(self, code: str, at: int) -> None:
        """Every meter says something of a moment, and the clock goes there."""
        self.clock.set(at)
        events = [{"meter_id": f"M{number}", "timestamp": at, "code": code} for number in range(4)]
        await self._deliver({"feeder_id": "F", "end_device_events": events})

    async def _deliver(self, body: dict[str, object]) -> None:
        await self.host.deliver("0", [json.dumps(body).encode()])
        await self.host.settle()

    async def read(self, meter: str, volts: float, at: int) -> None:
        """A meter's reading comes."""
        columns = {"meter_id": [meter], "timestamp": [at], "voltage_v": [volts], "energy_kwh": [0.0]}
        await self._deliver({"feeder_id": "F", "interval_s": 900, "readings": columns})

    async def wait(self, until: int) -> None:
        """Minutes pass."""
        while self.clock.now() < until:
            self.clock.set(min(self.clock.now() + MINUTE, until))
            await self.host.run_timers()
            await self.host.settle()

    async def post(self, **facts: object) -> Incident:
        """Tell a fact over HTTP; returns the revision that answers."""
        incident = await self.incident()
        request = func.HttpRequest(
            "POST",
            f"http://127.0.0.1/api/incidents/{incident.incident_id}/facts",
            headers={"X-MS-CLIENT-PRINCIPAL": OPERATOR, "Content-Type": "application/json"},
            body=json.dumps(facts).encode(),
        )
        answer = await self.host.request(request)
        assert answer.status_code == 200, answer.get_body()
        await self.host.settle()
        return await self.incident()

    async def incident(self) -> Incident:
        (incident,) = await self.application.stores.incidents.latest(state=None, feeder_id="F", limit=10)
        return incident

    async def history(self) -> list[Incident]:
        return await self.application.stores.incidents.history("F", (await self.incident()).incident_id)

    def told(self, customer: str = "C-M0") -> list[str]:
        """What one customer was told, without the reference."""
        if not self._file.exists():
            return []
        lines = [json.loads(line) for line in self._file.read_text(encoding="utf-8").splitlines()]
        return [line["body"].partition(" Ref")[0] for line in lines if line["customer_id"] == customer]

    async def redeliver(self) -> None:
        """Everything the change feeds have brought comes again."""
        with self.database.transaction() as connection:
            again = connection.execute(
                "INSERT INTO feed (container, type, body) SELECT container, type, body FROM documents WHERE"
                " container = 'anomalies' OR (container = 'incidents' AND type IN ('incident', 'intent'))"
            ).rowcount
        assert again > 0
        await self.host.settle()


@pytest.fixture
def database() -> Iterator[Database]:
    with closing(Database(":memory:")) as opened:
        yield opened


@pytest.fixture
async def house(database: Database, tmp_path: Path) -> House:
    return await House(database, tmp_path).open()


def in_hours(incident: Incident, now: int) -> float:
    """How far ahead power is expected back."""
    assert incident.restoration_estimate is not None
    return (incident.restoration_estimate - now) / HOUR


async def test_every_fact_makes_a_new_estimate(house: House) -> None:
    await house.say("last_gasp", START + 60)
    await house.wait(START + 10 * MINUTE)
    assert 7 <= in_hours(await house.incident(), house.clock.now()) <= 8
    for field, said, hours in (
        ("crew_status", "en route", 4),
        ("crew_status", "on site", 2),
        ("cause", "equipment", 10),
    ):
        revision = await house.post(**{field: said})
        assert hours <= in_hours(revision, house.clock.now()) <= hours + 1, said
    assert revision.restoration_quantiles == pytest.approx((3, 6, 10, 15))


async def test_an_hour_makes_a_new_estimate(house: House) -> None:
    await house.say("last_gasp", START + 60)
    await house.wait(START + 4 * HOUR)
    hourly = [each for each in await house.history() if each.confirmed_at is not None]
    gaps = np.diff([each.updated_at for each in hourly])
    assert max(gaps) <= HOUR + MINUTE
    assert 4 <= len(hourly) <= 10
    assert in_hours(hourly[-1], START + 4 * HOUR) >= 6


async def test_the_utility_s_own_estimate_reaches_every_customer_once(house: House) -> None:
    await house.say("last_gasp", START + 60)
    await house.wait(START + 10 * MINUTE)
    for hour in (17, 17, 19):
        await house.post(utility_estimate=datetime(2024, 6, 17, hour, tzinfo=UTC).isoformat())
        await house.wait(house.clock.now() + MINUTE)
    await house.redeliver()
    expected = [
        "The power has been out at your address since 12:01 pm. We expect it back by about 8 pm.",
        "We now expect the power at your address back by about 5 pm.",
        "We now expect the power at your address back by about 7 pm.",
    ]
    assert [house.told(f"C-M{number}") for number in range(4)] == [expected] * 4


async def test_a_computed_estimate_that_moves_reaches_customers_and_its_end_as_well(house: House) -> None:
    await house.say("last_gasp", START + 60)
    await house.wait(START + 10 * MINUTE)
    await house.post(crew_status="on site")
    await house.wait(START + 90 * MINUTE)
    await house.say("power_restored", START + 90 * MINUTE + 30)
    await house.wait(START + 3 * HOUR)
    await house.redeliver()
    first, *changes, last = house.told()
    assert first.endswith("We expect it back by about 8 pm.")
    assert changes == ["We now expect the power at your address back by about 2:30 pm."]
    assert last.startswith("The power has been back at your address since 1:30 pm.")


async def test_what_it_has_shown_is_learnt_once(house: House) -> None:
    await house.say("last_gasp", START + 60)
    await house.wait(START + 2 * HOUR)
    learnt = await house.application.stores.expectations.read()
    assert (learnt.crowd.open, len(learnt.following)) == (1, 1)
    await house.say("power_restored", START + 2 * HOUR + 30)
    await house.wait(START + 3 * HOUR)
    await house.redeliver()
    await house.wait(START + 4 * HOUR)
    learnt = await house.application.stores.expectations.read()
    assert learnt.levels.lasted[False].samples == 1
    assert learnt.levels.lasted[False].mean == pytest.approx(np.log(2), abs=0.02)
    assert learnt.calibration.shifts[:4] == pytest.approx((-0.0045, -0.0025, -0.001, -0.0005))


async def test_a_meter_that_moves_to_another_feeder_in_an_outage_tells_nobody_that_power_is_back(house: House) -> None:
    await house.say("last_gasp", START + 60)
    await house.wait(START + HOUR)
    gone = RosterRow(meter_id="M0", feeder_id="F", retired=True)
    await house.application.feeders.load([gone], house.clock.now())
    await house.read("M3", 0.0, START + 2_700)
    await house.wait(START + 3 * HOUR)
    assert not any("back" in words.partition("expect")[0] for words in house.told("C-M0"))
