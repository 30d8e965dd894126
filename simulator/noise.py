"""Noise with a memory: first-order autoregressive series, and rectangular pulses."""

from __future__ import annotations

import numpy as np

REFERENCE_INTERVAL_S = 900
PULSE_STEP_KW = 1 / 64  # sums of such steps are exact in float32, so a pulse that ends leaves nothing behind


def autoregressive(
    rng: np.random.Generator,
    steps: int,
    width: int,
    correlation: float | np.ndarray,
    interval_s: int = REFERENCE_INTERVAL_S,
    *,
    uneven: float = 0.0,
) -> np.ndarray:
    """Stationary AR(1) series of unit variance, `[steps, width] float32`.

    `correlation`, one for all or `[width]`, is that of neighbours 15 minutes apart; other intervals keep the same
    memory in hours. `uneven` spreads the size of the innovations (of the lognormal), which gives them heavy tails.
    """
    rho = np.float32(correlation ** (interval_s / REFERENCE_INTERVAL_S))
    series = rng.standard_normal((steps, width), dtype=np.float32)
    if uneven:
        size = rng.standard_normal((steps, width), dtype=np.float32)
        size *= np.float32(uneven)
        size -= np.float32(uneven**2)  # the mean square of the lognormal is one
        series *= np.exp(size, out=size)
    series[1:] *= np.sqrt(1 - rho**2)
    for step in range(1, steps):
        series[step] += rho * series[step - 1]
    return series


def pulses(
    shape: tuple[int, int], first: np.ndarray, meter: np.ndarray, length: np.ndarray, kw: np.ndarray
) -> np.ndarray:
    """Sum of rectangular pulses of `kw` from slot `first` for `length` slots, `[T, M] float32`, kW."""
    steps = np.zeros((shape[0] + 1, shape[1]), dtype=np.float32)
    kw = (np.round(kw / PULSE_STEP_KW) * PULSE_STEP_KW).astype(np.float32)
    np.add.at(steps, (first, meter), kw)
    np.subtract.at(steps, (np.minimum(first + length, shape[0]), meter), kw)
    total: np.ndarray = np.cumsum(steps[:-1], axis=0, out=steps[:-1])
    return total
