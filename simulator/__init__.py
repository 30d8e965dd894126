"""A synthetic electric utility with ground truth: what its meters report, and what really happened.

    scenario ─► network ─► load ─► voltage ─► faults (with truth) ─► communication ─► SimulatedUtility

Everything is a pure function of the scenario. Each noun draws from a random stream of its own, so that switching the
faults off, or changing one rate, leaves the weather, the houses and their habits as they were.
"""

from simulator.customers import SimulatedCustomer
from simulator.injection import SimulatedDeviceEvent, TruthEvent
from simulator.scenario import Scenario
from simulator.storm import SimulatedStorm
from simulator.topology import Topology
from simulator.utility import SimulatedUtility, simulate

__all__ = [
    "Scenario",
    "SimulatedCustomer",
    "SimulatedDeviceEvent",
    "SimulatedStorm",
    "SimulatedUtility",
    "Topology",
    "TruthEvent",
    "simulate",
]
