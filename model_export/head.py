"""The supervised head: a small network that has seen injected faults of every kind, and tells them from health.

A logit a kind against health at zero; the score is the logarithm of the odds that any of them is there. A network
instead of boosted trees: it ranks as well on utilities it has not seen at a tenth of the cost (docs/detection.md).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from functions.domain.features import FEATURES
from simulator import TAUGHT_KINDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

HIDDEN = (64, 32)
INPUT_SCALE = 1 / 3
"""Brings standardised features, cut at eight, to the range that a network starts well from."""
LOGIT_BOUND = 30.0
"""Logits are cut here, so that their exponentials fit float32."""
EPOCHS = 16
BATCH = 2048
LEARNING_RATE = 3e-3
LEAST_STEPS = 20
"""A schedule of fewer has a part of no length, and divides by it."""
WEIGHT_DECAY = 1e-3


class Head(nn.Module):
    """Network from standardised windows to logits."""

    def __init__(self) -> None:
        super().__init__()
        wide, narrow = HIDDEN
        self.layers = nn.Sequential(
            nn.Linear(len(FEATURES), wide),
            nn.ReLU(),
            nn.Linear(wide, narrow),
            nn.ReLU(),
            nn.Linear(narrow, len(TAUGHT_KINDS)),
        )

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        """Logits `[n, 19]` of windows `[n, 28]`."""
        logits: torch.Tensor = self.layers(z * INPUT_SCALE).clamp(-LOGIT_BOUND, LOGIT_BOUND)
        return logits

    def silence(self) -> Head:
        """Make it say the same of every window: what stands in before it is trained."""
        with torch.no_grad():
            self.layers[-1].weight.zero_()
            self.layers[-1].bias.fill_(0)
        return self


def train_head(
    z: NDArray[np.float32],
    kind: NDArray[np.integer],
    weight: NDArray[np.float32],
    seed: int,
    *,
    epochs: int = EPOCHS,
    advance: Callable[[float], None] = lambda _: None,
) -> Head:
    """Train on windows `[n, 28]` of a kind (`[n]`, 0 = healthy, else 1 + index into `TAUGHT_KINDS`) and a weight."""
    torch.manual_seed(seed)
    torch.set_num_threads(1)  # the order of sums stays the same, so a seed gives the same weights
    torch.use_deterministic_algorithms(mode=True)
    head, steps = Head(), epochs * -(-len(z) // BATCH)
    windows, kinds, weights = torch.from_numpy(z), torch.from_numpy(kind.astype(np.int64)), torch.from_numpy(weight)
    optimiser = torch.optim.AdamW(head.parameters(), LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=max(steps, LEAST_STEPS), pct_start=0.2
    )
    for _ in range(epochs):
        for chosen in torch.randperm(len(windows)).split(BATCH):
            logits = head(windows[chosen])
            with_health = torch.cat((torch.zeros(len(chosen), 1), logits), dim=1)
            each = nn.functional.cross_entropy(with_health, kinds[chosen], reduction="none")
            optimiser.zero_grad()
            (each * weights[chosen]).mean().backward()
            optimiser.step()
            schedule.step()
            advance(1 / steps)
    head.eval()
    return head


def score_head(head: Head, z: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log odds `[n]` that a standardised window `[n, 28]` holds a fault, in float64: the graph's reference."""
    exact = copy.deepcopy(head).double()
    with torch.no_grad():
        log_odds: NDArray[np.float64] = torch.logsumexp(exact(torch.from_numpy(z).double()), dim=1).numpy()
    return log_odds
