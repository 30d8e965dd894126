"""What a display shows of a measured value: most meters 0.1 V and 1 Wh, some less."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from simulator.scenario import Scenario

FINE_DECIMALS = (1, 3)
COARSE_DECIMALS = (0, 2)
COARSE_VOLTAGE_SHARE = 0.025  # older meters report whole volts
COARSE_ENERGY_SHARE = 0.025  # and others registers of 10 Wh


@dataclass(frozen=True)
class Display:
    """Which meters show less than the others."""

    coarse_voltage: np.ndarray
    """`[M] bool`: 1 V instead of 0.1 V."""
    coarse_energy: np.ndarray
    """`[M] bool`: 10 Wh instead of 1 Wh."""

    def show(self, voltage_v: np.ndarray, energy_kwh: np.ndarray) -> None:
        """Round readings `[T, M]` in place."""
        coarse = (self.coarse_voltage, self.coarse_energy)
        for values, those, fine, few in zip(
            (voltage_v, energy_kwh), coarse, FINE_DECIMALS, COARSE_DECIMALS, strict=True
        ):
            values[:, those] = np.round(values[:, those], few)
            np.round(values, fine, out=values)


def draw_display(scenario: Scenario) -> Display:
    """Draw every meter's display; no meter is coarse in both."""
    lot = scenario.stream("display").random(scenario.meters)
    return Display(lot < COARSE_VOLTAGE_SHARE, lot >= 1 - COARSE_ENERGY_SHARE)
