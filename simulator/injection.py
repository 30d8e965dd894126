"""Where faults write themselves into raw readings, and where the truth about them is kept."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from simulator.shapes import energy_factor
from simulator.topology import SUPPLY_DEVICES, Device

if TYPE_CHECKING:
    from simulator.orders import Announcement, IssuedOrder
    from simulator.scenario import Scenario
    from simulator.topology import Network

PLACEMENT_TRIES = 60


@dataclass(frozen=True)
class TruthEvent:
    """Something that really happened. `meters` are indices into the topology; times are epoch s, `end` exclusive."""

    truth_id: str
    kind: str
    cause: str
    meters: np.ndarray
    start: int
    end: int
    work_order_id: str | None = None
    device: Device = field(default_factory=Device)
    """The deepest device whose meters are these; for communication a collector, where it is one."""
    announcement: Announcement | None = None
    """What the utility's orders say of it; None when they say nothing, or something else."""

    @property
    def customers_out(self) -> int:
        """How many customers it reaches: every meter has one of its own."""
        return len(self.meters)


@dataclass(frozen=True)
class MeterSwap:
    """A meter that is replaced: from `at` (epoch s, the start of an interval) the same place reports by another id."""

    meter: int
    at: int
    new_meter_id: str
    registered_at: int
    """When the roster names the new meter."""


@dataclass(frozen=True)
class SimulatedDeviceEvent:
    """What a meter says besides its readings; its code is one of the event contract, such as `last_gasp`."""

    meter: int
    at: int
    code: str


@dataclass
class Injection:
    """The readings under construction. Faults change the arrays in place and book what they did."""

    scenario: Scenario
    network: Network
    voltage_v: np.ndarray
    """`[T, M] float32`, V."""
    energy_kwh: np.ndarray
    """`[T, M] float32`, kWh."""
    own_drop_v: np.ndarray
    """`[T, M] float32`, V: what each voltage lacks because of the customer's own load."""
    truth: list[TruthEvent] = field(default_factory=list)
    benign: list[TruthEvent] = field(default_factory=list)
    device_events: list[SimulatedDeviceEvent] = field(default_factory=list)
    orders: list[IssuedOrder] = field(default_factory=list)
    swaps: list[MeterSwap] = field(default_factory=list)
    busy: np.ndarray = field(init=False)
    """`[T, M] bool`: taken by a fault. Two faults on one reading would leave its truth open to argument."""
    thieves: np.ndarray = field(init=False)
    """`[M] bool`: meters that keep one long secret; other single-meter faults leave them alone."""

    def __post_init__(self) -> None:
        self.busy = np.zeros(self.voltage_v.shape, dtype=bool)
        self.thieves = np.zeros(self.voltage_v.shape[1], dtype=bool)

    def book(
        self,
        kind: str,
        cause: str,
        meters: np.ndarray,
        start: int,
        end: int,
        work_order_id: str | None = None,
        announcement: Announcement | None = None,
    ) -> None:
        """Keep the truth of a fault that has been written, cut at the end of the period."""
        truth_id, meters = f"TRUTH-{len(self.truth) + 1:04d}", np.sort(meters)
        device = self.network.device_of(meters, ("collector",) if kind == "communication" else SUPPLY_DEVICES)
        end = min(end, self.scenario.end)
        self.truth.append(TruthEvent(truth_id, kind, cause, meters, start, end, work_order_id, device, announcement))

    def book_benign(self, kind: str, cause: str, meters: np.ndarray, start: int, end: int) -> None:
        """Keep what changes readings and is no fault."""
        benign_id = f"BENIGN-{len(self.benign) + 1:04d}"
        self.benign.append(TruthEvent(benign_id, kind, cause, np.sort(meters), start, min(end, self.scenario.end)))

    def say(self, meters: np.ndarray, at: np.ndarray, code: str) -> None:
        """Let meters send a device event, `at [n] int64` epoch s; what comes after the period is not seen."""
        for meter, second in zip(meters.tolist(), at.tolist(), strict=True):
            if second < self.scenario.end:
                self.device_events.append(SimulatedDeviceEvent(meter, second, code))

    def touched(self, start: int, end: int) -> slice:
        """Slots that share any time with [start, end)."""
        interval_s = self.scenario.interval_s
        first = max(0, (start - self.scenario.start) // interval_s)
        return slice(first, min(self.scenario.slot_count, -((self.scenario.start - end) // interval_s)))

    def occupy(self, meters: np.ndarray, start: int, end: int) -> None:
        """Reserve readings for one fault."""
        self.busy[self.touched(start, end), meters] = True

    def is_free(self, meters: np.ndarray, start: int, end: int) -> bool:
        """Whether the fault fits the period and no other fault has any of these readings."""
        fits = self.scenario.first_fault_at <= start and end <= self.scenario.end
        return fits and len(meters) > 0 and not self.busy[self.touched(start, end), meters].any()

    def aligned(self, at: float) -> int:
        """The start of the interval that holds `at`, epoch s."""
        return int(
            self.scenario.start + (at - self.scenario.start) // self.scenario.interval_s * self.scenario.interval_s
        )

    def random_window(self, rng: np.random.Generator, meters: np.ndarray, duration_s: float) -> tuple[int, int] | None:
        """A free, slot-aligned [start, end) for a fault on these meters, or None where there is no room."""
        earliest, interval_s = self.scenario.first_fault_at, self.scenario.interval_s
        duration_s = min(duration_s, (self.scenario.end - earliest) * 0.75)  # a short period has short faults
        duration_s = max(1, round(duration_s / interval_s)) * interval_s
        for _ in range(PLACEMENT_TRIES):
            start = self.aligned(rng.uniform(earliest, max(earliest + 1, self.scenario.end - duration_s)))
            if self.is_free(meters, start, start + duration_s):
                return start, start + duration_s
        return None

    def random_meter(self, rng: np.random.Generator) -> np.ndarray:
        """One honest meter, `[1] int64`; any meter when there is no honest one."""
        honest = np.flatnonzero(~self.thieves)
        return rng.choice(honest if len(honest) else np.arange(len(self.thieves)), 1)

    def random_transformer(self, rng: np.random.Generator) -> int:
        """One transformer, by index; large ones are not preferred."""
        return int(rng.integers(len(self.network.position)))

    def scale_voltage(self, meters: np.ndarray, start: int, end: int, factor: np.ndarray | float) -> None:
        """Multiply true voltage by `factor` (a number, `[k, 1]` or `[k, n]`); the loads follow it."""
        where = np.ix_(np.arange(len(self.busy))[self.touched(start, end)], meters)
        self.voltage_v[where] *= factor
        self.energy_kwh[where] *= energy_factor(factor)
