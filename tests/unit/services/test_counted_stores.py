"""What operators count: revisions once they are committed, and everything that becomes a dead letter, by its source."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import msgspec
import pytest

from functions.application import Application
from functions.domain.anomalies import Anomaly, Phase
from functions.domain.board import Board
from functions.domain.errors import Conflict
from functions.ports import LetterSource
from functions.services.counted_stores import counted
from functions.services.scoring import Event
from functions.services.work_order_intake import OrderEvent

if TYPE_CHECKING:
    from conftest import Reports

START = 1_718_582_400
SOURCE = LetterSource("0", 1)
DARK = Anomaly(
    id="M1:power_off:1:opened", anomaly_id="M1:power_off:1", phase=Phase.opened, meter_id="M1", customer_id="C1",
    transformer_id="T1", feeder_id="F", kind="power_off", start=START, end=None, score=9.0, threshold=4.0, why="",
    raised_at=START, signal="zero_voltage",
)  # fmt: skip

Fault = Callable[[Application], Awaitable[object]]
PATHS: dict[str, Fault] = {
    "meter-readings": lambda here: here.scoring.score([Event(b"not JSON", SOURCE)]),
    "work-orders": lambda here: here.work_orders.consume([OrderEvent(b"not JSON", "0-1", START)]),
    "anomalies": lambda here: here.correlation.correlate([{"id": "no anomaly"}]),
    "incidents": lambda here: here.fan_out.expand([{"id": "no intent", "type": "intent"}]),
    "notifications": lambda here: here.dispatch.bury(b"no notification"),
}


@pytest.mark.parametrize("source", PATHS)
async def test_whatever_becomes_a_dead_letter_is_counted_by_its_source(
    source: str, application: Application, reports: Reports
) -> None:
    await PATHS[source](application)

    assert len(await application.stores.letters.letters(10)) == 1
    assert reports.dead_letters == [source]


async def test_a_refused_value_is_an_outcome_of_its_batch_and_no_dead_letter_more(
    application: Application, reports: Reports, body: Callable[..., bytes]
) -> None:
    await application.scoring.score([Event(body(-1.0, "M1"), SOURCE)])

    assert len(await application.stores.letters.letters(10)) == 1
    assert (reports.outcomes, reports.dead_letters) == ({"quarantined": 1}, [])


@pytest.mark.parametrize("source", PATHS)
async def test_a_letter_that_a_replay_puts_back_is_not_counted_again(
    source: str, application: Application, reports: Reports
) -> None:
    await PATHS[source](application)
    (letter,) = await application.stores.letters.letters(10)

    assert (await application.replay.replay(letter.id)).kept
    assert reports.dead_letters == [source]


async def test_every_revision_is_counted_once_it_is_committed(application: Application, reports: Reports) -> None:
    await application.correlation.correlate([msgspec.to_builtins(DARK)])
    (incident,) = await application.stores.incidents.latest(state=None, feeder_id="F", limit=10)
    await application.incident_actions.acknowledge(incident.incident_id, "p1")

    history = await application.stores.incidents.history("F", incident.incident_id)
    assert reports.revisions == history
    assert len(history) == 2


async def test_a_revision_that_somebody_else_was_quicker_with_is_not(
    application: Application, reports: Reports
) -> None:
    await application.correlation.correlate([msgspec.to_builtins(DARK)])
    before = list(reports.revisions)
    with pytest.raises(Conflict):
        await counted(application.stores, reports).incidents.commit(Board(feeder_id="F"), before, [], [])

    assert reports.revisions == before
