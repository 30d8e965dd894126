"""The variational autoencoder of standardised windows, 28-32-16-4, with a decoder that says how sure it is.

Kingma, Welling: Auto-Encoding Variational Bayes (2014). Loss is the negative evidence lower bound in nats a window:
reconstruction summed over features, divergence summed over latents, both averaged over the batch alone. Averaging one
of them over its columns as well would weigh the divergence six times too much, and the latents would collapse.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn

from functions.domain.features import ENERGY_FEATURES, FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

HIDDEN = (32, 16)
LATENTS = 4
DECODER_LOG_VARIANCE = (-2.0, 3.0)
"""A decoder may be sure to a third of a usual standard deviation; surer, and rounding of a display would alarm."""
ENCODER_LOG_VARIANCE = (-8.0, 4.0)
EPOCHS = 12
BATCH = 2048
LEARNING_RATE = 3e-3
LEAST_STEPS = 20
"""A schedule of fewer has a part of no length, and divides by it."""
WARM_UP = 0.2
"""Share of the steps over which the divergence gains its full weight, so that the latents find a use first."""
HIDE_ENERGY, HIDE_VOLTAGE = 0.10, 0.03
"""Shares of windows that are trained without energy, or voltages: meters exist that send only one of them."""
ACTIVE_VARIANCE = 0.01
"""Above it a latent unit is in use (Burda et al.: Importance Weighted Autoencoders, 2016)."""


class Terms(NamedTuple):
    """Parts of the negative evidence lower bound."""

    features: torch.Tensor
    """`[n, 28]`: negative log-likelihood of each feature up to a constant; 0 where it was not measured."""
    divergence: torch.Tensor
    """`[n]`: of the posterior from the prior."""


class Vae(nn.Module):
    """Encoder and decoder. `usual` is what a healthy window costs: a feature that costs as much contributes 0."""

    def __init__(self, columns: int = len(FEATURES)) -> None:
        super().__init__()
        wide, narrow = HIDDEN
        self.encoder = nn.Sequential(
            nn.Linear(columns, wide), nn.ReLU(), nn.Linear(wide, narrow), nn.ReLU(), nn.Linear(narrow, 2 * LATENTS)
        )
        self.decoder = nn.Sequential(
            nn.Linear(LATENTS, narrow), nn.ReLU(), nn.Linear(narrow, wide), nn.ReLU(), nn.Linear(wide, 2 * columns)
        )
        self.register_buffer("usual", torch.zeros(columns))

    def forward(self, z: torch.Tensor, measured: torch.Tensor, *, sample: bool) -> Terms:
        """Terms of windows `[n, 28]`; at the posterior mean, or at a sample of it while training."""
        mean, log_variance = self.encoder(z).chunk(2, dim=1)
        log_variance = log_variance.clamp(*ENCODER_LOG_VARIANCE)
        latent = mean + torch.randn_like(mean) * torch.exp(0.5 * log_variance) if sample else mean
        expected, spread = self.decoder(latent).chunk(2, dim=1)
        spread = spread.clamp(*DECODER_LOG_VARIANCE)
        cost = 0.5 * (torch.square(z - expected) * torch.exp(-spread) + spread) - self.usual
        divergence = 0.5 * (torch.exp(log_variance) + torch.square(mean) - 1 - log_variance).sum(dim=1)
        return Terms(torch.where(measured, cost, torch.zeros_like(cost)), divergence)


class VaeScores(NamedTuple):
    """What the autoencoder says of windows, in float64."""

    score: NDArray[np.float64]
    """`[n]`: negative evidence lower bound, nats, up to a constant."""
    contribution: NDArray[np.float64]
    """`[n, 28]`."""


def train_vae(
    z: NDArray[np.float32],
    seed: int,
    *,
    epochs: int = EPOCHS,
    names: Sequence[str] = FEATURES,
    advance: Callable[[float], None] = lambda _: None,
) -> Vae:
    """Train on standardised healthy windows `[n, k]` of the k features `names`; the same seed gives the same weights.

    The product's detector has all 28; evaluation compares it with one of fewer.
    """
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # layers this small gain nothing from more, and the order of sums stays the same
    torch.use_deterministic_algorithms(mode=True)
    windows, vae = torch.from_numpy(z), Vae(z.shape[1])
    energy = torch.tensor([name in ENERGY_FEATURES for name in names])
    steps = epochs * -(-len(z) // BATCH)
    optimiser = torch.optim.Adam(vae.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=max(steps, LEAST_STEPS), pct_start=0.1
    )
    step = 0
    for _ in range(epochs):
        for chosen in torch.randperm(len(windows)).split(BATCH):
            measured = _hide(len(chosen), energy)
            terms = vae(windows[chosen] * measured, measured, sample=True)
            weight = min(1.0, (step + 1) / (WARM_UP * steps))
            loss = terms.features.sum(dim=1).mean() + weight * terms.divergence.mean()
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(vae.parameters(), 5.0)
            optimiser.step()
            schedule.step()
            step += 1
            advance(1 / steps)
    vae.eval()
    with torch.no_grad():
        vae.usual.copy_(vae(windows, torch.ones_like(windows, dtype=torch.bool), sample=False).features.mean(dim=0))
    return vae


def score_vae(vae: Vae, z: NDArray[np.float32], measured: NDArray[np.bool_]) -> VaeScores:
    """Score standardised windows `[n, 28]` in float64: the graph's reference."""
    exact = copy.deepcopy(vae).double()
    with torch.no_grad():
        terms = exact(torch.from_numpy(z).double(), torch.from_numpy(measured), sample=False)
    return VaeScores((terms.features.sum(dim=1) + terms.divergence).numpy(), terms.features.numpy())


def active_latents(vae: Vae, z: NDArray[np.float32]) -> int:
    """How many latent units the windows `[n, 28]` make use of."""
    with torch.no_grad():
        mean = vae.encoder(torch.from_numpy(z))[:, :LATENTS]
    return int((mean.var(dim=0) > ACTIVE_VARIANCE).sum())


def _hide(count: int, energy: torch.Tensor) -> torch.Tensor:
    """Which features `[n, k]` of a batch are shown, of which `energy` (`[k]`) tells those that need energy."""
    draw = torch.rand(count, 1)
    hide_energy = draw < HIDE_ENERGY
    hide_voltage = (draw >= HIDE_ENERGY) & (draw < HIDE_ENERGY + HIDE_VOLTAGE)
    return ~((hide_energy & energy) | (hide_voltage & ~energy))
