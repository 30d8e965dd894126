"""Readings and device events of the simulated utility, as they arrive."""

from __future__ import annotations

import json

import numpy as np
import pytest

from local.machine import Batches
from local.simulation import STEPS_A_SLOT, add_events, arrivals, arriving
from simulator import Scenario, SimulatedDeviceEvent, SimulatedUtility, simulate


@pytest.fixture(scope="module")
def utility() -> SimulatedUtility:
    return simulate(Scenario(meters=250, days=2, swaps_per_1000_meter_weeks=20.0))


def test_every_reading_arrives_once_when_it_is_due_and_a_duplicate_twice(utility: SimulatedUtility) -> None:
    seen = np.zeros(utility.voltage_v.shape, int)
    for tick in range(len(utility.slots)):
        slot, meter = arriving(utility, tick)
        np.testing.assert_array_equal(slot + utility.delay_slots[slot, meter], tick)
        np.add.at(seen, (slot, meter), 1)
    due = np.arange(len(seen))[:, None] + utility.delay_slots < len(seen)
    came = ~np.isnan(utility.voltage_v) & due
    np.testing.assert_array_equal(seen, came * (1 + utility.duplicated))
    assert utility.duplicated.any()
    assert (utility.delay_slots > 0).any()


def test_events_carry_all_of_it_in_the_order_of_time(utility: SimulatedUtility) -> None:
    moments, readings, said = [], 0, []
    for moment, batches, count in arrivals(utility):
        moments.append(moment)
        readings += count
        for bodies in batches.bodies.values():
            for body in map(json.loads, bodies):
                said += [(each["timestamp"], moment) for each in body.get("end_device_events", ())]
    assert moments == sorted(moments)
    assert len(moments) == len(utility.slots) * STEPS_A_SLOT
    assert len(said) == len(utility.device_events)
    assert all(0 <= moment - at <= 300 for at, moment in said)
    assert readings == sum(len(arriving(utility, tick)[0]) for tick in range(len(utility.slots)))


def test_a_replaced_meter_reports_by_its_new_id(utility: SimulatedUtility) -> None:
    swap = utility.swaps[0]
    reported: dict[str, list[int]] = {str(utility.topology.meter_id[swap.meter]): [], swap.new_meter_id: []}
    for _, batches, _ in arrivals(utility):
        for bodies in batches.bodies.values():
            for readings in (json.loads(body).get("readings", {}) for body in bodies):
                for meter, at in zip(readings.get("meter_id", ()), readings.get("timestamp", ()), strict=True):
                    if meter in reported:
                        reported[meter].append(at)
    old, new = reported.values()
    assert max(old) < swap.at <= min(new)

    batches = Batches()
    add_events(utility, batches, [SimulatedDeviceEvent(swap.meter, at, "last_gasp") for at in (swap.at - 1, swap.at)])
    (body,) = (json.loads(body) for bodies in batches.bodies.values() for body in bodies)
    assert [each["meter_id"] for each in body["end_device_events"]] == list(reported)
