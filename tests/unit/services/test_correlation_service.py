"""The correlation service over a real store: committed once, released in time, and expanded to customers."""

from __future__ import annotations

import msgspec
import pytest

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.anomalies import Anomaly, Phase
from functions.domain.errors import Conflict, TransientFault
from functions.domain.work_orders import AssetKind, WorkOrder
from functions.services.correlation import CorrelationService
from functions.services.delivery import DeliveryService
from functions.services.fan_out import FanOutService

NOW = 1_700_000_000
DARK = Anomaly(
    id="M1:power_off:1:opened", anomaly_id="M1:power_off:1", phase=Phase.opened, meter_id="M1", customer_id="C1",
    transformer_id="T1", feeder_id="F", kind="power_off", start=NOW, end=None, score=9.0, threshold=4.0, why="",
    raised_at=NOW,
)  # fmt: skip
LIGHT = msgspec.structs.replace(DARK, id="M1:power_off:1:closed", phase=Phase.closed, end=NOW + 900)
WORK = WorkOrder(
    work_order_id="WO", feeder_id="F", asset_kind=AssetKind.feeder, asset_id="F", start=NOW - 60, end=NOW + 3600
)


@pytest.fixture
def stores(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


@pytest.fixture
def clock():
    return SetClock(NOW)


@pytest.fixture
def service(stores, clock):
    return CorrelationService(stores.incidents, stores.context, clock, buffer_s=900)


async def test_a_record_delivered_again_commits_nothing(service):
    assert len(await service.correlate([DARK])) == 1
    assert await service.correlate([DARK]) == []
    assert [incident.state for incident in await service.correlate([DARK, LIGHT])] == ["closed"]
    assert await service.correlate([DARK, LIGHT]) == []


async def test_what_planned_work_explained_is_raised_when_it_lasts_longer(service, stores, clock):
    await stores.context.put_orders([WORK])
    assert await service.correlate([DARK]) == []
    clock.set(NOW + 4499)
    assert await service.release() == []
    clock.set(NOW + 4500)
    (incident,) = await service.release()
    assert incident.meters_out == 1
    assert await service.release() == []
    (line,) = await stores.incidents.suppressions("F", 10)
    assert line.released_at == NOW + 4500


async def test_what_ended_in_time_is_never_raised(service, stores, clock):
    await stores.context.put_orders([WORK])
    await service.correlate([DARK])
    await service.correlate([LIGHT])
    clock.set(NOW + 9000)
    assert await service.release() == []


async def test_an_extended_order_holds_further(service, stores, clock):
    await stores.context.put_orders([WORK])
    await service.correlate([DARK])
    await stores.context.put_orders([msgspec.structs.replace(WORK, end=NOW + 7200)])
    clock.set(NOW + 4500)
    assert await service.release() == []
    clock.set(NOW + 8100)
    assert len(await service.release()) == 1


async def test_a_board_that_is_never_free_is_given_back(service, stores, monkeypatch):
    async def taken(*records):
        raise Conflict("somebody else")

    monkeypatch.setattr(stores.incidents, "commit", taken)
    with pytest.raises(TransientFault, match="board of feeder F"):
        await service.correlate([DARK])


class Phone:
    name = "console"

    def __init__(self):
        self.sent = []

    async def send(self, notification, customer, body):
        self.sent.append((customer.customer_id, body))
        return "ref"


async def test_a_customer_is_told_once_however_often_the_message_comes(service, stores, clock, monkeypatch):
    intents = []
    commit = stores.incidents.commit

    async def watched(board, incidents, suppressions, new):
        intents.extend(new)
        await commit(board, incidents, suppressions, new)

    monkeypatch.setattr(stores.incidents, "commit", watched)
    second = msgspec.structs.replace(DARK, id="M2:power_off:1:opened", anomaly_id="M2:power_off:1", meter_id="M2")
    await service.correlate([DARK, second])
    fan_out, phone = FanOutService(stores.incidents, channel="console"), Phone()
    delivery = DeliveryService(stores.deliveries, stores.customers, phone, clock)
    messages = await fan_out.expand([*intents, *intents])
    assert [await delivery.deliver(message) for message in messages] == [True, False]
    assert [customer for customer, _ in phone.sent] == ["C1"]
    assert await stores.deliveries.counts() == {"sent": 1}
