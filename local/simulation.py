"""The simulated utility as the product sees it: a roster, customers, work orders, and events as they arrive."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.application import Application
from functions.domain.notifications import Customer
from functions.domain.roster import RosterRow
from local.machine import Batches
from simulator import SimulatedUtility

STEPS_A_SLOT = 3
"""Device events and timers run at a finer step than readings: every five minutes at a quarter-hour interval."""


async def introduce(utility: SimulatedUtility, application: Application) -> None:
    """Load roster, customers and work orders, as a utility does before it connects its meters."""
    topology = utility.topology
    columns = (
        topology.meter_id,
        topology.feeder_id,
        topology.customer_id,
        topology.transformer_id,
        topology.nominal_voltage_v,
        topology.customer_type,
    )
    rows = [
        RosterRow(
            meter_id=str(meter),
            feeder_id=str(feeder),
            customer_id=str(customer),
            transformer_id=str(transformer),
            nominal_voltage_v=float(nominal),
            interval_s=utility.scenario.interval_s,
            customer_type=str(kind),
        )
        for meter, feeder, customer, transformer, nominal, kind in zip(*columns, strict=True)
    ]
    await application.feeders.load(rows, utility.scenario.start)
    await application.stores.customers.put(
        Customer(customer_id=each.customer_id, phone=each.phone, language=each.language, critical=each.critical)
        for each in utility.customers
    )
    await application.stores.context.put_orders(order.checked() for order in utility.work_orders)


def arrivals(utility: SimulatedUtility) -> Iterator[tuple[int, Batches, int]]:
    """Moments with what has arrived by then: (moment in epoch s, events, number of readings in them).

    A reading arrives when its interval has ended, or as many intervals later as it is delayed.
    """
    interval, start = utility.scenario.interval_s, utility.scenario.start
    by_tick = _readings_by_arrival(utility)
    feeders, group = np.unique(utility.topology.feeder_id, return_inverse=True)
    events = iter(utility.device_events)
    event = next(events, None)
    for tick, cells in enumerate(by_tick):
        for step in range(1, STEPS_A_SLOT + 1):
            moment = start + tick * interval + interval * step // STEPS_A_SLOT
            batches = Batches()
            said: dict[str, list[dict[str, object]]] = {}
            while event is not None and event.at <= moment:
                meter = str(utility.topology.meter_id[event.meter])
                entry = {"meter_id": meter, "timestamp": int(event.at), "code": event.code}
                said.setdefault(str(utility.topology.feeder_id[event.meter]), []).append(entry)
                event = next(events, None)
            for feeder, entries in said.items():
                body = {"feeder_id": feeder, "interval_s": interval, "end_device_events": entries}
                batches.add_body(feeder, msgspec.json.encode(body))
            count = 0
            if step == STEPS_A_SLOT:
                count = len(cells)
                _add_readings(utility, batches, cells, feeders, group)
            yield moment, batches, count


def _readings_by_arrival(utility: SimulatedUtility) -> list[NDArray[np.int64]]:
    """Flat cell numbers (slot × meters + meter) by the tick they arrive in; what arrives after the end is not seen."""
    ticks = len(utility.slots)
    slot, meter = np.nonzero(~np.isnan(utility.voltage_v))
    tick = slot + utility.delay_slots[slot, meter]
    cell = slot * utility.voltage_v.shape[1] + meter
    twice = utility.duplicated[slot, meter]
    tick, cell = np.concatenate((tick, tick[twice])), np.concatenate((cell, cell[twice]))
    order = np.lexsort((cell, tick))
    bounds = np.searchsorted(tick[order], np.arange(ticks + 1))
    return [cell[order[bounds[number] : bounds[number + 1]]] for number in range(ticks)]


def _add_readings(
    utility: SimulatedUtility,
    batches: Batches,
    cells: NDArray[np.int64],
    feeders: NDArray[np.str_],
    group: NDArray[np.int64],
) -> None:
    slot, meter = np.divmod(cells, utility.voltage_v.shape[1])
    for number, feeder in enumerate(feeders):
        mine = group[meter] == number
        rows, columns = slot[mine], meter[mine]
        if len(rows):
            batches.add_readings(
                str(feeder),
                utility.scenario.interval_s,
                utility.topology.meter_id[columns].tolist(),
                utility.slots[rows] * utility.scenario.interval_s,
                utility.voltage_v[rows, columns],
                utility.energy_kwh[rows, columns],
            )
