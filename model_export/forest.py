"""The isolation forest, and its conversion to one TreeEnsembleRegressor.

A window's *path length* in a tree is the depth of its leaf plus c(n), the mean path of the n training windows that
ended there unseparated; short paths are anomalies (Liu, Ting, Zhou: Isolation Forest, ICDM 2008).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import IsolationForest

if TYPE_CHECKING:
    from numpy.typing import NDArray

TREES = 32
SAMPLES = 256
"""Windows a tree as the authors recommend. They use 100 trees; 32 cost a third of that."""
WEIGHT_STEP = 2.0**-10
"""Leaf weights are multiples of it: a sum of 64 then fits float32 exactly, in whatever order it is taken."""
FIT_WINDOWS = 200_000
_NO_CHILD = -1


@dataclass(frozen=True)
class Tree:
    """One tree, nodes `[k]`; `feature` is −1 in a leaf, where `weight` is the path length."""

    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    weight: NDArray[np.float32]


@dataclass(frozen=True)
class Forest:
    """A fitted forest with its trees in the form the graph takes."""

    sklearn: IsolationForest
    trees: tuple[Tree, ...]

    def __call__(self, z: NDArray[np.float32]) -> NDArray[np.float64]:
        """Anomaly scores `[n]`, 2^(−mean path / c), of standardised windows `[n, 28]`: the graph's reference."""
        leaves = [tree.apply(z) for tree in self.sklearn.estimators_]
        total = sum(tree.weight[leaf].astype(np.float64) for tree, leaf in zip(self.trees, leaves, strict=True))
        return np.exp2(-total / self.normaliser)

    @property
    def normaliser(self) -> float:
        """Sum of path lengths at which the score is one half."""
        samples = np.array([self.sklearn.max_samples_])
        return len(self.trees) * float(mean_unsuccessful_path(samples)[0])


def fit_forest(z: NDArray[np.float32], seed: int, *, trees: int = TREES, samples: int = SAMPLES) -> Forest:
    """Fit to standardised healthy windows `[n, 28]`."""
    chosen = np.random.default_rng(seed).choice(len(z), min(FIT_WINDOWS, len(z)), replace=False)
    fitted = IsolationForest(n_estimators=trees, max_samples=min(samples, len(chosen)), random_state=seed)
    fitted.fit(z[chosen])
    return Forest(fitted, tuple(_tree(estimator.tree_) for estimator in fitted.estimators_))


def mean_unsuccessful_path(n: NDArray[np.integer]) -> NDArray[np.float64]:
    """c(n) of the paper: mean length of an unsuccessful search in a binary tree of n windows.

    >>> mean_unsuccessful_path(np.array([1, 2, 256])).round(3).tolist()
    [0.0, 1.0, 10.245]
    """
    n = np.asarray(n, np.float64)
    many = 2 * (np.log(np.maximum(n - 1, 1)) + np.euler_gamma) - 2 * (n - 1) / n
    return np.where(n > 2, many, np.where(n == 2, 1.0, 0.0))


def _tree(tree: object) -> Tree:
    left, right = np.asarray(tree.children_left), np.asarray(tree.children_right)
    leaf = left == _NO_CHILD
    path = _depths(left, right) + mean_unsuccessful_path(tree.n_node_samples)
    weight = np.where(leaf, np.round(path / WEIGHT_STEP) * WEIGHT_STEP, 0)
    return Tree(
        feature=np.where(leaf, _NO_CHILD, tree.feature).astype(np.int64),
        threshold=_rounded_down(np.where(leaf, 0.0, tree.threshold)),
        left=left.astype(np.int64),
        right=right.astype(np.int64),
        weight=weight.astype(np.float32),
    )


def _depths(left: NDArray[np.integer], right: NDArray[np.integer]) -> NDArray[np.float64]:
    depth = np.zeros(len(left))
    for node in range(len(left)):  # a parent always comes before its children
        if left[node] != _NO_CHILD:
            depth[[left[node], right[node]]] = depth[node] + 1
    return depth


def _rounded_down(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    # `x <= t` for float32 x and float64 t is the same as `x <= the largest float32 not above t`.
    nearest = threshold.astype(np.float32)
    return np.where(nearest > threshold, np.nextafter(nearest, np.float32(-np.inf)), nearest)
