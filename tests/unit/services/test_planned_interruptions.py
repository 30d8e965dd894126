"""Interruptions by announced work: in no incident, and in the indices all the same, once, and apart from the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
import pytest

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.anomalies import KINDS
from functions.domain.periods import Period
from functions.domain.reliability import PeriodIndices
from functions.domain.roster_row import RosterRow
from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus
from functions.ports import LetterSource
from functions.services import planned_interruptions
from functions.services.planned_interruptions import KEPT_S
from functions.services.scoring import Event

START = 1_718_582_400
INTERVAL_S, HOUR_S, DAY_S = 900, 3_600, 86_400
DAY = Period(START, START + DAY_S)
WORK = WorkOrder(
    work_order_id="WO-1", feeder_id="F", asset_kind=AssetKind.transformer, asset_id="T1",
    start=START, end=START + 2 * HOUR_S,
)  # fmt: skip


class Feeder:
    """Feeder F with three meters, whose readings arrive and are correlated."""

    def __init__(self, application: Application, clock: SetClock, body: Callable[..., bytes]) -> None:
        self._application, self._clock, self._body = application, clock, body
        self._number = 0

    async def run(self, dark: Sequence[int], slots: int) -> None:
        """Every meter reports each slot; in some of them it is dark."""
        here = self._application
        for slot in range(slots):
            self._clock.set(START + (slot + 1) * INTERVAL_S)
            event = Event(self._body(0.0 if slot in dark else 240.0, slot=slot), LetterSource("0", self._number))
            self._number += 1
            await here.scoring.score([event])
            records = await here.stores.anomalies.between(0, START + DAY_S, KINDS)
            await here.correlation.correlate([msgspec.to_builtins(record) for record in records])
            await here.correlation.release()


@pytest.fixture
async def feeder(
    application: Application, clock: SetClock, body: Callable[..., bytes], roster_rows: list[RosterRow]
) -> Feeder:
    await application.feeders.load(roster_rows, START)
    return Feeder(application, clock, body)


async def found(application: Application, period: Period = DAY) -> PeriodIndices:
    return (await application.reliability.report(period)).utility


async def test_announced_work_counts_as_planned_and_not_as_an_outage(application: Application, feeder: Feeder) -> None:
    await application.stores.context.put_orders([WORK])
    await feeder.run(dark=range(2, 5), slots=20)

    assert await application.stores.incidents.latest(state=None, feeder_id="F", limit=10) == []
    indices = await found(application)
    assert indices.all_days.customer_interruptions == 0
    assert indices.planned is not None
    assert (indices.planned.events, indices.planned.customer_interruptions) == (1, 3)
    assert (indices.planned.saidi_min, indices.planned.caifi) == (45.0, 1.0)
    assert indices.with_planned == indices.planned
    assert (await application.reliability.report(DAY)).feeders["F"].planned == indices.planned


async def test_both_kinds_add_up(application: Application, feeder: Feeder) -> None:
    await application.stores.context.put_orders([WORK])
    await feeder.run(dark=[2, 3, *range(30, 34)], slots=40)

    indices = await found(application)
    assert indices.planned is not None
    assert indices.with_planned is not None
    assert (indices.all_days.saidi_min, indices.planned.saidi_min, indices.with_planned.saidi_min) == (60, 30, 90)
    assert (indices.with_planned.saifi, indices.with_planned.caifi) == (2.0, 2.0)


async def test_work_that_takes_longer_is_planned_and_counts_once(application: Application, feeder: Feeder) -> None:
    await application.stores.context.put_orders([WORK])
    await feeder.run(dark=range(2, 14), slots=30)

    (incident,) = await application.stores.incidents.latest(state=None, feeder_id="F", limit=10)
    assert incident.cause == "planned"
    indices = await found(application)
    assert indices.all_days.customer_interruptions == 0
    assert indices.planned is not None
    assert (indices.planned.customer_interruptions, indices.planned.saidi_min) == (3, 12 * 15.0)


async def test_what_a_cancelled_order_explained_is_an_outage(application: Application, feeder: Feeder) -> None:
    await application.stores.context.put_orders([WORK])
    await feeder.run(dark=range(2, 6), slots=4)
    await application.stores.context.put_orders([msgspec.structs.replace(WORK, status=WorkOrderStatus.cancelled)])
    await application.correlation.reconsider(["F"])

    indices = await found(application)
    assert indices.planned is not None
    assert indices.planned.customer_interruptions == 0
    assert indices.all_days.customer_interruptions == 3


async def test_work_that_goes_on_costs_what_it_has_cost_so_far(application: Application, feeder: Feeder) -> None:
    await application.stores.context.put_orders([WORK])
    await feeder.run(dark=range(2, 6), slots=4)

    planned = (await found(application)).planned
    assert planned is not None
    assert planned.saidi_min == 30.0


async def test_an_event_counts_for_the_period_in_which_it_began(application: Application, feeder: Feeder) -> None:
    await application.stores.context.put_orders([WORK])
    await feeder.run(dark=range(2, 5), slots=20)

    later = (await found(application, Period(START + 3 * INTERVAL_S, DAY.end))).planned
    assert later is not None
    assert later.events == 0


async def test_what_is_not_known_for_all_of_the_period_is_not_told(
    application: Application, clock: SetClock, monkeypatch: pytest.MonkeyPatch, feeder: Feeder
) -> None:
    await application.stores.context.put_orders([WORK])
    await feeder.run(dark=range(2, 5), slots=20)
    monkeypatch.setattr(planned_interruptions, "MOST_LINES", 2)
    assert (await found(application)).planned is None, "there are too many lines"

    monkeypatch.undo()
    clock.set(START + KEPT_S)
    assert (await found(application)).planned is not None
    clock.set(START + KEPT_S + 1)
    indices = await found(application)
    assert (indices.planned, indices.with_planned) == (None, None)
