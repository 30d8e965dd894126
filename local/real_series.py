"""Real series through the product: what it says of meters that nobody simulated.

The files are those of `METERSENTRY_BENCHMARK_DATA` (see CONTRIBUTING.md); they are replayed as `python -m local replay`
does. Nobody labelled them, so two questions can be asked: is every low voltage reported, and does the model keep to its
budget of alerts on meters that are, as far as anybody knows, healthy?
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from math import exp
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from functions.domain.anomalies import Kind
from functions.domain.thresholds import DEFAULT_BUDGET, SECONDS_PER_DAY
from local.columns import parse_mapping
from local.history import History
from local.replay import replay
from model_export.results import RealSeriesResult

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Advance = Callable[[float], None]

VARIABLE = "METERSENTRY_BENCHMARK_DATA"
CONFIDENCE = 0.95
SPAN_S = 7 * SECONDS_PER_DAY
EUROPEAN_LOW_V = 207.0
"""EN 50160: a tenth below 230 V."""
LONGEST_STEP_S = 3_600
"""An episode does not outlast a silence longer than this: nobody knows what the voltage was."""


@dataclass(frozen=True)
class RealFile:
    """A file of the benchmark data, and how its columns are read."""

    name: str
    about: str
    mapping: tuple[str, ...]
    low_v: float | None
    """Where a low voltage begins, V; None where the voltages are made up."""


FILES = (
    RealFile(
        "pt_smartmeter_voltage_raw.parquet",
        "one household in Portugal, 28 months, 1 min",
        (
            "meter_id=CASE WHEN device = 2 THEN 'household' END",  # the other device is two days of three phases
            *("timestamp=timestamp::TIMESTAMP AT TIME ZONE 'Europe/Lisbon'", "interval_s=60"),
            *("voltage_v=voltage_l1_v", "energy_kwh=p_import_w/60000", "nominal_voltage_v=230"),
        ),
        EUROPEAN_LOW_V,
    ),
    RealFile(
        "uci_household_1min_33days.parquet",
        "one household in France, 33 days, 1 min",
        (
            *("timestamp=datetime AT TIME ZONE 'Europe/Paris'", "voltage_v=Voltage"),
            *("energy_kwh=Global_active_power/60", "nominal_voltage_v=230"),
        ),
        EUROPEAN_LOW_V,
    ),
    RealFile(
        "spl/ami_15min_sample.parquet",
        "500 customers, one week, 15 min; their voltages are synthetic, noise without memory",
        (),
        None,
    ),
)


class _Anomaly(msgspec.Struct, frozen=True):
    """What is read of a line of `anomalies.jsonl`."""

    meter_id: str
    kind: str
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class Series:
    """Readings of many meters in (meter, time) order, one a slot; arrays of one length `[n]`."""

    meter: NDArray[np.int32]
    timestamp: NDArray[np.int64]
    """Seconds since the epoch, UTC."""
    voltage_v: NDArray[np.float64]


def benchmark_data() -> Path | None:
    """The folder of the benchmark data, if the environment names one."""
    folder = os.environ.get(VARIABLE)
    return Path(folder) if folder else None


def real_series(
    data: Path | None, out: Path, stage: Callable[[str], Advance], files: Sequence[RealFile] = FILES
) -> list[RealSeriesResult]:
    """Replay each file of the folder `data` (None = there is none) with the model the product has.

    What a replay leaves behind goes to a folder of its own in `out`. A file that cannot be replayed says why in
    `skipped`. `stage` announces a file and returns what is told its progress, in shares of the whole.
    """
    return [_one(file, data, out, stage) for file in files]


def _one(file: RealFile, data: Path | None, out: Path, stage: Callable[[str], Advance]) -> RealSeriesResult:
    if data is None or not (data / file.name).is_file():
        missing = f"{VARIABLE} does not name the folder of the benchmark data"
        reason = missing if data is None else f"the file is not in the folder {VARIABLE} names"
        return RealSeriesResult(file=file.name, about=file.about, skipped=reason)
    folder, advance = out / Path(file.name).stem, stage(f"replaying {Path(file.name).stem}")
    with History([data / file.name], parse_mapping(file.mapping)) as history:
        asyncio.run(replay(history, folder, ":memory:", _shares(history.rows, advance)))
        series, names = _series(history), [meter.meter_id for meter in history.meters]
        interval_s = np.array([meter.interval_s for meter in history.meters])
    lines = (folder / "anomalies.jsonl").read_bytes().splitlines()
    anomalies = [msgspec.json.decode(line, type=_Anomaly) for line in lines]
    episodes, covered = 0, 0
    for number, name in enumerate(names if file.low_v is not None else ()):
        low = low_episodes(series, number, file.low_v)
        sags = [each for each in anomalies if each.meter_id == name and each.kind == Kind.sag.name]
        episodes, covered = episodes + len(low), covered + count_covered(low, _periods(sags))
    days = float((interval_s[series.meter] / SECONDS_PER_DAY).sum())
    kinds = Counter(each.kind for each in anomalies)
    return RealSeriesResult(
        file=file.name,
        about=file.about,
        meters=len(names),
        readings=len(series.meter),
        meter_days=round(days, 1),
        low_v=file.low_v,
        episodes=episodes,
        episodes_covered=covered,
        unusual=kinds.pop(Kind.unusual.name, 0),
        unusual_days=len({(each.meter_id, each.start.date()) for each in anomalies if each.kind == Kind.unusual.name}),
        unusual_bound=poisson_bound(DEFAULT_BUDGET / 1000 * days),
        other_kinds=dict(sorted(kinds.items())),
    )


def low_episodes(series: Series, meter: int, low_v: float) -> NDArray[np.int64]:
    """Runs of readings of a meter below `low_v`, `[k, 2]`: time of the first and of the last, seconds since the epoch.

    A reading without a voltage neither ends a run nor belongs to one.
    """
    own = np.flatnonzero((series.meter == meter) & ~np.isnan(series.voltage_v))
    time, low = series.timestamp[own], series.voltage_v[own] < low_v
    apart = np.diff(time) > LONGEST_STEP_S
    begins = low & np.r_[True, ~low[:-1] | apart]
    ends = low & np.r_[~low[1:] | apart, True]
    return np.column_stack((time[begins], time[ends]))


def count_covered(episodes: NDArray[np.int64], periods: Sequence[tuple[float, float]]) -> int:
    """How many episodes (`[k, 2]`, first and last reading) share a moment with a period (start, exclusive end)."""
    starts, ends = (np.array([period[side] for period in periods]) for side in (0, 1))
    return sum(bool(((starts <= last) & (ends > first)).any()) for first, last in episodes.tolist())


def poisson_bound(expected: float) -> int:
    """The smallest count that a Poisson variable with this mean stays within in 95 of 100 cases.

    >>> poisson_bound(3.8)
    7
    """
    count, term = 0, exp(-expected)
    total = term
    while total < CONFIDENCE:
        count += 1
        term *= expected / count
        total += term
    return count


def _periods(anomalies: Sequence[_Anomaly]) -> list[tuple[float, float]]:
    return [(each.start.timestamp(), each.end.timestamp() if each.end else np.inf) for each in anomalies]


def _shares(rows: int, advance: Advance) -> Callable[[int], None]:
    """What `replay` tells the rows it has done, as shares of them all."""
    told = 0

    def progress(done: int) -> None:
        nonlocal told
        advance((done - told) / rows)
        told = done

    return progress


def _series(history: History) -> Series:
    """The readings of a history as the product takes them: of several in one slot, the first."""
    chunks = list(history.chunks(SPAN_S))
    meter, timestamp, voltage_v = (
        np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in ("meter", "timestamp", "voltage_v")
    )
    interval_s = np.array([each.interval_s for each in history.meters])
    order = np.lexsort((timestamp, meter))  # stable: what comes first in the history stays first
    meter, timestamp, voltage_v = meter[order], timestamp[order], voltage_v[order]
    slot = timestamp // interval_s[meter]
    first = np.r_[True, (np.diff(meter) != 0) | (np.diff(slot) != 0)]
    return Series(meter[first], timestamp[first], voltage_v[first])
