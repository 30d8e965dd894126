"""The simulated utility: everything its meters report over a period, and the truth behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from simulator.communication import draw_delivery, inject_communication_faults
from simulator.customers import SimulatedCustomer, draw_customers
from simulator.display import draw_display
from simulator.equipment import inject_equipment_outages
from simulator.heat import inject_heat_sags
from simulator.injection import Injection, MeterSwap, SimulatedDeviceEvent, TruthEvent
from simulator.interruptions import inject_interruptions
from simulator.load import draw_demand
from simulator.orders import IssuedOrder, latest_orders
from simulator.planned_work import inject_planned_work
from simulator.raw import RawReadings
from simulator.scenario import HOUR_S, Scenario
from simulator.storm import SimulatedStorm, inject_storms
from simulator.stuck import inject_stuck_registers
from simulator.swaps import inject_swaps
from simulator.tamper import inject_tampers
from simulator.theft import inject_theft
from simulator.topology import Topology, build_network
from simulator.voltage import clean_voltage_pu
from simulator.voltage_faults import inject_voltage_faults
from simulator.weather import draw_weather
from simulator.wind import draw_wind

if TYPE_CHECKING:
    from functions.domain.work_orders import WorkOrder


@dataclass(frozen=True)
class SimulatedUtility:
    """T slots of M meters. A reading is NaN in both voltage and energy when it never came."""

    scenario: Scenario
    topology: Topology
    customers: tuple[SimulatedCustomer, ...]
    """One a meter, in the topology's order."""
    slots: np.ndarray
    """`[T] int64`: epoch // interval; a reading's timestamp is the start of its interval."""
    voltage_v: np.ndarray
    """`[T, M] float32`, mean over the interval, V, rounded to 0.1 V, by some meters to 1 V; 0 while a meter
    reports an outage."""
    energy_kwh: np.ndarray
    """`[T, M] float32`, delivered to the customer in the interval, kWh, rounded to 1 Wh, by some meters to 10 Wh;
    never negative."""
    delay_slots: np.ndarray
    """`[T, M] int8`: how many slots late the reading arrives; 0 where it never came."""
    duplicated: np.ndarray
    """`[T, M] bool`: the reading is delivered twice."""
    device_events: tuple[SimulatedDeviceEvent, ...]
    """In the order of their time."""
    orders: tuple[IssuedOrder, ...]
    """What the work management said, in the order of its time."""
    swaps: tuple[MeterSwap, ...]
    truth: tuple[TruthEvent, ...]
    """In the order of their start."""
    benign: tuple[TruthEvent, ...]
    """What changed readings and is no fault: kinds `disconnected` (a service that the utility switched off), `heat`
    (mild sags of a heat wave) and `swapped` (a meter that was replaced)."""
    storms: tuple[SimulatedStorm, ...]
    temperature_c: np.ndarray
    """`[T] float32`, °C."""
    wind_mps: np.ndarray
    """`[T] float32`, mean wind, m/s."""
    precipitation_mm: np.ndarray
    """`[T] float32`, rain in the interval, mm."""

    @property
    def work_orders(self) -> tuple[WorkOrder, ...]:
        """Every order as its last message has it."""
        return latest_orders(self.orders)

    def ids(self, meters: np.ndarray, at: np.ndarray | int) -> np.ndarray:
        """The ids by which meters (indices, `[n]`) report at times `at` (epoch s, `[n]` or one), `[n]`."""
        swapped_at, new_id = self._swapped
        names: np.ndarray = np.where(at >= swapped_at[meters], new_id[meters], self.topology.meter_id[meters])
        return names

    @cached_property
    def longest_delay(self) -> int:
        """The most slots that a reading arrives late."""
        return int(self.delay_slots.max(initial=0))

    @cached_property
    def _swapped(self) -> tuple[np.ndarray, np.ndarray]:
        at = np.full(len(self.topology.meter_id), np.iinfo(np.int64).max)
        new_id = self.topology.meter_id.astype(object)
        for swap in self.swaps:
            at[swap.meter], new_id[swap.meter] = swap.at, swap.new_meter_id
        return at, new_id.astype(str)


def simulate(scenario: Scenario) -> SimulatedUtility:
    """Simulate a utility; the same scenario always gives the same arrays."""
    network = build_network(scenario)
    weather = draw_weather(scenario)
    demand = draw_demand(scenario, network, weather)
    clean_pu, own_drop_pu = clean_voltage_pu(scenario, network, demand.net_kw)
    nominal_v = network.topology.nominal_voltage_v
    voltage_v = clean_pu * nominal_v
    energy_kwh = np.maximum(demand.net_kw, 0) * np.float32(scenario.interval_s / HOUR_S)
    injection = Injection(scenario, network, voltage_v, energy_kwh, own_drop_pu * nominal_v)
    storms = _inject_faults(injection, weather.heat_c) if scenario.faults else ()
    wind = draw_wind(scenario, storms)
    delivery = draw_delivery(scenario)
    never_came = delivery.lost | np.isnan(voltage_v)
    for values in (voltage_v, energy_kwh):
        values[never_came] = np.nan
    draw_display(scenario).show(voltage_v, energy_kwh)
    return SimulatedUtility(
        scenario=scenario,
        topology=network.topology,
        customers=draw_customers(scenario, network),
        slots=scenario.times // scenario.interval_s,
        voltage_v=voltage_v,
        energy_kwh=energy_kwh,
        delay_slots=np.where(never_came, np.int8(0), delivery.delay_slots),
        duplicated=delivery.duplicated & ~never_came,
        device_events=tuple(sorted(injection.device_events, key=lambda event: (event.at, event.meter))),
        orders=tuple(sorted(injection.orders, key=lambda issued: issued.at)),
        swaps=tuple(sorted(injection.swaps, key=lambda swap: swap.at)),
        truth=tuple(sorted(injection.truth, key=lambda event: (event.start, event.truth_id))),
        benign=tuple(injection.benign),
        storms=storms,
        temperature_c=weather.temperature_c,
        wind_mps=wind.wind_mps,
        precipitation_mm=wind.precipitation_mm,
    )


def raw_readings(utility: SimulatedUtility) -> RawReadings:
    """The readings alone, without how late each of them arrived; the arrays are shared, not copied."""
    return RawReadings(
        first_slot=int(utility.slots[0]),
        interval_s=utility.scenario.interval_s,
        voltage_v=utility.voltage_v,
        energy_kwh=utility.energy_kwh,
        nominal_v=utility.topology.nominal_voltage_v,
        customer_type=utility.topology.customer_type,
    )


def _inject_faults(injection: Injection, heat_c: np.ndarray) -> tuple[SimulatedStorm, ...]:
    """Write every fault into the raw readings, those first that need the most room.

    The neighbours of an outage keep their clean voltage: a transformer that drops out moves its feeder by less than
    0.1 %, and a reading outside every truth stays comparable with the clean run of the same seed.
    """
    inject_theft(injection)
    inject_tampers(injection)
    storms = inject_storms(injection)
    inject_planned_work(injection)
    inject_equipment_outages(injection)
    inject_communication_faults(injection)
    inject_voltage_faults(injection)
    inject_stuck_registers(injection)
    inject_interruptions(injection)
    inject_swaps(injection)
    inject_heat_sags(injection, heat_c)
    return storms
