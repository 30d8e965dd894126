"""The linear score: how far a window lies from the healthy ones when features that move together count once.

Mahalanobis distance squared, over the covariance of healthy windows with a ridge that keeps it invertible.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

RIDGE = 0.05
"""Variance added to each standardised feature: window mean, lowest and highest are nearly one."""
ORDINARY = 4.0
"""The covariance is that of windows cut at four standard deviations: rare extremes are not to explain themselves."""


@dataclass(frozen=True)
class Mahalanobis:
    """`|W (z − centre)|²`."""

    centre: NDArray[np.float32]
    """`[28]`."""
    whitening: NDArray[np.float32]
    """`[28, 28]`."""

    def __call__(self, z: NDArray[np.float32]) -> NDArray[np.float64]:
        """Squared distances `[n]` of standardised windows `[n, 28]`, in float64: the graph's reference."""
        off = (z.astype(np.float64) - self.centre) @ self.whitening.astype(np.float64).T
        return np.square(off).sum(axis=1)


def fit_mahalanobis(z: NDArray[np.float32]) -> Mahalanobis:
    """Fit to standardised healthy windows `[n, 28]`."""
    ordinary = np.clip(z.astype(np.float64), -ORDINARY, ORDINARY)
    covariance = np.cov(ordinary.T) + RIDGE * np.eye(z.shape[1])
    whitening = np.linalg.inv(np.linalg.cholesky(covariance))
    return Mahalanobis(ordinary.mean(axis=0).astype(np.float32), whitening.astype(np.float32))
