"""Voltage faults: the ones customers notice (sag, swell, flicker, loose neutral) and the ones only meters see."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from simulator import shapes
from simulator.scenario import HOUR_S
from simulator.shapes import Manner

if TYPE_CHECKING:
    from simulator.injection import Injection

EVENT_HOURS = (0.5, 6.0)
DEPTH_PU = (0.06, 0.15)  # of nominal: just outside range A of ANSI C84.1 to far outside range B
TRANSFORMER_WIDE_SHARE = 0.4
REGULATOR_HOURS = (3.0, 12.0)
REGULATOR_SHIFT_PU = (0.04, 0.07)
LOOSE_NEUTRAL_DAYS = (1.0, 3.0)
LOOSE_NEUTRAL_SWING_PU = (0.01, 0.05)  # standard deviation at its beginning and at its end
LOOSE_NEUTRAL_CORRELATION = 0.3
FLICKER_HOURS = (1.0, 6.0)
FLICKER_SWING_PU = (0.02, 0.04)  # standard deviation
DRIFT_DAYS = (1.0, 3.0)
DRIFT_PU = (0.05, 0.09)  # reached at the end
PLACEMENT_TRIES = 20

Shape = Callable[[np.random.Generator, np.ndarray], np.ndarray]
"""Factors `[k, 1]` or `[k, n]` on the voltage of the event's meters, which is the second argument, `[k, n]` in pu."""


def inject_voltage_faults(injection: Injection) -> None:
    """Change voltages, and the energy that follows them; kinds as the functions below, causes in the truth."""
    scenario = injection.scenario
    rng = scenario.stream("voltage faults")
    by_size, week = scenario.occurrences_by_size, scenario.occurrences
    plan: tuple[tuple[str, str, int, tuple[float, float], Shape], ...] = (
        ("sag", "overload", by_size(scenario.sags_per_1000_meter_weeks), EVENT_HOURS, _sag),
        ("swell", "overvoltage", by_size(scenario.swells_per_1000_meter_weeks), EVENT_HOURS, _swell),
        ("regulator", "tap_stuck", week(scenario.regulator_faults_per_week), REGULATOR_HOURS, _regulator),
        ("flicker", "connection", by_size(scenario.flickers_per_1000_meter_weeks), FLICKER_HOURS, _flicker),
        ("loose_neutral", "connection", by_size(scenario.loose_neutrals_per_1000_meter_weeks),
         (LOOSE_NEUTRAL_DAYS[0] * 24, LOOSE_NEUTRAL_DAYS[1] * 24), _loose_neutral),
        ("drift", "metering", by_size(scenario.drifts_per_1000_meter_weeks),
         (DRIFT_DAYS[0] * 24, DRIFT_DAYS[1] * 24), _drift),
    )  # fmt: skip
    for kind, cause, count, hours, shape in plan:
        for _ in range(count):
            _place(injection, rng, kind, cause, hours, shape)


def _place(
    injection: Injection,
    rng: np.random.Generator,
    kind: str,
    cause: str,
    hours: tuple[float, float],
    shape: Shape,
) -> None:
    for _ in range(PLACEMENT_TRIES):
        meters = _reach(injection, rng, kind)
        window = injection.random_window(rng, meters, rng.uniform(*hours) * HOUR_S)
        if window is not None:
            break
    else:
        return
    rows = injection.touched(*window)
    nominal = injection.network.topology.nominal_voltage_v[meters]
    factor = shape(rng, injection.voltage_v[rows, meters] / nominal).astype(np.float32)
    if kind == "drift":  # the meter's own divider drifts, and its energy register multiplies by what it says
        injection.voltage_v[rows, meters] *= factor
        injection.energy_kwh[rows, meters] *= factor
    else:
        injection.scale_voltage(meters, *window, factor)
    injection.occupy(meters, *window)
    injection.book(kind, cause, meters, *window)


def _reach(injection: Injection, rng: np.random.Generator, kind: str) -> np.ndarray:
    """Meters a fault of this kind touches, `[n] int64`."""
    network = injection.network
    if kind == "regulator":
        return network.below_feeder(int(rng.integers(len(network.substation_of_feeder))))
    if kind in {"sag", "swell"} and rng.random() < TRANSFORMER_WIDE_SHARE:
        return network.below_transformer(injection.random_transformer(rng))
    return injection.random_meter(rng)


def _sag(rng: np.random.Generator, pu: np.ndarray) -> np.ndarray:
    return shapes.level(rng, pu, 1 - rng.uniform(*DEPTH_PU), Manner.kept)


def _swell(rng: np.random.Generator, pu: np.ndarray) -> np.ndarray:
    return shapes.level(rng, pu, 1 + rng.uniform(*DEPTH_PU), Manner.kept)


def _regulator(rng: np.random.Generator, pu: np.ndarray) -> np.ndarray:
    """Away from nominal: a regulator that is stuck adds to the error it should correct."""
    return shapes.shift(len(pu), _away(pu) * rng.uniform(*REGULATOR_SHIFT_PU))


def _flicker(rng: np.random.Generator, pu: np.ndarray) -> np.ndarray:
    return shapes.flicker(rng, len(pu), rng.uniform(*FLICKER_SWING_PU))


def _loose_neutral(rng: np.random.Generator, pu: np.ndarray) -> np.ndarray:
    return shapes.loose_neutral(rng, len(pu), LOOSE_NEUTRAL_SWING_PU, LOOSE_NEUTRAL_CORRELATION)


def _drift(rng: np.random.Generator, pu: np.ndarray) -> np.ndarray:
    return shapes.drift(len(pu), _away(pu) * rng.uniform(*DRIFT_PU))


def _away(pu: np.ndarray) -> int:
    return 1 if np.nanmean(pu) >= 1 else -1
