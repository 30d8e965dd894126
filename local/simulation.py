"""The simulated utility as the product sees it: events, as they arrive."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from local.machine import Batches
from simulator import SimulatedDeviceEvent, SimulatedUtility

STEPS_A_SLOT = 3
"""Device events and timers run at a finer step than readings: every five minutes at a quarter-hour interval."""


def arrivals(utility: SimulatedUtility) -> Iterator[tuple[int, Batches, int]]:
    """Moments with what has arrived by then: (moment in epoch s, events, number of readings in them).

    A reading arrives when its interval has ended, or as many intervals later as it is delayed.
    """
    interval, start = utility.scenario.interval_s, utility.scenario.start
    events = iter(utility.device_events)
    event = next(events, None)
    for tick in range(len(utility.slots)):
        for step in range(1, STEPS_A_SLOT + 1):
            moment = start + tick * interval + interval * step // STEPS_A_SLOT
            said: list[SimulatedDeviceEvent] = []
            while event is not None and event.at <= moment:
                said.append(event)
                event = next(events, None)
            batches, count = Batches(), 0
            add_events(utility, batches, said)
            if step == STEPS_A_SLOT:
                count = add_readings(utility, batches, tick)
            yield moment, batches, count


def add_events(utility: SimulatedUtility, batches: Batches, events: Sequence[SimulatedDeviceEvent]) -> None:
    """Add device events, an event body a feeder."""
    said: dict[str, list[dict[str, object]]] = {}
    for event in events:
        (meter,) = utility.ids(np.array([event.meter]), event.at)
        entry = {"meter_id": str(meter), "timestamp": int(event.at), "code": event.code}
        said.setdefault(str(utility.topology.feeder_id[event.meter]), []).append(entry)
    for feeder, entries in said.items():
        body = {"feeder_id": feeder, "interval_s": utility.scenario.interval_s, "end_device_events": entries}
        batches.add_body(feeder, msgspec.json.encode(body))


def arriving(utility: SimulatedUtility, tick: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows and columns of the readings that arrive at the end of a slot, by slot and meter; a duplicate twice."""
    first = max(0, tick - utility.longest_delay)
    rows = np.arange(first, tick + 1)
    part = slice(first, tick + 1)
    here = (utility.delay_slots[part] == (tick - rows)[:, None]) & ~np.isnan(utility.voltage_v[part])
    slot, meter = np.nonzero(here)
    times = 1 + utility.duplicated[part][slot, meter]
    return np.repeat(slot + first, times), np.repeat(meter, times)


def add_readings(utility: SimulatedUtility, batches: Batches, tick: int) -> int:
    """Add what arrives at the end of a slot, packed by feeder; returns the number of readings."""
    interval = utility.scenario.interval_s
    slot, meter = arriving(utility, tick)
    feeder_id = utility.topology.feeder_id[meter]
    for feeder in np.unique(feeder_id).tolist():
        mine = feeder_id == feeder
        rows, columns = slot[mine], meter[mine]
        at = utility.slots[rows] * interval
        ids = utility.ids(columns, at).tolist()
        batches.add_readings(
            feeder, interval, ids, at, utility.voltage_v[rows, columns], utility.energy_kwh[rows, columns]
        )
    return len(slot)
