"""Raw readings of many meters over a period, as arrays: what faults are injected into, and what models learn from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RawReadings:
    """T slots of M meters; NaN in both voltage and energy where a reading never came."""

    first_slot: int
    """Slot of row 0: seconds since the epoch // interval_s."""
    interval_s: int
    voltage_v: np.ndarray
    """`[T, M] float32`, V; 0 while a meter reports an outage."""
    energy_kwh: np.ndarray
    """`[T, M] float32`, kWh in the interval."""
    nominal_v: np.ndarray
    """`[M] float32`, V; NaN where unknown."""
    customer_type: np.ndarray
    """`[M] str`: residential, commercial or industrial; empty where unknown."""

    @property
    def slots_per_day(self) -> int:
        """Readings of one meter in a day."""
        return 86_400 // self.interval_s
