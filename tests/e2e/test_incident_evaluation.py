"""The evaluation of context and incidents: a small month through every desk, and the page made of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from functions.domain.errors import InputError
from local.incident_evaluation.desks import EVERYTHING, INCIDENTS, Knowledge
from local.incident_evaluation.figures import Evaluation, SeedFigures
from local.incident_evaluation.measuring import Measure
from local.incident_evaluation.outcome import Outcome, outcome_of
from local.incident_evaluation.page import BEGIN, tables, write_page
from local.incident_evaluation.storm import time_storms
from local.incident_evaluation.watching import Watched, watch
from simulator.mix import evaluation_mix

DESKS = (INCIDENTS, Knowledge("planned work", orders=True), EVERYTHING)
Seed = tuple[Watched, list[Outcome], SeedFigures]


@pytest.fixture(scope="module")
def seed(tmp_path_factory: pytest.TempPathFactory) -> Seed:
    return asyncio.run(_seed(tmp_path_factory.mktemp("seed")))


async def _seed(out: Path) -> Seed:
    done: list[int] = []
    watched = await watch(evaluation_mix(200, 3, seed=4), DESKS, out, done.append)
    outcomes = [await outcome_of(desk) for desk in watched.desks]
    for desk in watched.desks:
        desk.close()
    assert done == list(range(1, 3 * 96 + 1))
    return watched, outcomes, Measure(watched).figures(outcomes)


def test_without_context_every_anomaly_is_an_alarm(seed: Seed) -> None:
    watched, _, figures = seed
    assert figures.without.raised == len(watched.anomalies) > 100
    assert 0 < figures.without.false < figures.without.raised
    assert figures.without.outages_found <= figures.outages
    shown, all_of_them = figures.desks[-1].faults_found, figures.without.faults_found
    assert all(0 < shown[sort] <= all_of_them[sort] for sort in ("voltage", "metering"))


def test_each_desk_is_told_what_it_is_told_and_no_more(seed: Seed) -> None:
    _, _, figures = seed
    incidents, planned, everything = figures.desks
    assert [desk.desk for desk in figures.desks] == [each.name for each in DESKS]
    assert figures.without.false_by_cause["planned"] >= incidents.false_by_cause["planned"]
    assert incidents.false_by_cause["planned"] > planned.false_by_cause["planned"]
    assert planned.false_by_cause["planned"] >= everything.false_by_cause["planned"]
    assert all(desk.false <= desk.raised <= figures.without.raised for desk in figures.desks)


def test_outages_found_are_placed_and_counted(seed: Seed) -> None:
    _, _, figures = seed
    assert sum(line.outages for line in figures.placing) <= figures.outages
    assert all(line.placed <= line.found <= line.outages for line in figures.placing)
    assert len(figures.pieces) >= sum(line.found for line in figures.placing if line.device_kind != "substation")
    assert max(figures.pieces) == 1
    assert sum(line.placed for line in figures.placing) > 0
    assert len(figures.customers_ratio) == sum(line.found for line in figures.placing)
    assert all(waited >= 0 for waited in (*figures.confirmed_s_with_gasp, *figures.confirmed_s_without))


def test_every_anomaly_of_an_incident_is_one_that_was_raised(seed: Seed) -> None:
    watched, outcomes, _ = seed
    known = {each.anomaly_id for each in watched.anomalies}
    for outcome in outcomes:
        assert outcome.incidents_of.keys() <= known
        assert outcome.raised_at.keys() == outcome.incidents_of.keys()
        assert {each for some in outcome.incidents_of.values() for each in some} <= outcome.history.keys()


def test_messages_are_counted_by_customer(seed: Seed) -> None:
    _, outcomes, figures = seed
    sent = outcomes[-1].sent
    assert figures.messages.sent == len(sent) > 0
    assert figures.messages.customers == len({each.customer_id for each in sent})
    assert len({each.key for each in sent}) == len(sent)


def test_the_page_has_every_figure(seed: Seed, tmp_path: Path) -> None:
    storm = asyncio.run(time_storms(lambda _: None, sizes=(100, 200)))
    assert storm.anomalies == (100, 200)
    assert all(seconds > 0 for seconds in storm.seconds)
    found = Evaluation(date="2024-06-17", machine="a machine", seeds=(seed[2], seed[2]), storm=storm)
    assert msgspec.json.decode(msgspec.json.encode(found), type=Evaluation) == found
    text = tables(found)
    for told in ("false alarms fewer with context", "planned work", "customers out at confirmation", "| 200 |"):
        assert told in text

    page = tmp_path / "page.md"
    page.write_text("# A page without a place for tables\n", encoding="utf-8")
    with pytest.raises(InputError, match=BEGIN):
        write_page(found, page)
