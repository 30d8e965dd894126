"""The expectations service: learns from the store's outages once, whoever else does, and answers from memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import pytest
from incident_records import incident

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.application import Application
from functions.domain.board import Board, OpenIncident
from functions.domain.errors import Conflict, TransientFault
from functions.domain.incidents import Incident, IncidentKind
from functions.domain.restoration_features import FEATURES
from functions.domain.restoration_learning import Crowd, Learnt
from functions.domain.topology import FeederMap
from functions.ports import Stores
from functions.services.expectations import CACHED_S, LEARN_S, PAGE, ExpectationService

NOW = 1_700_000_000
HOUR = 3_600
BOARD, FEEDER = Board(feeder_id="F"), FeederMap("F")


class Model:
    def __init__(self) -> None:
        self.asked: list[np.ndarray] = []

    def __call__(self, features: np.ndarray) -> np.ndarray:
        self.asked.append(features)
        return np.log(np.tile(np.array([0.5, 1, 2, 4], np.float32), (len(features), 1)))


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stores]:
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


def service(stores: Stores, clock: SetClock, zone: str = "UTC", model: Model | None = None) -> ExpectationService:
    return ExpectationService(stores.expectations, stores.incidents, model or Model(), zone, clock)


def outage(name: str = "A", revision: int = 1, **fields: object) -> Incident:
    usual = {"state": "confirmed", "started_at": NOW - 600, "confirmed_at": NOW - 60, "updated_at": NOW - 60,
             "substation_id": "S", "restoration_quantiles": (0.5, 1.0, 2.0, 4.0)}  # fmt: skip
    return incident(name, revision, **(usual | fields))


def over(name: str = "A", end: int = NOW + 60, **fields: object) -> Incident:
    return outage(name, 2, state="closed", restored_at=end, updated_at=end + 900, **fields)


async def put(stores: Stores, *incidents: Incident) -> None:
    by_feeder: dict[str, list[Incident]] = {}
    for each in incidents:
        by_feeder.setdefault(each.feeder_id, []).append(each)
    for feeder_id, some in by_feeder.items():
        await stores.incidents.commit(await stores.incidents.board(feeder_id), some, [], [])


async def test_an_outage_teaches_when_it_has_ended_and_only_once(stores: Stores, clock: SetClock) -> None:
    learning = service(stores, clock)
    await put(stores, outage())
    assert await learning.learn()
    assert (await stores.expectations.read()).crowds == {"S": Crowd(1, 1, 0)}
    await put(stores, over())
    for _ in range(3):
        clock.set(clock.now() + LEARN_S)
        assert await learning.learn()
    known = await stores.expectations.read()
    assert known.levels.lasted[False].samples == 1
    assert known.calibration.shifts[:4] == pytest.approx((-0.0045, -0.0025, -0.001, -0.0005))


async def test_it_is_done_every_five_minutes_by_whoever_comes_first(stores: Stores, clock: SetClock) -> None:
    one, other = service(stores, clock), service(stores, clock)
    assert [await one.learn(), await other.learn(), await one.learn()] == [True, False, False]
    clock.set(NOW + LEARN_S)
    assert [await other.learn(), await one.learn()] == [True, False]


async def test_of_two_at_once_one_learns(stores: Stores, clock: SetClock) -> None:
    await put(stores, outage())
    await service(stores, clock).learn()
    await put(stores, over())
    clock.set(NOW + LEARN_S)
    page = stores.incidents.page

    class Slow:
        """Both have read the document before either writes it."""

        head = stores.incidents.head

        async def page(self, *values: object) -> list[Incident]:
            await asyncio.sleep(0.01)
            return await page(*values)

    both = [service(stores._replace(incidents=Slow()), clock) for _ in range(2)]
    assert sorted(await asyncio.gather(*(each.learn() for each in both))) == [False, True]
    assert (await stores.expectations.read()).levels.lasted[False].samples == 1


async def test_a_look_that_could_not_be_written_is_made_again_whole(stores: Stores, clock: SetClock) -> None:
    class Failing:
        read = stores.expectations.read

        def __init__(self, *faults: Exception) -> None:
            self.faults = list(faults)

        async def write(self, learnt: Learnt) -> str:
            if self.faults:
                raise self.faults.pop()
            return await stores.expectations.write(learnt)

    await put(stores, outage())
    await service(stores, clock).learn()
    await put(stores, over())
    clock.set(NOW + LEARN_S)
    learning = service(stores._replace(expectations=Failing(Conflict("taken"), TransientFault("busy"))), clock)
    with pytest.raises(TransientFault):
        await learning.learn()
    assert [await learning.learn(), await learning.learn()] == [False, True]
    assert (await stores.expectations.read()).levels.lasted[False].samples == 1


async def test_more_open_incidents_than_a_page_has_are_all_counted(stores: Stores, clock: SetClock) -> None:
    await put(stores, *(outage(f"{nth}") for nth in range(PAGE + 5)), outage("V", kind="voltage"))
    await put(stores, outage("P", feeder_id="substation:S", device_kind="substation", device_id="S"))
    await service(stores, clock).learn()
    known = await stores.expectations.read()
    assert (known.crowd.open, len(known.following)) == (PAGE + 5, PAGE + 5)


async def test_it_answers_from_what_it_read_some_minutes_ago(stores: Stores, clock: SetClock) -> None:
    reads, read = [], stores.expectations.read

    class Counted:
        async def read(self) -> Learnt:
            reads.append(clock.now())
            return await read()

    expecting = service(stores._replace(expectations=Counted()), clock)
    for seconds in (0, 60, CACHED_S - 1, CACHED_S, CACHED_S + 60):
        assert await expecting.over(BOARD, FEEDER, NOW + seconds) is not None
    assert len(reads) == 2


async def test_it_knows_the_other_outages_of_the_feeder(stores: Stores, clock: SetClock) -> None:
    others = [OpenIncident(incident_id=f"inc:{name}", kind=IncidentKind.outage, confirmed_at=NOW) for name in "BC"]
    model = Model()
    estimate = await service(stores, clock, model=model).over(Board(feeder_id="F", incidents=others), FEEDER, NOW)
    assert estimate is not None
    estimate(outage(), NOW)
    assert model.asked[0][0, FEATURES.index("circuit_open")] == pytest.approx(np.log1p(2))


async def test_what_was_learnt_shifts_the_answers_of_every_process(stores: Stores, clock: SetClock) -> None:
    late = [msgspec.structs.replace(outage(f"{nth}"), started_at=NOW - 700) for nth in range(60)]
    await put(stores, *late)
    learning, elsewhere = service(stores, clock), service(stores, clock)
    estimate = await elsewhere.over(BOARD, FEEDER, NOW)
    assert estimate is not None
    before = estimate(outage(), NOW)
    await learning.learn()
    clock.set(NOW + 3 * HOUR)
    await learning.learn()
    after = await elsewhere.over(BOARD, FEEDER, NOW + 3 * HOUR)
    assert after is not None
    assert after(outage(), NOW).quantiles[2] > 1.2 * before.quantiles[2]


@pytest.mark.parametrize(("zone", "hour"), [("UTC", None), ("America/New_York", 17.22), ("Asia/Kathmandu", 3.97)])
async def test_hours_are_those_of_the_utility_where_it_has_said_where_it_is(
    stores: Stores, clock: SetClock, zone: str, hour: float | None
) -> None:
    model = Model()
    estimate = await service(stores, clock, zone, model).over(BOARD, FEEDER, NOW)
    assert estimate is not None
    estimate(outage(), NOW)
    found = float(model.asked[0][0, FEATURES.index("hour")])
    assert np.isnan(found) if hour is None else found == pytest.approx(hour, abs=0.01)


async def test_without_a_model_nothing_is_expected_and_nothing_learnt(stores: Stores, clock: SetClock) -> None:
    nothing = ExpectationService(stores.expectations, stores.incidents, None, "UTC", clock)
    assert await nothing.over(BOARD, FEEDER, NOW) is None
    assert not await nothing.learn()
    assert await stores.expectations.read() == Learnt()


async def test_the_timer_lets_it_learn(application: Application) -> None:
    learnt = []

    class Learning:
        async def learn(self) -> None:
            learnt.append(True)

    application.advancing._expectations = Learning()
    await application.advancing.advance()
    assert learnt == [True]
