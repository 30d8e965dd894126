"""The detector in operation: false alerts against the budget, tails against their promise, faults that were caught."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from functions.adapters.model_manifest import TailShare
from functions.domain.features import WINDOW
from functions.domain.thresholds import DEFAULT_BUDGET, SECONDS_PER_DAY, budget_score
from model_export import fitting
from model_export.metrics import alerts, kind_results, meter_hours, per_1000_meter_days, tail_shares
from model_export.results import Alerting, BudgetPoint, KindInOperation, known
from simulator import TRIAL_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from functions.adapters.onnx_scorer import OnnxScorer
    from model_export.gathering import Gathered
    from model_export.windows import Windows

LEVELS = tuple(step / 4 for step in range(21))
"""Scores at which the tail is compared with its promise."""
BUDGETS = (1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0)
DIGITS = 7
VOLTAGE_ONLY_WINDOWS = 1_000_000


def alerting(scorer: OnnxScorer, clean: Gathered) -> Alerting:
    """What is said of meters with nothing wrong, watched in operation."""
    windows, per_day = clean.windows, clean.slots_per_day
    quiet = windows.score[windows.rule == 0]
    rates = (
        per_1000_meter_days(alerts(windows, raised, per_day), windows, per_day)
        for raised in (windows.unusual, windows.rule > 0)
    )
    false_alerts, rule_alerts = (round(rate, 2) for rate in rates)
    sample = windows.sample(VOLTAGE_ONLY_WINDOWS, seed=0)
    return Alerting(
        budget=DEFAULT_BUDGET,
        false_alerts=false_alerts,
        rule_alerts=rule_alerts,
        meter_days=len(windows) // per_day,
        tails=tail_shares(quiet),
        voltage_only=tail_shares(fitting.without_energy(scorer, sample)[sample.rule == 0]),
        calibration=tuple(
            TailShare(level, 10.0**-level, round(float((quiet > level).mean()), DIGITS)) for level in LEVELS
        ),
        sweep=tuple(BudgetPoint(budget, _alerts_at(budget, scorer, clean)) for budget in BUDGETS),
    )


def bar(budget: float, scorer: OnnxScorer, slots_per_day: int) -> float:
    """The score that a window must exceed for a budget, whatever its meter."""
    interval = np.array([SECONDS_PER_DAY // slots_per_day])
    return float(budget_score(budget, interval, scorer.alerts_per_window)[0])


def _alerts_at(budget: float, scorer: OnnxScorer, clean: Gathered) -> float:
    # The meter's own percentile, the second bar, is left aside: it is what the budget promises without it that counts.
    windows = clean.windows
    raised = (windows.rule == 0) & (windows.score > bar(budget, scorer, clean.slots_per_day))
    return round(per_1000_meter_days(alerts(windows, raised, clean.slots_per_day), windows, clean.slots_per_day), 2)


def by_kind(
    scorer: OnnxScorer, faulty: Gathered, score: NDArray[np.floating], left_out: Mapping[str, float]
) -> tuple[KindInOperation, ...]:
    """How each kind of fault fared; `score` (`[n]`) is the model's of the windows, without the rules."""
    trial, windows = faulty.trial, faulty.windows
    assert trial is not None
    hours = meter_hours(windows, trial)
    alone = raised_alone(windows, score > bar(DEFAULT_BUDGET, scorer, faulty.slots_per_day), trial.truth.shape)
    both = windows.unusual | (windows.rule > 0)
    flagged_alone, flagged = (hours.highest(raised.astype(np.int8)) > 0 for raised in (alone, both))
    found = []
    for result, caught in zip(kind_results(windows, trial, hours), _caught(faulty, alone), strict=True):
        of_kind = hours.kind == 1 + TRIAL_KINDS.index(result.kind)
        recalls = (known(float(each[of_kind].mean())) if of_kind.any() else None for each in (flagged_alone, flagged))
        by_model, recall = recalls
        found.append(
            KindInOperation(
                result=result,
                caught_by_model=caught,
                recall_by_model=by_model,
                recall=recall,
                left_out=known(left_out.get(result.kind, np.nan)),
            )
        )
    return tuple(found)


def raised_alone(windows: Windows, above: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """Windows `[n]` that the model would raise if there were no rules; `shape` is that of the readings.

    It raises nothing in a window that holds a reading a rule has reported; there, being `above` the bar stands for it.
    """
    ruled = np.zeros(shape, bool)
    broken = windows.rule > 0
    ruled[windows.slot[broken], windows.meter[broken]] = True
    spoken = ruled.copy()
    for back in range(1, WINDOW):
        spoken[back:] |= ruled[:-back]
    return windows.unusual | (above & spoken[windows.slot, windows.meter])


def _caught(faulty: Gathered, raised: NDArray[np.bool_]) -> list[int]:
    """Events of each kind during which one of the windows was raised."""
    windows, trial = faulty.windows, faulty.trial
    assert trial is not None
    alerted = np.zeros(trial.truth.shape, bool)
    alerted[windows.slot[raised], windows.meter[raised]] = True
    caught = dict.fromkeys(TRIAL_KINDS, 0)
    for event in trial.events:
        caught[event.kind] += bool(alerted[event.start : event.end + WINDOW - 1, event.meter].any())
    return list(caught.values())
