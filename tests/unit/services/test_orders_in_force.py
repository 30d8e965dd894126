"""Orders in force: what a new, moved or cancelled order means for anomalies that were there before it."""

from __future__ import annotations

import msgspec
import pytest

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.anomalies import Anomaly, Phase
from functions.domain.roster_row import RosterRow
from functions.domain.work_order_fields import notice_of

START = 1_718_582_400
HOUR_S = 3_600
ORDER = {"work_order_id": "WO-1", "asset_id": "T1", "feeder_id": "F", "start": START, "end": START + 4 * HOUR_S}


def dark(meter: str, start: int = START + 600) -> dict[str, object]:
    name = f"{meter}:power_off:{start // 900}"
    record = Anomaly(
        id=f"{name}:opened", anomaly_id=name, phase=Phase.opened, meter_id=meter, customer_id="C", transformer_id="T1",
        feeder_id="F", kind="power_off", start=start, end=None, score=9.0, threshold=4.0, why="", raised_at=start,
        signal="zero_voltage",
    )  # fmt: skip
    return msgspec.to_builtins(record)


@pytest.fixture
async def known(application: Application, roster_rows: list[RosterRow], clock: SetClock) -> Application:
    """M1, M2 and M3 behind T1 of feeder F, below substation S; G is another feeder."""
    rows = [msgspec.structs.replace(row, substation_id="S") for row in roster_rows]
    await application.feeders.load([*rows, RosterRow(meter_id="M9", feeder_id="G", transformer_id="T9")], START)
    clock.set(START + 900)
    return application


async def tell(application: Application, **changes: object) -> None:
    await application.work_orders.take([notice_of({**ORDER, **changes})])


async def raised(application: Application) -> int:
    """How many incidents there are."""
    return len(await application.stores.incidents.latest(state=None, feeder_id="F", limit=10))


async def test_an_order_of_the_substation_explains_its_feeders(known: Application) -> None:
    await tell(known, asset_id="S", feeder_id="")
    await known.correlation.correlate([dark("M1"), dark("M2"), dark("M3")])

    assert await raised(known) == 0
    assert {line.source_id for line in await known.stores.incidents.suppressions("F", 10)} == {"WO-1"}


@pytest.mark.parametrize(
    "change",
    [
        {"status": "cancelled"},
        {"start": START + 9 * HOUR_S, "end": START + 10 * HOUR_S},
        {"asset_id": "T9", "feeder_id": "G"},
        {"status": "draft"},
    ],
)
async def test_what_an_order_explained_is_raised_at_once_when_it_no_longer_does(
    known: Application, clock: SetClock, change: dict[str, object]
) -> None:
    await tell(known)
    await known.correlation.correlate([dark("M1"), dark("M2"), dark("M3")])
    assert await raised(known) == 0

    clock.set(START + 1_800)
    await tell(known, **change)
    assert await raised(known) == 1
    lines = await known.stores.incidents.suppressions("F", 10)
    assert {line.released_at for line in lines} == {START + 1_800}


async def test_an_extended_order_explains_further(known: Application, clock: SetClock) -> None:
    await tell(known)
    await known.correlation.correlate([dark("M1")])
    await tell(known, end=START + 8 * HOUR_S)

    clock.set(START + 6 * HOUR_S)
    await known.correlation.release()
    assert await raised(known) == 0
    clock.set(START + 9 * HOUR_S)
    await known.correlation.release()
    assert await raised(known) == 1
