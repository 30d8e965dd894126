"""Stages: where the time of a batch goes, by timing the functions a reading passes on its way."""

from __future__ import annotations

import inspect
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any

from functions.adapters.onnx_scorer import OnnxScorer
from functions.adapters.sqlite.packs import SqlitePacks
from functions.domain import detection
from functions.services import scoring, work
from functions.services.feeders import Feeders
from functions.services.work import Work

REST = "rest"
TIMED: tuple[tuple[str, object, str], ...] = (
    ("decode", scoring, "decode"),
    ("roster", Feeders, "resolve"),
    ("read", SqlitePacks, "read"),
    ("packs", Work, "__init__"),
    ("window + features", work, "detect"),
    ("threshold + episodes", detection, "_judge"),
    ("score", OnnxScorer, "__call__"),
    ("threshold + episodes", work, "follow"),
    ("packs", Work, "packs"),
    ("commit", SqlitePacks, "write"),
)
"""Stage, owner and name of each function that is timed; time spent in a timed callee counts as the callee's."""
STAGES = ("decode", "roster", "read", "packs", "window + features", "score", "threshold + episodes", "commit", REST)


class Stopwatch:
    """Seconds by stage; one batch at a time."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._running: list[str] = []
        self._since = 0.0

    def _lap(self) -> None:
        now = time.perf_counter()
        if self._running:
            self.seconds[self._running[-1]] += now - self._since
        self._since = now

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time until its end as this stage's, but for what other stages take meanwhile."""
        self._lap()
        self._running.append(name)
        try:
            yield
        finally:
            self._lap()
            self._running.pop()


@contextmanager
def timed() -> Iterator[Stopwatch]:
    """Time the functions of `TIMED` while inside."""
    watch = Stopwatch()
    plain = [(owner, name, getattr(owner, name)) for _, owner, name in TIMED]
    for (stage, owner, name), (_, _, function) in zip(TIMED, plain, strict=True):
        setattr(owner, name, _watched(watch, stage, function))
    try:
        yield watch
    finally:
        for owner, name, function in plain:
            setattr(owner, name, function)


def _watched(watch: Stopwatch, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*values: object, **named: object) -> Any:
        with watch.stage(stage):
            return function(*values, **named)

    @wraps(function)
    async def call_later(*values: object, **named: object) -> Any:
        with watch.stage(stage):
            return await function(*values, **named)

    return call_later if inspect.iscoroutinefunction(function) else call
