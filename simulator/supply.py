"""How stiff and how restless the supply of every meter is.

No two points of a grid share one noise: a detector that has learnt a single one takes every other meter for faulty.
Measured homes differ in the standard deviation within an hour from 1 V to 3 V and in the correlation of neighbouring
quarter hours from 0.93 to 0.75; the draws below put the median meter near the calm end and let the others reach past
the restless one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.topology import Network

# Drops at design load and spreads (standard deviations) are medians, in per unit; the spreads of the lognormals behind
# them have no unit.
FEEDER_DROP_PU, FEEDER_DROP_SPREAD = 0.052, 0.15
TRANSFORMER_DROP_PU, TRANSFORMER_DROP_SPREAD = 0.023, 0.20
SERVICE_DROP_PU, SERVICE_DROP_SPREAD = 0.018, 0.25
WEAK_SHARE = 0.05  # of services are long and thin, and let their neighbours' kettles through
WEAK_DROP = (1.4, 2.3)
WEAK_NOISE = (2.0, 4.0)
WEAK_CORRELATION = (0.5, 0.8)

COMPENSATION = (0.0, 0.35)  # share of the feeder's drop that its regulator cancels; many have no line-drop compensation
LATERAL_PU, LATERAL_SPREAD = 0.0045, 0.4  # phases change their balance, capacitors switch, unmetered loads come and go
LATERAL_CORRELATION = (0.90, 0.985)
LOCAL_PU, LOCAL_SPREAD = 0.0028, 0.5  # the two legs of a service share its load unevenly
LOCAL_CORRELATION = (0.6, 0.97)
MEMORYLESS_SHARE = 0.02  # of meters: a nearby workshop, or a meter that samples an instant instead of a mean
MEMORYLESS_PU = (0.004, 0.010)
MEMORYLESS_CORRELATION = (0.0, 0.2)
QUIET_SHARE = 0.05  # of meters sit at the transformer, on thick cable
QUIET_FACTOR = 0.15


@dataclass(frozen=True)
class Supply:
    """Arrays of `float32`: drops and spreads in per unit, correlations those of neighbours 15 minutes apart."""

    compensation: np.ndarray
    """`[F]`, share of the feeder's drop that the regulator at its head makes good."""
    feeder_drop: np.ndarray
    """`[F]`, from head to end at design load."""
    transformer_drop: np.ndarray
    """`[X]`."""
    lateral_spread: np.ndarray
    """`[X]`, of the noise that the meters of a transformer share."""
    lateral_correlation: np.ndarray
    """`[X]`."""
    service_drop: np.ndarray
    """`[M]`."""
    local_spread: np.ndarray
    """`[M]`, of the noise of a meter's own."""
    local_correlation: np.ndarray
    """`[M]`."""


def draw_supply(scenario: Scenario, network: Network) -> Supply:
    """Draw the supply of every feeder, transformer and meter."""
    rng = scenario.stream("supply")
    feeders, transformers, meters = len(network.substation_of_feeder), len(network.position), scenario.meters
    service = _around(rng, SERVICE_DROP_PU, SERVICE_DROP_SPREAD, meters)
    local = _around(rng, LOCAL_PU, LOCAL_SPREAD, meters)
    memory = rng.uniform(*LOCAL_CORRELATION, meters)
    lot = rng.random(meters)  # decides who is out of the ordinary, and in which one way
    weak = lot < WEAK_SHARE
    memoryless = (lot >= WEAK_SHARE) & (lot < WEAK_SHARE + MEMORYLESS_SHARE)
    quiet = lot >= 1 - QUIET_SHARE
    service[weak] *= rng.uniform(*WEAK_DROP, weak.sum())
    local[weak] *= rng.uniform(*WEAK_NOISE, weak.sum())
    memory[weak] = rng.uniform(*WEAK_CORRELATION, weak.sum())
    local[memoryless] = rng.uniform(*MEMORYLESS_PU, memoryless.sum())
    memory[memoryless] = rng.uniform(*MEMORYLESS_CORRELATION, memoryless.sum())
    local[quiet] *= QUIET_FACTOR
    service[quiet] *= QUIET_FACTOR
    return Supply(
        compensation=rng.uniform(*COMPENSATION, feeders).astype(np.float32),
        feeder_drop=_around(rng, FEEDER_DROP_PU, FEEDER_DROP_SPREAD, feeders),
        transformer_drop=_around(rng, TRANSFORMER_DROP_PU, TRANSFORMER_DROP_SPREAD, transformers),
        lateral_spread=_around(rng, LATERAL_PU, LATERAL_SPREAD, transformers),
        lateral_correlation=rng.uniform(*LATERAL_CORRELATION, transformers).astype(np.float32),
        service_drop=service,
        local_spread=local,
        local_correlation=memory.astype(np.float32),
    )


def _around(rng: np.random.Generator, median: float, spread: float, count: int) -> np.ndarray:
    values: np.ndarray = (median * np.exp(spread * rng.standard_normal(count))).astype(np.float32)
    return values
