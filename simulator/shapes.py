"""The shapes of voltage faults: what each does to a true series, wherever it is injected.

A shape is a factor on the voltage of `k` intervals, `[k, 1]` or `[k, n]`, made from sizes the caller has drawn; so a
scenario and a trial may differ in how large and how long their faults are, never in what they are.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from simulator.noise import autoregressive

VOLTAGE_TO_ENERGY = 0.8
"""Relative change of energy for one of voltage: the factor of conservation voltage reduction, PNNL-19596 (2010)."""
WANDERING_CORRELATION = 0.9
LOWEST_FACTOR, HIGHEST_FACTOR = 0.80, 1.20  # beyond, fuses and surge arresters end the story
SATURATION = 3.0  # time constants within a drift that levels off: it has reached 95 % of its end by then
SMALLEST_PU = 0.01  # a meter that reports an outage has no level to bring to another one


class Manner(IntEnum):
    """How a voltage behaves at the level a sag or swell brings it to."""

    kept = 0
    """With the variation it has anyway."""
    constant = 1
    wandering = 2
    """Not the variation it had, but a slow one of its own."""


def level(
    rng: np.random.Generator, voltage_pu: np.ndarray, level_pu: float, manner: Manner, wander_pu: float = 0.0
) -> np.ndarray:
    """Sag, swell: bring `voltage_pu [k, n]` to about `level_pu`, whatever it was before; factors `[k, n]` or `[k, 1]`.

    `wander_pu` is the standard deviation of a wandering level.
    """
    there = np.maximum(voltage_pu, SMALLEST_PU)
    if manner is Manner.kept:
        return np.full((len(there), 1), level_pu / np.nanmean(there))
    wander = np.zeros((len(there), 1), np.float32)
    if manner is Manner.wandering:
        wander = wander_pu * autoregressive(rng, len(there), 1, WANDERING_CORRELATION)
    factor: np.ndarray = (level_pu + wander) / there
    return factor


def shift(steps: int, by_pu: float) -> np.ndarray:
    """A regulator that is stuck: everything is moved by the same share, `[k, 1]`."""
    return np.full((steps, 1), 1 + by_pu)


def flicker(rng: np.random.Generator, steps: int, swing_pu: float, *, alternating: bool = False) -> np.ndarray:
    """Fast fluctuation of standard deviation `swing_pu` from reading to reading, `[k, 1]`.

    Alternating: up, down, up with uneven strength, as a load does that switches on and off with the interval.
    """
    swing = rng.standard_normal((steps, 1))
    if alternating:
        strength = rng.uniform(0.5, 1.5, (steps, 1))
        swing = strength / np.sqrt(1 + 1 / 12) * np.where(np.arange(steps) % 2, 1, -1)[:, None]
    return _bounded(1 + swing_pu * swing)


def loose_neutral(
    rng: np.random.Generator,
    steps: int,
    swings_pu: tuple[float, float],
    correlation: float,
    load: np.ndarray | None = None,
) -> np.ndarray:
    """The two legs of a split-phase service swing as the neutral lets go, more with every hour, `[k, 1]`.

    `swings_pu` are the standard deviations at its beginning and at its end. `load [k]`, standardised, drives half of
    the swing where it is given: the leg that carries more sags and the other one swells, so either sign occurs.
    """
    swing = autoregressive(rng, steps, 1, correlation)
    if load is not None:
        swing = (swing + np.clip(load, -3, 3)[:, None]) * np.float32(np.sqrt(0.5))
    return _bounded(1 + np.linspace(*swings_pu, steps)[:, None] * swing)


def drift(steps: int, reached_pu: float, *, saturating: bool = False) -> np.ndarray:
    """A voltage divider that ages until it is `reached_pu` off, `[k, 1]`; linear, or levelling off.

    It holds for energy too: the register multiplies by the voltage the meter believes in.
    """
    course = np.linspace(0, 1, steps)[:, None]
    if saturating:
        course = (1 - np.exp(-SATURATION * course)) / (1 - np.exp(-SATURATION))
    return 1 + reached_pu * course


def partly(factor: np.ndarray, covered: np.ndarray) -> np.ndarray:
    """The factor on interval means when only the share `covered [k]` of each interval is in the fault, `[k, n]`."""
    return 1 + (factor - 1) * covered[:, None]


def energy_factor(factor: np.ndarray) -> np.ndarray:
    """What a factor on the true voltage does to the loads behind it, same shape."""
    followed: np.ndarray = np.asarray(factor, dtype=np.float32) ** np.float32(VOLTAGE_TO_ENERGY)
    return followed


def without_power(
    voltage_v: np.ndarray, energy_kwh: np.ndarray, lit: np.ndarray, silent: np.ndarray, mute: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Voltage and energy `[k, n]` of an outage, where the share `lit [k, n]` of each interval had power.

    A meter that lives on reports zeros, and for an interval with some power the mean over all of it, in voltage as in
    energy. A `silent [n]` one measures only while it lives: its voltage is the one that was there, its energy is
    partial, and there is no reading where it is `mute [k, n]`.
    """
    seen = np.where(silent & (lit > 0), voltage_v, voltage_v * lit)
    return np.where(mute, np.nan, seen), np.where(mute, np.nan, energy_kwh * lit)


def stuck(values: np.ndarray) -> np.ndarray:
    """The first reading of `values`, `[k]` or `[k, 1]`, over and over; gaps stay as they were."""
    there = ~np.isnan(values)
    return np.where(there, values[np.argmax(there)], values)


def _bounded(factor: np.ndarray) -> np.ndarray:
    bounded: np.ndarray = np.clip(factor, LOWEST_FACTOR, HIGHEST_FACTOR)
    return bounded
