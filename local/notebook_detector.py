"""The per-reading detector of the notebook this product grew from, written afresh from its description.

It serves as the yardstick of `bench`: a buffer of four readings a meter, six features, a scaler, a VAE scored by its
ELBO with a sampled latent, and a rolling 99th percentile over 168 scores. Its weights are random: time does not depend
on them, and nothing here is used to detect anything.
"""

from __future__ import annotations

from collections import defaultdict, deque
from itertools import pairwise

import numpy as np

BUFFER = 4
HISTORY = 168
MINIMUM_HISTORY = 24
FALLBACK_THRESHOLD = 10.0
LAYERS = (6, 32, 16)
LATENT = 3


class StreamingAnomalyDetector:
    """One Python object, one reading at a time."""

    def __init__(self, seed: int = 0) -> None:
        self._rng = np.random.default_rng(seed)
        self._mean, self._scale = np.array([240, 1, 2, 239, 241, 0.5]), np.array([2, 0.5, 1, 2, 2, 0.4])
        self._encoder = [self._layer(*shape) for shape in pairwise(LAYERS)]
        self._to_mean, self._to_log_var = self._layer(LAYERS[-1], LATENT), self._layer(LAYERS[-1], LATENT)
        back = (LATENT, *reversed(LAYERS))
        self._decoder = [self._layer(*shape) for shape in pairwise(back)]
        self._buffers: dict[str, deque[tuple[float, float]]] = defaultdict(lambda: deque(maxlen=BUFFER))
        self._scores: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=HISTORY))

    def _layer(self, inputs: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
        return self._rng.normal(0, 1 / np.sqrt(inputs), (inputs, outputs)), np.zeros(outputs)

    def process(self, meter_id: str, voltage_v: float, energy_kwh: float) -> bool | None:
        """Take one reading; whether its window is anomalous, or None while the buffer fills."""
        buffer = self._buffers[meter_id]
        buffer.append((voltage_v, energy_kwh))
        if len(buffer) < BUFFER:
            return None
        window = np.array(buffer)
        volts = window[:, 0]
        features = np.array(
            [volts.mean(), volts.std(), volts.max() - volts.min(), volts.min(), volts.max(), window[:, 1].mean()]
        )
        score = self._negative_elbo((features - self._mean) / self._scale)
        history = self._scores[meter_id]
        threshold = np.percentile(history, 99) if len(history) >= MINIMUM_HISTORY else FALLBACK_THRESHOLD
        history.append(score)
        return bool(score > threshold)

    def _negative_elbo(self, x: np.ndarray) -> float:
        hidden = x
        for weights, bias in self._encoder:
            hidden = np.maximum(hidden @ weights + bias, 0)
        mean = hidden @ self._to_mean[0] + self._to_mean[1]
        log_var = hidden @ self._to_log_var[0] + self._to_log_var[1]
        back = mean + np.exp(log_var / 2) * self._rng.standard_normal(LATENT)
        for number, (weights, bias) in enumerate(self._decoder, 1):
            back = back @ weights + bias
            back = np.maximum(back, 0) if number < len(self._decoder) else back
        kl = -0.5 * np.sum(1 + log_var - mean**2 - np.exp(log_var))
        return float(np.square(x - back).mean() + kl)
