"""Halves: the two-byte floats of a pack, as numbers to compute with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ALL = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)
"""What each of the 65,536 halves is. numpy converts them one by one in software; looking them up takes half as long."""


def widened(half: NDArray[np.float16]) -> NDArray[np.float32]:
    """The same numbers as float32, exactly; NaN stays NaN."""
    return _ALL.take(half.view(np.uint16))
