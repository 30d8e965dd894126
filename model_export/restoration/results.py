"""Results of an evaluation of restoration times, as `results.json` keeps them."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from model_export.results import Origin

RESULTS = "results.json"
CPU_INFO = Path("/proc/cpuinfo")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Forecasts of one group of outages at one elapsed time, over one span of time."""

    group: str
    """`all`, `planned` or `unplanned`."""
    span: str
    """`all`, or a year."""
    elapsed_h: int
    outages: int
    pinball: float
    """Hours; mean over the four quantiles."""
    gain: float
    """Share by which it lies below the pinball loss of the best constant."""
    coverage: float
    """Share of outages whose end lies between the 10 % and the 90 % quantile."""
    over: tuple[float, ...]
    """Share that was over by each quantile: as promised when equal to the quantile's name."""
    mean_error_h: float
    """Of the median."""
    median_error_h: float
    constant_error_h: float
    within_hour: float
    utility_error_h: float
    """Of the utility's own estimate as it stood."""
    utility_median_error_h: float
    utility_within_hour: float


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """What customers would have been told, at first sight and after 1, 2, 4, 8, 16 and 32 hours."""

    outages: int
    first_kept: float
    """Share of outages that were over by the first moment promised."""
    utility_kept: float
    """The same of the utility's first estimate."""
    last_kept: float
    """By the last moment promised while the outage was on."""
    changes: float
    """Changes of the promise an outage."""
    median_ahead_h: float
    """How far the first moment promised lies ahead."""


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """The whole."""

    origin: Origin
    source: str
    model: str
    """How the model came about."""
    trained_outages: int
    measured: tuple[Measured, ...]
    plain: tuple[Measured, ...]
    """Without the trailing calibration."""
    robust: tuple[tuple[str, tuple[Measured, ...]], ...]
    """With something taken away, by its name."""
    kept: Kept
    example: tuple[tuple[float, ...], ...]
    """One outage: hours since first sight, then the four quantiles, the utility's estimate and the end, from there."""


def origin() -> Origin:
    """Of figures made now, by this command, on this machine."""
    lines = CPU_INFO.read_text(encoding="utf-8").splitlines() if CPU_INFO.exists() else []
    models = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return Origin(
        date=datetime.now(UTC).date().isoformat(),
        command=" ".join(["python -m model_export", *(Path(each).name for each in sys.argv[1:])]),
        cpu=" ".join(models[0].split()) if models else platform.machine(),
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
    )


def write_results(found: Found, folder: Path) -> None:
    """Write `results.json`, readable by people too."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RESULTS).write_bytes(msgspec.json.format(msgspec.json.encode(found), indent=2) + b"\n")
