"""Halves: float16 to float32 by table."""

from __future__ import annotations

import numpy as np

from functions.domain.halves import widened

EVERY = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


def test_every_half_keeps_its_value():
    np.testing.assert_array_equal(widened(EVERY), EVERY.astype(np.float32))
    assert widened(EVERY).dtype == np.float32
    assert np.signbit(widened(np.float16([-0.0])))[0]


def test_shape_and_order_survive():
    rings = EVERY[:6].reshape(2, 3)
    np.testing.assert_array_equal(widened(rings.T), rings.T.astype(np.float32))
