"""What the product is told of its meters, by a history and by the simulator."""

from __future__ import annotations

from pathlib import Path

from functions.application import Application
from local import replay
from local.history import History
from local.office import Office
from simulator import Scenario, simulate


def test_a_history_says_what_its_files_say(tmp_path: Path) -> None:
    file = tmp_path / "h.csv"
    file.write_text(
        "meter_id,feeder_id,transformer_id,nominal_voltage_v,customer_type,timestamp,voltage_v\n"
        "m,F,T1,480,Industrial,1718582400,478\nn,F,,,castle,1718582400,230\n",
        encoding="utf-8",
    )
    with History([file]) as history:
        rows = [row.checked() for row in replay._roster(history)]
    assert [(row.meter_id, row.transformer_id, row.nominal_voltage_v, row.customer_type) for row in rows] == [
        ("m", "T1", 480.0, "industrial"),
        ("n", "", None, None),
    ]


async def test_the_simulated_utility_tells_its_customer_types(application: Application) -> None:
    utility = simulate(Scenario(meters=60, days=1, faults=False))
    await Office(utility, application).open()
    told = {
        meter: kind
        for feeder in await application.stores.rosters.feeders()
        for shard in await application.stores.rosters.read(feeder)
        for meter, kind in zip(shard.meter_id, shard.customer_type, strict=True)
    }
    assert told == dict(zip(utility.topology.meter_id.tolist(), utility.topology.customer_type.tolist(), strict=True))
