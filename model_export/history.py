"""A utility's own readings to train on: a parquet or CSV file as dense arrays.

The files are read by `local.history`, the reader of `python -m local replay`, so that there is one definition of column
names, times and intervals, and a file that can be replayed can be trained on. Meters of one file must share an
interval, since an array has one: those with another than most are left out, and counted.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from functions.domain.errors import InputError
from functions.domain.feeder_batch import HIGHEST_KWH_PER_HOUR, HIGHEST_V, SENTINELS
from local.columns import NAMES
from local.history import History as HistoryFiles
from local.intervals import most_common
from local.sources import open_source
from simulator.raw import RawReadings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from local.chunks import Chunk
    from local.history import MeterEntry
    from local.sources import Source

MINIMUM_METERS = 20
"""The population's prior is made of differences between meters; fewer say nothing of the next meter."""
MINIMUM_DAYS = 14
"""Two of each weekday: one to learn from and one to test on."""
MAXIMUM_CELLS = 1_500_000_000
"""Voltages and energies together: 6 GB as float32."""
DAY_S = 86_400
OPENING_SHARE = 0.5
"""Reading and sorting the file takes about as long as filling the arrays."""
NO_MAPPING: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class History:
    """A utility's readings, one column a meter, sorted by feeder and meter id."""

    meter_id: tuple[str, ...]
    """`[M]`; a meter is known by its feeder and its id, so an id used on two feeders stands twice."""
    readings: RawReadings
    left_out: int = 0
    """Meters of the file that are not here: they read at another interval, or never sent a possible voltage."""


def read_history(
    path: Path,
    *,
    interval_s: int | None = None,
    mapping: Mapping[str, str] = NO_MAPPING,
    advance: Callable[[float], None] = lambda _: None,
) -> History:
    """Read a parquet or CSV file of `meter_id`, `timestamp`, `voltage_v` and, where there is one, `energy_kwh`.

    `interval_s` (seconds) picks the meters that read at this interval; without it, the interval of most meters holds.
    `mapping` gives a column of ours as a column of the file, as `--map` of replay does. Of two readings of a meter in
    one slot the earlier wins, at the same second the lower one, as in the product. Values that no low-voltage meter
    can have measured become NaN. `advance` is told the progress in shares of the whole.

    Raises
    ------
    InputError
        The file, a column or the mapping is at fault, or there is too little or too much of it.
    """
    source = _source(path)
    _refuse_missing_columns(source, mapping)
    with HistoryFiles([path], mapping) as files:
        advance(OPENING_SHARE)
        interval_s = interval_s or most_common(meter.interval_s for meter in files.meters)
        chosen = np.array([meter.interval_s == interval_s for meter in files.meters])
        _refuse_few_meters(path, f"readings every {interval_s} s", int(chosen.sum()), files.meters)
        first, last = files.start // interval_s, files.end // interval_s
        _refuse_too_much(path, last - first + 1, int(chosen.sum()), files)
        voltage_v, energy_kwh = _filled(files, chosen, range(first, last + 1), interval_s, advance)

    energy_sent = _has(source, mapping, "energy_kwh")
    _refuse_without_numbers(path, voltage_v, energy_kwh if energy_sent else None)
    measured = ~np.isnan(voltage_v)
    sound, slots = measured.any(axis=0), np.flatnonzero(measured.any(axis=1))
    _refuse_few_meters(path, f"voltages every {interval_s} s", int(sound.sum()), files.meters)
    _refuse_few_days(path, len(slots) * interval_s / DAY_S)
    meters = [files.meters[place] for place in np.flatnonzero(chosen)[sound].tolist()]
    if not sound.all():
        voltage_v, energy_kwh = voltage_v[:, sound], energy_kwh[:, sound]
    begin, end = int(slots[0]), int(slots[-1]) + 1
    readings = RawReadings(
        first_slot=first + begin,
        interval_s=interval_s,
        voltage_v=voltage_v[begin:end],
        energy_kwh=energy_kwh[begin:end],
        nominal_v=np.array([meter.nominal_voltage_v or np.nan for meter in meters], np.float32),
        customer_type=np.array([meter.customer_type or "" for meter in meters], np.str_),
    )
    return History(tuple(meter.meter_id for meter in meters), readings, len(files.meters) - len(meters))


def _source(path: Path) -> Source:
    with duckdb.connect() as con:
        try:
            return open_source(con, path, NAMES, 0)
        except OSError as error:
            raise InputError(f"{path} cannot be read ({error.strerror}); hand in a file you may read") from error


def _filled(
    files: HistoryFiles,
    chosen: NDArray[np.bool_],
    slots: range,
    interval_s: int,
    advance: Callable[[float], None],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Voltages (V) and energies (kWh) of the chosen meters, `[slots, chosen] float32`."""
    meters = int(chosen.sum())
    column = np.where(chosen, np.cumsum(chosen) - 1, -1)
    voltage_v = np.full((len(slots), meters), np.nan, np.float32)
    energy_kwh = np.full_like(voltage_v, np.nan)
    # Whole slots a chunk: the readings of one slot then meet in one chunk, in time order.
    for chunk in files.chunks(interval_s * max(1, DAY_S // interval_s)):
        volts, energy = _possible(chunk, interval_s)
        place = column[chunk.meter]
        kept = np.flatnonzero((place >= 0) & ~(np.isnan(volts) & np.isnan(energy)))
        cell = (chunk.timestamp[kept] // interval_s - slots.start) * meters + place[kept]
        cell, earliest = np.unique(cell, return_index=True)
        voltage_v.reshape(-1)[cell] = volts[kept[earliest]]
        energy_kwh.reshape(-1)[cell] = energy[kept[earliest]]
        advance((1 - OPENING_SHARE) * len(chunk) / files.rows)
    return voltage_v, energy_kwh


def _possible(chunk: Chunk, interval_s: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Voltage and energy `[n]`, NaN where the product would not take the value either."""
    highest_kwh = HIGHEST_KWH_PER_HOUR * interval_s / 3600
    return tuple(
        np.where(~np.isin(values, SENTINELS) & (values >= 0) & (values <= highest), values, np.nan)
        for values, highest in ((chunk.voltage_v, HIGHEST_V), (chunk.energy_kwh, highest_kwh))
    )


def _has(source: Source, mapping: Mapping[str, str], name: str) -> bool:
    return name in mapping or source.column(name) is not None


def _refuse_missing_columns(source: Source, mapping: Mapping[str, str]) -> None:
    missing = [name for name in ("meter_id", "timestamp", "voltage_v") if not _has(source, mapping, name)]
    if "meter_id" in missing and _has(source, mapping, "customer_id"):  # one customer, one meter: as in replay
        missing.remove("meter_id")
    if missing:
        raise InputError(
            f"{source.path} has no column {' and no '.join(missing)} but {', '.join(source.types)}; rename the columns "
            f"of the file, or say which they are with {' '.join(f'--map {name}=COLUMN' for name in missing)}"
        )


def _refuse_too_much(path: Path, slots: int, meters: int, files: HistoryFiles) -> None:
    cells = 2 * slots * meters
    if cells > MAXIMUM_CELLS:
        start, end = (datetime.fromtimestamp(second, UTC).date() for second in (files.start, files.end))
        raise InputError(
            f"{path} would need {4 * cells / 1e9:,.1f} GB of memory ({meters:,} meters × {slots:,} intervals from "
            f"{start} to {end}), and training takes {4 * MAXIMUM_CELLS / 1e9:g} GB at most; hand in fewer meters or a "
            "shorter period, and check that no timestamp is far off"
        )


def _refuse_without_numbers(path: Path, voltage_v: NDArray[np.float32], energy_kwh: NDArray[np.float32] | None) -> None:
    if np.isnan(voltage_v).all():
        raise InputError(
            f"column voltage_v of {path} holds not a single number from 0 to {HIGHEST_V:,.0f} V; hand in voltages in "
            "volts, with a decimal point"
        )
    if energy_kwh is not None and np.isnan(energy_kwh).all():
        raise InputError(
            f"column energy_kwh of {path} holds not a single number that a meter can have counted; hand in kWh of each "
            "interval, with a decimal point, or leave the column out to train on voltages alone"
        )


def _refuse_few_meters(path: Path, sent: str, found: int, meters: tuple[MeterEntry, ...]) -> None:
    if found < MINIMUM_METERS:
        intervals = Counter(meter.interval_s for meter in meters).most_common()
        listed = ", ".join(f"{count} every {interval} s" for interval, count in intervals)
        raise InputError(
            f"{path} has {found} meters with {sent} (its meters read: {listed}), and training needs at least "
            f"{MINIMUM_METERS}; hand in more meters of one interval"
        )


def _refuse_few_days(path: Path, days: float) -> None:
    # Days are counted by the slots that hold something: one timestamp far off makes no long history.
    if days < MINIMUM_DAYS:
        raise InputError(
            f"{path} holds {math.floor(days * 10) / 10:g} days of voltages, and training needs at least {MINIMUM_DAYS}"
            "; hand in a longer history"
        )
