"""Voltage faults: the ones customers notice (sag, swell, flicker, loose neutral) and the ones only meters see."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from simulator.noise import autoregressive
from simulator.scenario import HOUR_S

if TYPE_CHECKING:
    from simulator.injection import Injection

EVENT_HOURS = (0.5, 6.0)
DEPTH_PU = (0.06, 0.15)  # of nominal: just outside range A of ANSI C84.1 to far outside range B
TRANSFORMER_WIDE_SHARE = 0.4
REGULATOR_HOURS = (3.0, 12.0)
REGULATOR_SHIFT_PU = (0.04, 0.07)
LOOSE_NEUTRAL_DAYS = (1.0, 3.0)
LOOSE_NEUTRAL_SWING_PU = (0.01, 0.05)  # standard deviation at its beginning and at its end
FLICKER_HOURS = (1.0, 6.0)
FLICKER_SWING_PU = (0.02, 0.04)  # standard deviation
DRIFT_DAYS = (1.0, 3.0)
DRIFT_PU = (0.05, 0.09)  # reached at the end
PLACEMENT_TRIES = 20

Shape = Callable[[np.random.Generator, int, np.ndarray], np.ndarray]
"""Factors `[k, 1]` on the voltage for `k` slots; the third argument is the event's mean voltage, pu of nominal."""


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
    mean_pu = np.asarray((injection.voltage_v[rows, meters] / nominal).mean())
    factor = shape(rng, rows.stop - rows.start, mean_pu).astype(np.float32)
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


def _sag(rng: np.random.Generator, steps: int, mean_pu: np.ndarray) -> np.ndarray:
    """A level below nominal, whatever the voltage was before."""
    return np.full((steps, 1), (1 - rng.uniform(*DEPTH_PU)) / mean_pu)


def _swell(rng: np.random.Generator, steps: int, mean_pu: np.ndarray) -> np.ndarray:
    return np.full((steps, 1), (1 + rng.uniform(*DEPTH_PU)) / mean_pu)


def _regulator(rng: np.random.Generator, steps: int, mean_pu: np.ndarray) -> np.ndarray:
    """A shift away from nominal: a regulator that is stuck adds to the error it should correct."""
    away = 1 if mean_pu >= 1 else -1
    return np.full((steps, 1), 1 + away * rng.uniform(*REGULATOR_SHIFT_PU))


def _flicker(rng: np.random.Generator, steps: int, mean_pu: np.ndarray) -> np.ndarray:
    swing = rng.uniform(*FLICKER_SWING_PU) * rng.standard_normal((steps, 1))
    factor: np.ndarray = np.clip(1 + swing, 0.85, 1.12) / mean_pu
    return factor


def _loose_neutral(rng: np.random.Generator, steps: int, mean_pu: np.ndarray) -> np.ndarray:
    """The two legs of a split-phase service swing as the neutral lets go, more with every hour."""
    growth = np.linspace(*LOOSE_NEUTRAL_SWING_PU, steps)[:, None]
    swing = growth * autoregressive(rng, steps, 1, 0.3)
    factor: np.ndarray = np.clip(1 + swing, 0.80, 1.20) / mean_pu
    return factor


def _drift(rng: np.random.Generator, steps: int, mean_pu: np.ndarray) -> np.ndarray:
    away = 1 if mean_pu >= 1 else -1
    return 1 + away * np.linspace(0, rng.uniform(*DRIFT_PU), steps)[:, None]
