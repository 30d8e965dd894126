"""The three detectors of the notebook this product grew from, as yardsticks: what does knowing a meter buy?

They see six features in volts and kilowatt-hours and one scaler for all meters, so that a meter is compared with the
population and not with itself. They are written afresh from the notebook's description, its weaknesses included: the
autoencoders' errors are averaged over the features while the VAE's divergence is summed over its latents, and its ELBO
is taken at one sample of the latent.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from sklearn.ensemble import IsolationForest
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    Advance = Callable[[float], None]

READINGS = 4
FEATURES = 6
TREES = 200
HIDDEN = (32, 16)
LATENTS = 3
FIT_WINDOWS = 500_000
EPOCHS = 12
BATCH = 1024
LEARNING_RATE = 1e-3
LOG_VARIANCE = 20.0
"""Bound of the latents' log variance in scores: beyond it an absurd window's score would be infinite or no number."""
SCORED_AT_ONCE = 100_000
FOREST_SHARE = 0.1
"""Of the time to fit; the autoencoders share the rest."""


def raw_features(voltage_v: NDArray[np.floating], energy_kwh: NDArray[np.floating]) -> NDArray[np.float32]:
    """Features `[T, M, 6] float32` of T slots of M meters (`[T, M]`, V and kWh an interval).

    Voltage mean, standard deviation (population), range, min and max in V, and energy mean in kWh, of the last four
    readings of the meter up to each slot: the notebook keeps a buffer of what came and does not see a gap. A reading is
    a slot with voltage and energy. NaN where no reading came, and before a meter's fourth. If no energy was ever
    measured, its feature is 0 everywhere and says nothing.
    """
    if np.isnan(energy_kwh).all():
        energy_kwh = np.zeros_like(voltage_v)
    came = ~(np.isnan(voltage_v) | np.isnan(energy_kwh))
    features = np.full((*voltage_v.shape, FEATURES), np.nan, np.float32)
    for meter in range(voltage_v.shape[1]):
        slots = np.flatnonzero(came[:, meter])
        if len(slots) >= READINGS:
            volts, energy = (
                sliding_window_view(values[slots, meter].astype(np.float64), READINGS)
                for values in (voltage_v, energy_kwh)
            )
            lowest, highest = volts.min(axis=1), volts.max(axis=1)
            columns = volts.mean(axis=1), volts.std(axis=1), highest - lowest, lowest, highest, energy.mean(axis=1)
            features[slots[READINGS - 1 :], meter] = np.stack(columns, axis=1)
    return features


class Autoencoder(nn.Module):
    """6-32-16-3-16-32-6."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _layers(FEATURES, *HIDDEN, LATENTS)
        self.decoder = _layers(LATENTS, *reversed(HIDDEN), FEATURES)

    def forward(self, z: torch.Tensor, _: torch.Generator) -> torch.Tensor:
        """Mean squared error `[n]` of standardised windows `[n, 6]`: its loss and its score."""
        return torch.square(z - self.decoder(self.encoder(z))).mean(dim=1)


class Vae(nn.Module):
    """6-32-16-3 with a sampled latent."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = _layers(FEATURES, *HIDDEN, 2 * LATENTS)
        self.decoder = _layers(LATENTS, *reversed(HIDDEN), FEATURES)

    def forward(self, z: torch.Tensor, random: torch.Generator) -> torch.Tensor:
        """Mean squared error plus summed divergence `[n]` at a sample of the latent: its loss and its score."""
        mean, log_variance = self.encoder(z).chunk(2, dim=1)
        log_variance = log_variance.clamp(-LOG_VARIANCE, LOG_VARIANCE)
        noise = torch.randn(mean.shape, generator=random, dtype=mean.dtype)
        back = self.decoder(mean + noise * torch.exp(0.5 * log_variance))
        divergence = 0.5 * (torch.exp(log_variance) + torch.square(mean) - 1 - log_variance).sum(dim=1)
        return torch.square(z - back).mean(dim=1) + divergence


@dataclass(frozen=True)
class NotebookDetectors:
    """The fitted three."""

    mean: NDArray[np.float64]
    """`[6]`, of all windows of all meters."""
    sd: NDArray[np.float64]
    forest: IsolationForest
    autoencoder: Autoencoder
    vae: Vae
    seed: int

    @classmethod
    def fit(cls, features: NDArray[np.float32], seed: int, advance: Advance = lambda _: None) -> Self:
        """Fit to windows `[n, 6]` as `raw_features` gives them; rows with a NaN take no part.

        The scaler knows all of them, the detectors at most half a million. The same seed gives the same detectors.
        `advance` is told the progress in shares of the whole.
        """
        known = features[~np.isnan(features).any(axis=1)]
        if not len(known):
            raise ValueError("there is no complete window to fit to; hand in windows of four readings")
        mean, sd = known.mean(axis=0, dtype=np.float64), known.std(axis=0, dtype=np.float64)
        sd = np.where(sd > 0, sd, 1.0)
        some = np.random.default_rng(seed).permutation(len(known))[:FIT_WINDOWS]
        z = ((known[some] - mean) / sd).astype(np.float32)
        forest = IsolationForest(n_estimators=TREES, random_state=seed).fit(z)
        advance(FOREST_SHARE)
        autoencoder, vae = (_trained(kind, z, seed, advance) for kind in (Autoencoder, Vae))
        return cls(mean, sd, forest, autoencoder, vae, seed)

    def scores(self, features: NDArray[np.float32]) -> dict[str, NDArray[np.float64]]:
        """Scores `[n]` of windows `[n, 6]` by detector; higher is more anomalous, 0 for a row with a NaN.

        The same windows in the same order get the same scores, although the VAE samples.
        """
        known = np.flatnonzero(~np.isnan(features).any(axis=1))
        found = {name: np.zeros(len(features)) for name in ("isolation forest", "autoencoder", "VAE")}
        random = torch.Generator().manual_seed(self.seed)
        with torch.no_grad():
            for rows in _pieces(known, SCORED_AT_ONCE):
                z = ((features[rows] - self.mean) / self.sd).astype(np.float32)
                found["isolation forest"][rows] = -self.forest.score_samples(z)
                windows = torch.from_numpy(z)
                found["autoencoder"][rows] = self.autoencoder(windows, random).double().numpy()
                found["VAE"][rows] = self.vae(windows, random).double().numpy()
        return found


def _layers(*widths: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for number, width in enumerate(widths[:-1]):
        layers += [nn.Linear(width, widths[number + 1]), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def _trained(
    kind: type[Autoencoder] | type[Vae], z: NDArray[np.float32], seed: int, advance: Advance
) -> Autoencoder | Vae:
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # layers this small gain nothing from more, and the order of sums stays the same
    torch.use_deterministic_algorithms(mode=True)
    model, windows, random = kind(), torch.from_numpy(z), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    for _ in range(EPOCHS):
        for chosen in torch.randperm(len(windows), generator=random).split(BATCH):
            optimiser.zero_grad()
            model(windows[chosen], random).mean().backward()
            optimiser.step()
        advance((1 - FOREST_SHARE) / 2 / EPOCHS)
    return model.eval()


def _pieces(rows: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
