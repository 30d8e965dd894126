from __future__ import annotations

import msgspec

from functions.domain.anomalies import KINDS, Anomaly, Phase
from functions.ports import Stores


def opened(meter: str, start: int, feeder: str = "F", **fields: object) -> Anomaly:
    name = f"{meter}:sag:{start}"
    values = {
        "id": f"{name}:opened",
        "anomaly_id": name,
        "phase": Phase.opened,
        "meter_id": meter,
        "customer_id": "C",
        "transformer_id": "T",
        "feeder_id": feeder,
        "kind": "sag",
        "start": start,
        "end": None,
        "score": 4.0,
        "threshold": 3.0,
        "why": "lowest voltage 201.2 V",
        "raised_at": start,
    }
    return Anomaly(**{**values, **fields})


def closed(meter: str, start: int, end: int) -> Anomaly:
    record = opened(meter, start)
    return msgspec.structs.replace(record, id=f"{record.anomaly_id}:closed", phase=Phase.closed, end=end)


async def ids(stores: Stores, start: int, end: int) -> set[str]:
    return {each.id for each in await stores.anomalies.between(start, end, KINDS)}


async def test_a_record_is_read_as_it_was_inserted(stores: Stores) -> None:
    record = opened("M1", 100, why="Spannung 201,2 V – zu tief")
    assert await stores.anomalies.insert([record]) == 1

    assert await stores.anomalies.between(0, 1_000, KINDS) == [record]


async def test_a_record_is_inserted_once_and_never_changed(stores: Stores) -> None:
    first = opened("M1", 100)
    await stores.anomalies.insert([first])

    again = [opened("M1", 100, score=9.0), opened("M2", 100)]
    assert await stores.anomalies.insert(again) == 1
    assert first in await stores.anomalies.between(0, 1_000, KINDS)


async def test_a_record_given_twice_at_once_is_inserted_once(stores: Stores) -> None:
    assert await stores.anomalies.insert([opened("M1", 100), opened("M1", 100)]) == 1
    assert await stores.anomalies.insert([]) == 0


async def test_one_id_on_two_feeders_is_two_records(stores: Stores) -> None:
    await stores.anomalies.insert([opened("M1", 100), opened("M1", 100, feeder="G")])

    assert len(await stores.anomalies.between(0, 1_000, KINDS)) == 2


async def test_a_period_has_what_starts_in_it(stores: Stores) -> None:
    await stores.anomalies.insert([opened("M1", 100), opened("M2", 200), opened("M3", 300)])

    assert await ids(stores, 0, 200) == {"M1:sag:100:opened"}
    assert {"M2:sag:200:opened"} <= await ids(stores, 200, 300)
    assert "M3:sag:300:opened" not in await ids(stores, 200, 300)


async def test_a_period_has_both_records_of_what_was_closed_in_it(stores: Stores) -> None:
    await stores.anomalies.insert([opened("M1", 100), closed("M1", 100, 250)])

    assert await ids(stores, 200, 300) == {"M1:sag:100:opened", "M1:sag:100:closed"}


async def test_a_period_has_not_what_was_over_before_it(stores: Stores) -> None:
    await stores.anomalies.insert([opened("M1", 100), closed("M1", 100, 200)])

    assert await ids(stores, 200, 300) == set()


async def test_those_of_one_feeder_can_be_read_alone(stores: Stores) -> None:
    here, elsewhere = opened("M1", 100), msgspec.structs.replace(opened("M2", 100), feeder_id="G")
    await stores.anomalies.insert([here, elsewhere])

    assert await stores.anomalies.between(0, 1_000, KINDS, "G") == [elsewhere]
