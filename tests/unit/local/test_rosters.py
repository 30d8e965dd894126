"""What the product is told of its meters, by a history and by the simulator."""

from __future__ import annotations

from pathlib import Path

from functions.application import Application
from functions.domain.work_orders import WorkOrderStatus
from local.history import History
from local.office import Office
from local.surroundings import ContextFiles, Surroundings
from simulator import Scenario, simulate
from simulator.weather import EARLIER_DAYS


async def test_a_history_says_what_its_files_say(tmp_path: Path) -> None:
    file = tmp_path / "h.csv"
    file.write_text(
        "meter_id,feeder_id,transformer_id,nominal_voltage_v,customer_type,timestamp,voltage_v\n"
        "m,F,T1,480,Industrial,1718582400,478\nn,F,,,castle,1718582400,230\n",
        encoding="utf-8",
    )
    with History([file]) as history:
        rows = [row.checked() for row in (await Surroundings.read(ContextFiles(), history.meters)).roster]
    assert [(row.meter_id, row.transformer_id, row.nominal_voltage_v, row.customer_type) for row in rows] == [
        ("m", "T1", 480.0, "industrial"),
        ("n", "", None, None),
    ]


async def test_a_roster_file_holds_before_what_the_readings_say(tmp_path: Path) -> None:
    file, roster = tmp_path / "h.csv", tmp_path / "r.csv"
    file.write_text(
        "meter_id,transformer_id,nominal_voltage_v,timestamp,voltage_v\n"
        "m,T9,480,1718582400,478\nn,T8,,1718582400,230\nm,T9,480,1718583300,478\n",
        encoding="utf-8",
    )
    roster.write_text(
        "meter_id,feeder_id,transformer_id,substation_id,critical\nm,F1,T1,S1,true\nsilent,F1,T1,S1,false\n",
        encoding="utf-8",
    )
    with History([file]) as history:
        told = await Surroundings.read(ContextFiles(roster=roster), history.meters)
    rows = {row.meter_id: row for row in told.roster}
    assert sorted(rows) == ["m", "n", "silent"]
    assert (rows["m"].feeder_id, rows["m"].transformer_id, rows["m"].substation_id) == ("F1", "T1", "S1")
    assert (rows["m"].nominal_voltage_v, rows["m"].interval_s, rows["m"].critical) == (480.0, 900, True)
    assert (rows["n"].feeder_id, rows["n"].transformer_id) == ("unassigned", "T8")
    assert [row.meter_id for row in told.meters] == ["m", "n"]


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


async def test_the_simulated_utility_tells_where_its_meters_hang_and_who_needs_power_most(
    application: Application,
) -> None:
    utility = simulate(Scenario(meters=300, days=1, faults=False))
    await Office(utility, application).open()
    topology = utility.topology
    places = {meter: place for place, meter in enumerate(topology.meter_id.tolist())}
    for feeder in await application.stores.rosters.feeders():
        for shard in await application.stores.rosters.read(feeder):
            for position, meter in enumerate(shard.meter_id):
                place = places[meter]
                assert shard.lateral_id[position] == topology.lateral_id[place]
                assert shard.substation_id[position] == topology.substation_id[place]
                assert shard.collector_id[position] == topology.collector_id[place]
                assert shard.critical[position] == utility.customers[place].critical


async def test_the_office_tells_of_orders_and_weather_when_they_are_known(application: Application) -> None:
    utility = simulate(Scenario(meters=600, days=7, late_orders_per_week=1.0, cancelled_orders_per_week=1.0))
    office = Office(utility, application)
    await office.open()
    last = utility.orders[-1]
    known = {order.work_order_id: order for order in await application.stores.context.orders(None, 0)}
    assert known
    assert {order.status for order in known.values()} == {WorkOrderStatus.planned}
    at_start = {each.order.work_order_id for each in utility.orders if each.at == utility.scenario.start}
    assert set(known) == at_start

    await office.tell(last.at - 1)
    assert await application.stores.context.orders(None, 0) != list(utility.work_orders)
    observed = await application.stores.context.observations("*", 0)
    assert observed[-1].timestamp <= last.at - 1
    assert len(observed) == EARLIER_DAYS * 24 + (last.at - 1 - utility.scenario.start) // 3600
    assert observed[0].timestamp == utility.scenario.start - EARLIER_DAYS * 86_400 + 3600

    await office.tell(last.at)
    stored = {order.work_order_id: order for order in await application.stores.context.orders(None, 0)}
    assert stored == {order.work_order_id: order for order in utility.work_orders}


async def test_a_replaced_meter_is_on_the_roster_once_the_office_has_the_papers(application: Application) -> None:
    utility = simulate(Scenario(meters=300, days=3, swaps_per_1000_meter_weeks=10.0))
    office = Office(utility, application)
    await office.open()
    swap = min(utility.swaps, key=lambda each: each.registered_at)
    feeder = str(utility.topology.feeder_id[swap.meter])
    await office.tell(swap.registered_at - 1)
    assert swap.new_meter_id not in await application.feeders.roster(feeder, swap.registered_at)
    await office.tell(swap.registered_at)
    roster = await application.feeders.roster(feeder, swap.registered_at)
    (place,) = roster.places([swap.new_meter_id])
    assert roster.row(int(place)).transformer_id == utility.topology.transformer_id[swap.meter]
