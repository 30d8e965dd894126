"""The utility's office in a simulation: what its systems tell the product besides readings, and when."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.application import Application
from functions.domain.notifications import Customer
from functions.domain.roster_row import RosterRow
from functions.domain.weather import Observation
from functions.domain.work_orders import OrderNotice, WorkOrder
from simulator import MeterSwap, Scenario, SimulatedUtility
from simulator.weather import earlier_temperature

HOUR_S = 3_600


class Office:
    """Roster and customers at the start; then orders as they are issued, the weather, and replaced meters."""

    def __init__(
        self,
        utility: SimulatedUtility,
        application: Application,
        *,
        orders: bool = True,
        weather: bool = True,
        swaps: bool = True,
    ) -> None:
        self._utility = utility
        self._application = application
        self._orders = list(utility.orders) if orders else []
        self._weather = weather_by_hour(utility) if weather else []
        self._swaps = sorted(utility.swaps, key=lambda swap: swap.registered_at) if swaps else []

    async def open(self) -> None:
        """Load roster and customers, as a utility does before it connects its meters, and what is ordered by then."""
        start = self._utility.scenario.start
        await self._application.feeders.load(roster_rows(self._utility), start)
        await self._application.stores.customers.put(
            Customer(customer_id=each.customer_id, phone=each.phone, language=each.language, critical=each.critical)
            for each in self._utility.customers
        )
        await self.tell(start)

    async def tell(self, now: int) -> None:
        """Tell what is new by `now`, seconds since the epoch."""
        issued = list(takewhile(lambda each: each.at <= now, self._orders))
        del self._orders[: len(issued)]
        if issued:
            await self._application.work_orders.take([_notice(each.order) for each in issued])
        observed = list(takewhile(lambda each: each.timestamp <= now, self._weather))
        del self._weather[: len(observed)]
        if observed:
            await self._application.stores.context.put_weather(observed, ())
        registered = list(takewhile(lambda swap: swap.registered_at <= now, self._swaps))
        del self._swaps[: len(registered)]
        if registered:
            await self._application.feeders.load(_replaced(self._utility, registered), now)


def roster_rows(utility: SimulatedUtility) -> list[RosterRow]:
    """The roster as it is at the start, one row a meter."""
    topology = utility.topology
    return [
        RosterRow(
            meter_id=str(topology.meter_id[meter]),
            feeder_id=str(topology.feeder_id[meter]),
            customer_id=str(topology.customer_id[meter]),
            transformer_id=str(topology.transformer_id[meter]),
            lateral_id=str(topology.lateral_id[meter]),
            substation_id=str(topology.substation_id[meter]),
            collector_id=str(topology.collector_id[meter]),
            critical=customer.critical,
            nominal_voltage_v=float(topology.nominal_voltage_v[meter]),
            interval_s=utility.scenario.interval_s,
            customer_type=str(topology.customer_type[meter]),
        )
        for meter, customer in enumerate(utility.customers)
    ]


def weather_by_hour(utility: SimulatedUtility) -> list[Observation]:
    """What the weather station reports at the end of every hour, after two weeks of temperatures from its archive."""
    scenario = utility.scenario
    earlier = _hourly(scenario, earlier_temperature(scenario)).mean(axis=1)
    began = scenario.start - len(earlier) * HOUR_S
    archive = [
        Observation(timestamp=began + (hour + 1) * HOUR_S, temperature_c=round(float(degrees), 1))
        for hour, degrees in enumerate(earlier)
    ]
    hours = zip(
        _hourly(scenario, utility.temperature_c).mean(axis=1),
        _hourly(scenario, utility.wind_mps).mean(axis=1),
        _hourly(scenario, utility.precipitation_mm).sum(axis=1),
        strict=True,
    )
    return archive + [
        Observation(
            timestamp=scenario.start + (hour + 1) * HOUR_S,
            temperature_c=round(float(temperature), 1),
            wind_mps=round(float(wind), 1),
            precipitation_mm=round(float(rain), 1),
        )
        for hour, (temperature, wind, rain) in enumerate(hours)
    ]


def _hourly(scenario: Scenario, series: NDArray[np.float32]) -> NDArray[np.float32]:
    """A series by interval, `[T]`, as `[hours, intervals of an hour]`."""
    return series.reshape(-1, HOUR_S // scenario.interval_s)


def _notice(order: WorkOrder) -> OrderNotice:
    return OrderNotice(**{name: getattr(order, name) for name in OrderNotice.__struct_fields__})


def _replaced(utility: SimulatedUtility, swaps: Sequence[MeterSwap]) -> list[RosterRow]:
    """Rows of meters that were replaced, and of the new ones, each at the place of the one it replaces."""
    at_start = roster_rows(utility)
    old = [msgspec.structs.replace(at_start[swap.meter], retired=True) for swap in swaps]
    return old + [msgspec.structs.replace(at_start[swap.meter], meter_id=swap.new_meter_id) for swap in swaps]
