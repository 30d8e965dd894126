"""The faults of a trial: how large and how long, from ranges broad enough to hold whatever a real grid may do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator import shapes
from simulator.schemes import EXTRA_SCHEMES, SCHEMES
from simulator.shapes import Manner

LEVEL_PU = (0.055, 0.20)  # off nominal: just outside range A of ANSI C84.1 (±5 %) to what trips appliances
WANDER_PU = (0.002, 0.010)
PARTIAL_SHARE = 0.5  # of sags and swells begin and end within an interval
SMALLEST_COVER = 0.1  # an interval with less of the fault than this is as good as clean, and not called faulty
SILENT_SHARE = 0.5
FLICKER_PU = (0.0165, 0.04)  # IEC 61000-3-3 allows a load to step the voltage by 3.3 %, that is ±1.65 %
LOOSE_NEUTRAL_PU = (0.01, 0.05)
LOOSE_NEUTRAL_CORRELATION = (0.0, 0.8)
DRIFT_PU = (0.03, 0.10)
TAP_PU = (0.02, 0.07)

HOURS: dict[str, tuple[float, float]] = {
    "sag": (0.25, 12),
    "swell": (0.25, 12),
    "outage": (0.25, 8),
    "flicker": (1, 8),
    "drift": (24, 5 * 24),
    "loose_neutral": (12, 5 * 24),
    "stuck": (4, 36),
    "tap": (3, 3 * 24),
    **dict.fromkeys((*SCHEMES, *EXTRA_SCHEMES), (2 * 24, 14 * 24)),
}
OFTEN_SHORT = frozenset({"sag", "swell", "outage"})


@dataclass(frozen=True)
class Stretch:
    """Readings of one meter about to become faulty. The arrays are views: faults write into them."""

    voltage_v: np.ndarray
    """`[k] float32`, V."""
    energy_kwh: np.ndarray
    """`[k] float32`, kWh."""
    before: tuple[np.ndarray, np.ndarray]
    """The voltage and the energy `[b]` of some readings before, `b` may be 0."""
    nominal_v: float
    per_day: int

    @property
    def steps(self) -> int:
        """Its number of intervals, k."""
        return len(self.voltage_v)


def draw_steps(rng: np.random.Generator, kind: str, per_day: int) -> int:
    """How many intervals a fault of this kind lasts: uniform in hours, or in their logarithm where most are short."""
    low, high = HOURS[kind]
    hours = np.exp(rng.uniform(np.log(low), np.log(high))) if kind in OFTEN_SHORT else rng.uniform(low, high)
    return max(1, round(float(hours) * per_day / 24))


def apply(kind: str, rng: np.random.Generator, stretch: Stretch) -> None:
    """Let a fault of this kind happen to a stretch of readings; gaps stay gaps."""
    if kind in SCHEMES or kind in EXTRA_SCHEMES:
        _steal(kind, rng, stretch)
    else:
        (FAULTS | EXTRA_FAULTS)[kind](rng, stretch)


def _sag(rng: np.random.Generator, stretch: Stretch) -> None:
    _to_level(rng, stretch, 1 - rng.uniform(*LEVEL_PU))


def _swell(rng: np.random.Generator, stretch: Stretch) -> None:
    _to_level(rng, stretch, 1 + rng.uniform(*LEVEL_PU))


def _to_level(rng: np.random.Generator, stretch: Stretch, level_pu: float) -> None:
    pu = (stretch.voltage_v / stretch.nominal_v)[:, None]
    factor = shapes.level(rng, pu, level_pu, Manner(rng.integers(len(Manner))), rng.uniform(*WANDER_PU))
    _follow(stretch, shapes.partly(factor, _cover(rng, stretch.steps, PARTIAL_SHARE)))


def _flicker(rng: np.random.Generator, stretch: Stretch) -> None:
    _follow(stretch, shapes.flicker(rng, stretch.steps, rng.uniform(*FLICKER_PU), alternating=rng.random() < 0.5))


def _loose_neutral(rng: np.random.Generator, stretch: Stretch) -> None:
    low, high = np.sort(rng.uniform(*LOOSE_NEUTRAL_PU, 2)).tolist()
    known = stretch.energy_kwh[~np.isnan(stretch.energy_kwh)]
    load = None
    if rng.random() < 0.5 and len(known) and known.std() > 0:
        load = np.nan_to_num((stretch.energy_kwh - known.mean()) / known.std()) * rng.choice((-1, 1))
    correlation = rng.uniform(*LOOSE_NEUTRAL_CORRELATION)
    _follow(stretch, shapes.loose_neutral(rng, stretch.steps, (low, high), correlation, load))


def _drift(rng: np.random.Generator, stretch: Stretch) -> None:
    reached = rng.choice((-1, 1)) * rng.uniform(*DRIFT_PU)
    factor = shapes.drift(stretch.steps, reached, saturating=rng.random() < 0.5)[:, 0]
    stretch.voltage_v[:] *= factor
    stretch.energy_kwh[:] *= factor


def _tap(rng: np.random.Generator, stretch: Stretch) -> None:
    """A tap or a divider on the wrong step: everything is moved by the same share."""
    factor = shapes.shift(stretch.steps, rng.choice((-1, 1)) * rng.uniform(*TAP_PU))[:, 0]
    stretch.voltage_v[:] *= factor


def _outage(rng: np.random.Generator, stretch: Stretch) -> None:
    lit = 1 - _cover(rng, stretch.steps, 1.0)[:, None]
    silent = np.array([rng.random() < SILENT_SHARE])
    readings = stretch.voltage_v[:, None], stretch.energy_kwh[:, None]
    voltage, energy = shapes.without_power(*readings, lit, silent, silent & (lit == 0))
    stretch.voltage_v[:], stretch.energy_kwh[:] = voltage[:, 0], energy[:, 0]


def _stuck(_: np.random.Generator, stretch: Stretch) -> None:
    for before, values in zip(stretch.before, (stretch.voltage_v, stretch.energy_kwh), strict=True):
        seen = before[~np.isnan(before)][-1:]  # so that every reading of the stretch is a repetition
        values[:] = shapes.stuck(np.concatenate((seen, values)))[len(seen) :]


def _steal(kind: str, rng: np.random.Generator, stretch: Stretch) -> None:
    gaps = np.isnan(stretch.energy_kwh)
    slot = np.arange(stretch.steps)
    true = np.interp(slot, slot[~gaps], stretch.energy_kwh[~gaps]).astype(np.float32)
    stretch.energy_kwh[:] = np.where(gaps, np.nan, (SCHEMES | EXTRA_SCHEMES)[kind](rng, true, stretch.per_day))


def _follow(stretch: Stretch, factor: np.ndarray) -> None:
    """Change the true voltage; the loads follow it."""
    stretch.voltage_v[:] *= factor[:, 0]
    follows = np.nan_to_num(shapes.energy_factor(factor[:, 0]), nan=1)  # where only the voltage is missing
    stretch.energy_kwh[:] *= follows


def _cover(rng: np.random.Generator, steps: int, partial_share: float) -> np.ndarray:
    """Share of each interval that lies in the fault, `[k] float32`: ones, but for the first and the last."""
    cover = np.ones(steps, np.float32)
    if rng.random() < partial_share:
        cover[0], cover[-1] = rng.uniform(SMALLEST_COVER, 1, 2)
    return cover


FAULTS: dict[str, Callable[[np.random.Generator, Stretch], None]] = {
    "sag": _sag,
    "swell": _swell,
    "outage": _outage,
    "flicker": _flicker,
    "drift": _drift,
    "loose_neutral": _loose_neutral,
    "stuck": _stuck,
}
EXTRA_FAULTS: dict[str, Callable[[np.random.Generator, Stretch], None]] = {"tap": _tap}
"""To learn from only, as `schemes.EXTRA_SCHEMES`."""
