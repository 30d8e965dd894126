"""The people behind the meters, with contact data that belongs to nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.topology import RESIDENTIAL

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.topology import Network

LANGUAGES = ("en", "es", "fr")
LANGUAGE_SHARES = (0.82, 0.15, 0.03)
CRITICAL_SHARE_HOME = 0.004  # registered life support at home
CRITICAL_SHARE_OTHER = 0.04  # clinics, pumping stations, shelters
FICTIONAL_NUMBERS = 100  # 555-0100 to 555-0199 are reserved for fiction by the North American Numbering Plan


@dataclass(frozen=True)
class SimulatedCustomer:
    """One customer. `phone` is E.164 and fictional; several customers may share it."""

    customer_id: str
    phone: str
    language: str
    critical: bool


def draw_customers(scenario: Scenario, network: Network) -> tuple[SimulatedCustomer, ...]:
    """One customer a meter, in the meters' order."""
    rng = scenario.stream("customers")
    languages = rng.choice(LANGUAGES, size=scenario.meters, p=LANGUAGE_SHARES).tolist()
    share = np.where(network.kind == RESIDENTIAL, CRITICAL_SHARE_HOME, CRITICAL_SHARE_OTHER)
    critical = (rng.random(scenario.meters) < share).tolist()
    return tuple(
        SimulatedCustomer(customer_id, f"+1202555{100 + n % FICTIONAL_NUMBERS:04d}", languages[n], critical[n])
        for n, customer_id in enumerate(network.topology.customer_id.tolist())
    )
