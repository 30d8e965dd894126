"""Intake of work orders: located on the rosters, all of a request or none, and one bad event alone in the letters."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.errors import RejectedDocument, TransientFault
from functions.domain.roster_row import RosterRow
from functions.domain.work_order_fields import notice_of
from functions.domain.work_orders import AssetKind, OrderNotice, WorkOrder
from functions.services.work_order_intake import OrderEvent, OrdersTaken, WorkOrderIntake

START = 1_718_582_400
END = START + 3_600


@pytest.fixture
async def known(application: Application) -> Application:
    """Feeders F and G below substation S, H below none; a transformer `BOTH` hangs on F and on G."""
    rows = [
        RosterRow(meter_id="M1", feeder_id="F", transformer_id="T1", substation_id="S"),
        RosterRow(meter_id="M2", feeder_id="F", transformer_id="BOTH", substation_id="S"),
        RosterRow(meter_id="M3", feeder_id="G", transformer_id="BOTH", substation_id="S"),
        RosterRow(meter_id="M4", feeder_id="H", transformer_id="M1"),
    ]
    await application.feeders.load(rows, START)
    return application


def notice(asset_id: str = "T1", name: str = "WO-1", **fields: object) -> OrderNotice:
    return notice_of({"work_order_id": name, "asset_id": asset_id, "start": START, "end": END, **fields})


async def stored(application: Application) -> list[WorkOrder]:
    return await application.stores.context.orders(None, 0)


@pytest.mark.parametrize(
    ("fields", "kind", "feeder"),
    [
        ({"asset_id": "T1", "asset_kind": "transformer", "feeder_id": "F"}, AssetKind.transformer, "F"),
        ({"asset_id": "T1"}, AssetKind.transformer, "F"),
        ({"asset_id": "M3", "asset_kind": "meter"}, AssetKind.meter, "G"),
        ({"asset_id": "G"}, AssetKind.feeder, "G"),
        ({"asset_id": "S"}, AssetKind.substation, ""),
        ({"asset_id": "S", "asset_kind": "substation", "feeder_id": "F"}, AssetKind.substation, ""),
        ({"asset_id": "BOTH", "feeder_id": "G"}, AssetKind.transformer, "G"),
        ({"asset_id": "M1", "asset_kind": "meter"}, AssetKind.meter, "F"),
    ],
)
async def test_an_asset_is_found_on_the_rosters(
    known: Application, fields: dict[str, str], kind: AssetKind, feeder: str
) -> None:
    assert (await known.work_orders.take([notice(**fields)])).written == 1

    (order,) = await stored(known)
    assert (order.asset_kind, order.feeder_id, order.asset_id) == (kind, feeder, fields["asset_id"])


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"asset_id": "T9"}, "asset_id", "no device T9 on any roster"),
        ({"asset_id": "T9", "feeder_id": "F"}, "asset_id", "no device T9 on the roster of feeder F"),
        ({"asset_id": "T1", "asset_kind": "meter"}, "asset_id", "no meter T1 on any roster"),
        ({"asset_id": "S", "asset_kind": "feeder"}, "asset_id", "no feeder S"),
        ({"asset_id": "T1", "feeder_id": "X"}, "asset_id", "no device T1 on the roster of feeder X"),
        ({"asset_id": "T1", "feeder_id": "G"}, "asset_id", "no device T1 on the roster of feeder G"),
        ({"asset_id": "M1"}, "asset_kind", "M1 is a meter and a transformer"),
        ({"asset_id": "BOTH"}, "feeder_id", "feeders F and G"),
    ],
)
async def test_an_asset_unknown_or_in_doubt_is_named_and_nothing_is_stored(
    known: Application, fields: dict[str, str], field: str, said: str
) -> None:
    with pytest.raises(RejectedDocument, match=said) as fault:
        await known.work_orders.take([notice("T1", "good"), notice(**fields)])

    assert (fault.value.field, fault.value.position) == (field, 1)
    assert await stored(known) == []


async def test_what_does_not_say_when_it_was_changed_changed_when_it_came(known: Application, clock: SetClock) -> None:
    await known.work_orders.take([notice(description="first")])
    clock.set(START + 10)
    taken = await known.work_orders.take([notice(description="second")])
    late = await known.work_orders.take([notice(description="older", updated_at=START + 9)])

    assert (taken.outdated, late) == ((), OrdersTaken(0, ("WO-1",), frozenset()))
    (order,) = await stored(known)
    assert (order.description, order.issued_at, order.updated_at) == ("second", START + 10, START + 10)


async def test_those_whose_orders_changed_are_looked_at_again(known: Application, clock: SetClock) -> None:
    asked: list[str] = []

    async def reconsider(feeders: Sequence[str]) -> None:
        asked.append("".join(feeders))

    intake = WorkOrderIntake(known.stores.context, known.stores.rosters, known.stores.letters, clock, reconsider)
    await intake.take([notice("T1")])
    await intake.take([notice("M3", updated_at=START + 1)])
    await intake.take([notice("T1")])  # outdated by now
    await intake.take([notice("S", "WO-2")])

    assert asked == ["F", "FG", "FG"]


def event(content: object, number: int = 1, at: int = START) -> OrderEvent:
    return OrderEvent(content if isinstance(content, bytes) else json.dumps(content).encode(), f"0-{number}", at)


RAW = {"work_order_id": "WO-1", "asset_id": "T1", "start": START, "end": END}


async def test_events_hold_one_order_or_a_list(known: Application) -> None:
    events = [event(RAW), event([{**RAW, "work_order_id": f"WO-{number}"} for number in (2, 3)], 2)]
    assert await known.work_orders.consume(events) == 3
    assert [order.work_order_id for order in await stored(known)] == ["WO-1", "WO-2", "WO-3"]


async def test_an_event_of_long_ago_does_not_undo_what_came_since(known: Application, clock: SetClock) -> None:
    clock.set(START + 100)
    await known.work_orders.take([notice(status="cancelled")])
    assert await known.work_orders.consume([event(RAW, at=START + 50)]) == 0
    assert [order.status for order in await stored(known)] == ["cancelled"]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({**RAW, "end": START}, "end: is not after start"),
        ({**RAW, "asset_id": "T9"}, "asset_id: there is no device T9"),
        ({}, "work_order_id: is missing"),
        (7, "body: is not JSON with an order"),
    ],
)
async def test_an_order_at_fault_becomes_a_dead_letter_and_its_neighbours_are_stored(
    known: Application, bad: object, reason: str
) -> None:
    good = {**RAW, "work_order_id": "WO-2"}
    for _ in range(2):
        await known.work_orders.consume([event([RAW, bad, good])])

    assert [order.work_order_id for order in await stored(known)] == ["WO-1", "WO-2"]
    (letter,) = await known.stores.letters.letters(10)
    assert letter.partition == "work-orders"
    assert reason in letter.reason


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
async def test_an_event_that_cannot_be_read_becomes_a_dead_letter(known: Application, body: bytes) -> None:
    assert await known.work_orders.consume([event(body), event(RAW, 2)]) == 1
    (letter,) = await known.stores.letters.letters(10)
    assert "body" in letter.reason


async def test_a_dead_letter_can_be_played_again_once_its_cause_is_cured(known: Application) -> None:
    await known.work_orders.consume([event({**RAW, "asset_id": "T9"})])
    (letter,) = await known.stores.letters.letters(10)
    assert "T9" in (await known.replay.replay(letter.id)).kept

    await known.feeders.load([RosterRow(meter_id="M9", feeder_id="H", transformer_id="T9")], START)
    replayed = await known.replay.replay(letter.id)
    assert (replayed.outcomes, replayed.kept) == ({"work_orders": 1}, "")
    assert await known.stores.letters.letters(10) == []
    assert [(order.asset_id, order.updated_at) for order in await stored(known)] == [("T9", START)]


async def test_a_store_out_of_reach_gives_the_events_back(known: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise TransientFault("throttled")

    monkeypatch.setattr(known.stores.context, "put_orders", away)
    with pytest.raises(TransientFault):
        await known.work_orders.consume([event(RAW)])
    assert await known.stores.letters.letters(10) == []
