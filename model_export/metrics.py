"""How well a detector does on meters and weeks it has never seen, by meter and hour, by event, and in alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import average_precision_score

from functions.adapters.model_manifest import KindResult, TailShare
from functions.domain.anomalies import Kind
from functions.domain.episodes import hold_slots
from functions.domain.features import SECONDS_PER_HOUR, WINDOW
from functions.domain.thresholds import SECONDS_PER_DAY
from functions.settings import Settings
from model_export.results import known
from simulator import THEFT_KINDS, TRIAL_KINDS, VOLTAGE_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from model_export.windows import Windows
    from simulator import RawReadings, Trial

PROMISES = (2.0, 3.0, 4.0)
PREVALENCE = 0.02
"""Share of anomalous meter-hours that an average precision is stated for: chance scores as much."""
GROUPS_OF_KINDS = {"all": TRIAL_KINDS, "voltage": VOLTAGE_KINDS, "theft": THEFT_KINDS}


def tail_shares(score: NDArray[np.floating]) -> tuple[TailShare, ...]:
    """How often healthy windows `[n]` score above 2, 3 and 4, which should be 1e-2, 1e-3 and 1e-4."""
    return tuple(TailShare(level, 10.0**-level, round(float((score > level).mean()), 7)) for level in PROMISES)


@dataclass(frozen=True)
class Hours:
    """Meter-hours with at least one window; arrays of one length `[h]`."""

    kind: NDArray[np.int8]
    """0 = nothing wrong, else 1 + index into `TRIAL_KINDS`: what most of the hour's readings are."""
    order: NDArray[np.int64]
    """Windows in the order of their hours."""
    starts: NDArray[np.int64]
    """Place in `order` where each hour begins."""

    def highest(self, score: NDArray[np.floating]) -> NDArray[np.floating]:
        """Highest of the windows' scores `[n]` in each hour, `[h]`."""
        highest: NDArray[np.floating] = np.maximum.reduceat(score[self.order], self.starts)
        return highest


def meter_hours(windows: Windows, trial: Trial) -> Hours:
    """Windows grouped by the meter and hour they end in."""
    readings = trial.readings
    per_hour = max(SECONDS_PER_HOUR // readings.interval_s, 1)
    hour = (readings.first_slot + windows.slot.astype(np.int64)) // per_hour
    key = windows.meter.astype(np.int64) * (hour.max() + 1) + hour
    order = np.argsort(key, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(key[order]) != 0])
    kind = np.maximum.reduceat(trial.truth[windows.slot, windows.meter][order], starts)
    return Hours(kind, order, starts)


def average_precision(hours: Hours, score: NDArray[np.floating], kinds: Iterable[str]) -> float:
    """Of the hours' scores `[h]` for telling `kinds` from health, weighted to a prevalence of 2 %; NaN if none came."""
    wanted = np.isin(hours.kind, [1 + TRIAL_KINDS.index(kind) for kind in kinds])
    healthy = hours.kind == 0
    if not wanted.any() or not healthy.any():
        return float("nan")
    weight = np.where(wanted, PREVALENCE / wanted.sum(), (1 - PREVALENCE) / healthy.sum())
    chosen = wanted | healthy
    return float(average_precision_score(wanted[chosen], score[chosen], sample_weight=weight[chosen]))


def kind_results(windows: Windows, trial: Trial, hours: Hours) -> tuple[KindResult, ...]:
    """Each kind: how well its hours rank, how many of its events raised an alert, and how soon."""
    score = hours.highest(windows.score)
    alert = windows.unusual | (windows.rule > 0)
    first_alert = _first_alerts(windows, trial, alert)
    results = []
    for kind in TRIAL_KINDS:
        of_kind = [delay for event, delay in zip(trial.events, first_alert, strict=True) if event.kind == kind]
        caught = [delay for delay in of_kind if delay is not None]
        results.append(
            KindResult(
                kind=kind,
                hours=int((hours.kind == 1 + TRIAL_KINDS.index(kind)).sum()),
                average_precision=known(average_precision(hours, score, [kind])),
                events=len(of_kind),
                caught=len(caught),
                median_delay_intervals=float(np.median(caught)) if caught else None,
            )
        )
    return tuple(results)


def _first_alerts(windows: Windows, trial: Trial, alert: NDArray[np.bool_]) -> list[int | None]:
    """Intervals from the onset of each event to the first alert; None if none came.

    An alert of a reading comes at the end of its interval; that of a silent meter when it is overdue.
    """
    alerted = _overdue(trial.readings)
    alerted[windows.slot[alert], windows.meter[alert]] = True
    delays: list[int | None] = []
    for event in trial.events:
        rows = np.flatnonzero(alerted[event.start : event.end + WINDOW - 1, event.meter])
        delays.append(int(rows[0]) + 1 if len(rows) else None)
    return delays


def _overdue(readings: RawReadings) -> NDArray[np.bool_]:
    """Rows at whose end a meter has become overdue, `[T, M]`: as `episodes.due_times` has it, with the usual grace."""
    silent = np.isnan(readings.voltage_v) & np.isnan(readings.energy_kwh)
    row = np.arange(len(silent), dtype=np.int32)[:, None]
    last = np.maximum.accumulate(np.where(silent, np.int32(-1), row), axis=0)
    grace = -(-Settings().no_reads_grace_s // readings.interval_s)
    return silent & (last >= 0) & (row - last == 1 + grace)


def alerts(windows: Windows, raised: NDArray[np.bool_], slots_per_day: int) -> int:
    """How many anomalies the raised windows `[n]` open: one stays open while the next comes within its hold."""
    chosen = np.flatnonzero(raised)
    meter, slot = windows.meter[chosen].astype(np.int64), windows.slot[chosen].astype(np.int64)
    order = np.lexsort((slot, meter))
    apart = (np.diff(meter[order]) != 0) | (
        np.diff(slot[order]) > hold_slots(Kind.unusual, SECONDS_PER_DAY // slots_per_day)
    )
    return int(apart.sum()) + (len(chosen) > 0)


def per_1000_meter_days(count: float, windows: Windows, slots_per_day: int) -> float:
    """A count of something in `windows` as a rate."""
    return count / (len(windows) / slots_per_day) * 1000


def alerts_per_window(windows: Windows, score: NDArray[np.floating], budget: float, slots_per_day: int) -> float:
    """Alerts over windows above the bar at which healthy windows make as many alerts as the budget allows.

    Bisection over the bar; the share falls as it rises.
    """
    quiet = windows.rule == 0
    low, high = 2.0, 8.0
    for _ in range(30):
        middle = (low + high) / 2
        rate = per_1000_meter_days(alerts(windows, quiet & (score > middle), slots_per_day), windows, slots_per_day)
        low, high = (middle, high) if rate > budget else (low, middle)
    nominal = 1000 * slots_per_day * 10**-high
    return budget / nominal
