"""What an evaluation found: the values of `results.json`, of which tables and plots are made.

A number that cannot be told, because a kind never came, is None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from functions.adapters.model_manifest import KindResult, TailShare

if TYPE_CHECKING:
    from pathlib import Path

RESULTS = "results.json"
RECALLS = tuple(round(step / 50, 2) for step in range(1, 51))
"""Where the curves of precision are kept."""


class DetectorResult(msgspec.Struct, frozen=True, kw_only=True):
    """How well one detector ranks the meter-hours of one seed."""

    name: str
    average_precision: dict[str, float | None]
    """Of all faults, of voltage kinds, of thefts, and of each kind; at 2 % prevalence."""
    precision: dict[str, tuple[float, ...]]
    """Of the same three groups, at `RECALLS`; empty where the group never came."""


class KindInOperation(msgspec.Struct, frozen=True, kw_only=True):
    """How the faults of one kind fared at the default budget."""

    result: KindResult
    """By the product: model and rules."""
    caught_by_model: int
    """Events that the model alone would have raised an alert for."""
    recall_by_model: float | None
    """Share of the kind's meter-hours that the model alone would have flagged."""
    recall: float | None
    """Share that the product flagged."""
    left_out: float | None
    """Average precision of the product when its head was never shown this kind; None where that was not tried."""


class BudgetPoint(msgspec.Struct, frozen=True):
    """False alerts per 1,000 meters a day: allowed and observed."""

    budget: float
    observed: float


class Alerting(msgspec.Struct, frozen=True, kw_only=True):
    """What the detector says of meters with nothing wrong."""

    budget: float
    false_alerts: float
    """Of the model, per 1,000 meters a day."""
    rule_alerts: float
    """Of the rules, per 1,000 meters a day: they report what broke a limit, fault or not."""
    meter_days: int
    tails: tuple[TailShare, ...]
    """How often healthy windows score above 2, 3 and 4."""
    voltage_only: tuple[TailShare, ...]
    """The same, of a utility that sends no energy."""
    calibration: tuple[TailShare, ...]
    """The same from 0 to 5 in small steps."""
    sweep: tuple[BudgetPoint, ...]


class SeedResult(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about one training: its own utilities, its own detectors."""

    seed: int
    measured_meters: int
    measured_windows: int
    interval_min: float
    detectors: tuple[DetectorResult, ...]
    kinds: tuple[KindInOperation, ...]
    alerting: Alerting
    windows_per_second: int
    """Of the graph on one thread, in batches of 8,192 windows of meters of which 2 % are at fault."""


class RealSeriesResult(msgspec.Struct, frozen=True, kw_only=True):
    """What the product said of one file of real readings."""

    file: str
    about: str
    skipped: str = ""
    """Why there is nothing to report; empty when there is."""
    meters: int = 0
    readings: int = 0
    """Of one meter in one slot: repeats are not counted."""
    meter_days: float = 0
    low_v: float | None = None
    """Where a low voltage begins for the episodes, V; None where the file has no such question."""
    episodes: int = 0
    """Runs of readings below `low_v`."""
    episodes_covered: int = 0
    """Those with a `sag` anomaly at the same time."""
    unusual: int = 0
    """Alerts of the model."""
    unusual_days: int = 0
    """Days of a meter on which there was one: alerts of one day have one cause, more often than not."""
    unusual_bound: int = 0
    """Alerts that a model keeping to the default budget stays within in 95 of 100 such files."""
    other_kinds: dict[str, int] = {}


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where, when and how the figures were made."""

    date: str
    command: str
    cpu: str
    cores: int
    python: str


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """The whole."""

    origin: Origin
    seeds: tuple[SeedResult, ...]
    real_series: tuple[RealSeriesResult, ...] = ()


class Spread(msgspec.Struct, frozen=True):
    """Mean, lowest and highest of the seeds."""

    mean: float
    low: float
    high: float


def spread(values: list[float | None]) -> Spread | None:
    """Of one number by seed; None where no seed can tell."""
    known = [value for value in values if value is not None]
    return Spread(float(np.mean(known)), min(known), max(known)) if known else None


def known(value: float, digits: int = 4) -> float | None:
    """A number as it is stored: rounded, and None where it is NaN."""
    return None if np.isnan(value) else round(float(value), digits)


def write_results(found: Evaluation, folder: Path) -> None:
    """Write `results.json`, readable by people too."""
    folder.mkdir(parents=True, exist_ok=True)
    text = msgspec.json.format(msgspec.json.encode(found), indent=2)
    (folder / RESULTS).write_bytes(text + b"\n")


def read_results(folder: Path) -> Evaluation:
    """What `write_results` wrote."""
    return msgspec.json.decode((folder / RESULTS).read_bytes(), type=Evaluation)
