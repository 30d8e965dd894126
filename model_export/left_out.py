"""Leave one kind out: how well is a fault found that the head was never shown?

Nobody's list of faults is complete. For each kind the head is trained anew on all the others, takes its place in the
detector, and the kind is looked for. The windows stay those that were gathered with the full detector in operation:
which of them taught a baseline was decided by a head that knew the kind, and only the scores are made anew.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from queue import Empty
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
import torch

from functions.domain.thresholds import HIGHEST_SCORE
from model_export import fitting
from model_export.calibration import NOTHING, fit_calibration
from model_export.fitting import Lesson
from model_export.graph import WEIGHTS
from model_export.head import train_head
from model_export.metrics import average_precision
from model_export.reference import combine
from model_export.rivals import pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.queues import Queue

    from numpy.typing import NDArray

    from functions.adapters.onnx_scorer import OnnxScorer
    from model_export.head import Head
    from model_export.metrics import Hours
    from model_export.reference import Detector
    from model_export.windows import Windows

    Advance = Callable[[float], None]

HEALTHY_WINDOWS = 1_000_000
"""Windows a head is calibrated on: enough for the tail that a budget of five alerts asks for."""
HEARD_EVERY_S = 0.5
TOLD_IN_STEPS_OF = 0.01


@dataclass(frozen=True)
class Part:
    """Windows, and what the other components say of them."""

    windows: Windows
    without_head: NDArray[np.float32]
    """`[n]`: weighted sum of the calibrated components without the head."""

    @classmethod
    def of(cls, windows: Windows, detector: Detector, scorer: OnnxScorer) -> Part:
        """Windows as the detector's graph sees them."""
        silent = detector.calibrations.components._replace(head=NOTHING)
        sums = [combine(fitting.raw_scores(scorer, windows.take(rows)), silent) for rows in pieces(len(windows))]
        return cls(windows, np.concatenate(sums).astype(np.float32))

    def log_odds(self, head: Head) -> NDArray[np.float32]:
        """What a head says `[n]`; in float32, as the graph does."""
        result = np.empty(len(self.windows), np.float32)
        with torch.no_grad():
            for rows in pieces(len(result)):
                logits = head(torch.from_numpy(self.windows.take(rows).standardised))
                result[rows] = torch.logsumexp(logits, dim=1).numpy()
        return result


def score_with(head: Head, healthy: Part, measured: Part) -> NDArray[np.float64]:
    """The product's scores `[n]` of the measured windows if the detector had this head, calibrated as it would be."""
    raw = healthy.log_odds(head)
    calibration = fit_calibration(raw, WEIGHTS.head)
    quiet = healthy.without_head + WEIGHTS.head * calibration(raw)
    combined = measured.without_head + WEIGHTS.head * calibration(measured.log_odds(head))
    model = np.clip(fit_calibration(quiet)(combined), 0, HIGHEST_SCORE)
    return np.maximum(model, measured.windows.rule)


def leave_one_out(
    kinds: Sequence[str],
    lesson: Lesson,
    healthy: Part,
    measured: Part,
    hours: Hours,
    *,
    seed: int,
    epochs: int,
    processes: int,
    advance: Advance,
) -> dict[str, float]:
    """Average precision of each kind by a product whose head was never shown it."""
    found = {}
    with TemporaryDirectory() as name:
        for kind, head in _heads(kinds, lesson, Path(name), (seed, epochs), processes, advance):
            found[kind] = average_precision(hours, hours.highest(score_with(head, healthy, measured)), [kind])
    return found


def _heads(
    kinds: Sequence[str], lesson: Lesson, folder: Path, how: tuple[int, int], processes: int, advance: Advance
) -> Iterator[tuple[str, Head]]:
    """Heads that miss one kind each, as they are ready; as many at once as there are processes."""
    for field in Lesson.__dataclass_fields__:
        np.save(folder / field, getattr(lesson, field))
    context = get_context("spawn")
    told: Queue[float] = context.Queue()
    heard = 0.0
    with ProcessPoolExecutor(
        min(processes, max(len(kinds), 1)), mp_context=context, initializer=_tell, initargs=(told,)
    ) as pool:
        waiting: dict[Future[Head], str] = {pool.submit(_head, folder, kind, *how): kind for kind in kinds}
        while waiting:
            ready, _ = wait(waiting, HEARD_EVERY_S, FIRST_COMPLETED)
            with suppress(Empty):
                while True:
                    share = told.get_nowait() / len(kinds)
                    heard += share
                    advance(share)
            for future in ready:
                yield waiting.pop(future), future.result()
    advance(max(1 - heard, 0))


_told: list[Queue[float]] = []
"""Of a process that trains heads: where its progress goes."""


def _tell(told: Queue[float]) -> None:
    _told.append(told)


def _head(folder: Path, kind: str, seed: int, epochs: int) -> Head:
    saved = (np.load(folder / f"{field}.npy", mmap_mode="r") for field in Lesson.__dataclass_fields__)
    taught = Lesson(*saved).without(kind)
    untold = 0.0

    def advance(share: float) -> None:
        nonlocal untold
        untold += share
        if untold >= TOLD_IN_STEPS_OF:
            _told[-1].put(untold)
            untold = 0.0

    return train_head(taught.z, taught.kind, taught.weight, seed, epochs=epochs, advance=advance)
