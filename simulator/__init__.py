"""A synthetic electric utility with ground truth: what its meters report, and what really happened.

    scenario ─► network ─► load ─► voltage ─► faults (with truth) ─► communication ─► SimulatedUtility

    raw readings, simulated or real ─► trial: the same shapes of faults injected, with truth for every reading

Everything is a pure function of the scenario. Each noun draws from a random stream of its own, so that switching the
faults off, or changing one rate, leaves the weather, the houses and their habits as they were.
"""

from simulator.customers import SimulatedCustomer
from simulator.injection import MeterSwap, SimulatedDeviceEvent, TruthEvent
from simulator.orders import Announcement, IssuedOrder
from simulator.raw import RawReadings
from simulator.scenario import Scenario
from simulator.storm import SimulatedStorm
from simulator.topology import Device, Topology
from simulator.trial import (
    EXTRA_THEFT_KINDS,
    TAUGHT_KINDS,
    THEFT_KINDS,
    TRIAL_KINDS,
    VOLTAGE_KINDS,
    Trial,
    TrialEvent,
    inject_trial,
)
from simulator.truth import TRUTH_KINDS, truth_hours
from simulator.utility import SimulatedUtility, raw_readings, simulate

__all__ = [
    "EXTRA_THEFT_KINDS",
    "TAUGHT_KINDS",
    "THEFT_KINDS",
    "TRIAL_KINDS",
    "TRUTH_KINDS",
    "VOLTAGE_KINDS",
    "Announcement",
    "Device",
    "IssuedOrder",
    "MeterSwap",
    "RawReadings",
    "Scenario",
    "SimulatedCustomer",
    "SimulatedDeviceEvent",
    "SimulatedStorm",
    "SimulatedUtility",
    "Topology",
    "Trial",
    "TrialEvent",
    "TruthEvent",
    "inject_trial",
    "raw_readings",
    "simulate",
    "truth_hours",
]
