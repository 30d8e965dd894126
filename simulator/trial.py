"""A trial: faults injected into raw readings of any meters, simulated or real, to train on and to measure with.

Outside the faults the readings are exactly the clean ones, so what a watcher says there is a false alarm.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from functions.domain.errors import InputError
from simulator.display import COARSE_DECIMALS, FINE_DECIMALS
from simulator.raw import RawReadings
from simulator.schemes import EXTRA_SCHEMES, SCHEMES
from simulator.trial_faults import EXTRA_FAULTS, FAULTS, HOURS, Stretch, apply, draw_steps

VOLTAGE_KINDS = tuple(FAULTS)
THEFT_KINDS = tuple(SCHEMES)
TRIAL_KINDS = VOLTAGE_KINDS + THEFT_KINDS
EXTRA_THEFT_KINDS = tuple(EXTRA_SCHEMES)
TAUGHT_KINDS = TRIAL_KINDS + tuple(EXTRA_FAULTS) + EXTRA_THEFT_KINDS
"""What a detector may be taught; all but the first fourteen are never measured on."""
ALL_THEFTS = frozenset(THEFT_KINDS + EXTRA_THEFT_KINDS)

THIEF_QUANTILE = 0.5  # of use: who uses little has little to gain
PLACEMENT_TRIES = 40
LEAST_PRESENT = 0.5  # of a fault's readings: one that nobody could see would be a false truth
LEAST_USE = 0.3  # of the meter's mean: from an empty house there is nothing to steal
NOTICEABLE_PU = 0.005
"""A drift is true from where its readings are this far off: the first hours of a slow one are as good as clean."""
RECENT_SLOTS = 8


@dataclass(frozen=True)
class TrialEvent:
    """One fault of one meter."""

    kind: str
    meter: int
    start: int
    """First slot that is wrong, from row 0."""
    end: int
    """Exclusive."""


@dataclass(frozen=True)
class Trial:
    """Readings with faults in them, and which they are."""

    readings: RawReadings
    truth: np.ndarray
    """`[T, M] int8`: 1 + index into `TAUGHT_KINDS`, which begins with `TRIAL_KINDS`; 0 where nothing is wrong."""
    events: tuple[TrialEvent, ...]
    """In the order of their start."""


def inject_trial(
    clean: RawReadings, *, seed: int, first: int, share: float = 0.02, kinds: Sequence[str] = TRIAL_KINDS
) -> Trial:
    """Inject faults from row `first` on until about `share` of the meter-slots there are wrong, equally by kind.

    A meter has one fault at a time and a day of peace between two. A kind whose part is less than one of its faults
    occurs with the probability that makes the share right in the mean. `clean` is left as it is.

    Raises
    ------
    InputError
        An unknown kind, or a share or first row that leaves nothing to do.
    """
    rows, meters = clean.voltage_v.shape
    if unknown := set(kinds) - set(TAUGHT_KINDS):
        raise InputError(f"Trial: unknown kinds {sorted(unknown)}; there are {list(TAUGHT_KINDS)}.")
    if not 0 <= first < rows or not 0 < share < 1:
        raise InputError(f"Trial: first must be a row of the {rows} and share between 0 and 1.")
    injection = _Injection(clean, first)
    budget = share * (rows - first) * meters / max(1, len(kinds))
    for kind in sorted(kinds, key=lambda kind: -HOURS[kind][1]):  # those first that need the most room
        injection.spend(budget, kind, np.random.default_rng([seed, zlib.crc32(kind.encode())]))
    return injection.trial()


class _Injection:
    """Readings under construction, meter by meter: a fault is a stretch of one meter, so that is kept together."""

    def __init__(self, clean: RawReadings, first: int) -> None:
        self._clean, self._first = clean, first
        self._voltage_v = np.array(clean.voltage_v.T, np.float32, order="C")
        self._energy_kwh = np.array(clean.energy_kwh.T, np.float32, order="C")
        self._truth = np.zeros(self._voltage_v.shape, np.int8)
        self._events: list[TrialEvent] = []
        self._decimals = [
            np.where(_shows(values, coarse), coarse, fine)
            for values, coarse, fine in zip(
                (self._voltage_v, self._energy_kwh), COARSE_DECIMALS, FINE_DECIMALS, strict=True
            )
        ]
        self._nominal_v = np.where(np.isnan(clean.nominal_v), _usual(self._voltage_v), clean.nominal_v)
        self._use_kwh = _mean(self._energy_kwh)
        known = self._use_kwh[~np.isnan(self._use_kwh)]
        least = np.quantile(known, THIEF_QUANTILE) if len(known) else np.inf
        self._worthwhile = np.flatnonzero(self._use_kwh >= least)
        self._measured = np.flatnonzero(~np.isnan(self._nominal_v))

    def spend(self, budget: float, kind: str, rng: np.random.Generator) -> None:
        """Inject faults of a kind until they fill `budget` slots, or there is no more room."""
        candidates = self._worthwhile if kind in ALL_THEFTS else self._measured
        per_day = self._clean.slots_per_day
        room = self._truth.shape[1] - self._first
        while len(candidates) and budget > 0:
            steps = min(draw_steps(rng, kind, per_day), room)
            if budget < steps and rng.random() * steps >= budget:
                return
            budget -= steps
            for _ in range(PLACEMENT_TRIES):
                meter = int(rng.choice(candidates))
                start = self._first + int(rng.integers(room - steps + 1))
                if self._is_free(kind, meter, start, start + steps):
                    self._inject(kind, rng, meter, start, start + steps)
                    break
            else:
                return

    def _is_free(self, kind: str, meter: int, start: int, end: int) -> bool:
        peace = self._clean.slots_per_day
        if self._truth[meter, max(0, start - peace) : end + peace].any():
            return False
        seen = (self._energy_kwh if kind in ALL_THEFTS else self._voltage_v)[meter, start:end]
        there = seen[~np.isnan(seen)]
        if len(there) < LEAST_PRESENT * len(seen):
            return False
        return kind not in ALL_THEFTS or bool(there.mean() >= LEAST_USE * self._use_kwh[meter])

    def _inject(self, kind: str, rng: np.random.Generator, meter: int, start: int, end: int) -> None:
        now, recent = slice(start, end), slice(max(0, start - RECENT_SLOTS), start)
        voltage, energy = self._voltage_v[meter], self._energy_kwh[meter]
        stretch = Stretch(
            voltage_v=voltage[now],
            energy_kwh=energy[now],
            before=(voltage[recent], energy[recent]),
            nominal_v=float(self._nominal_v[meter]),
            per_day=self._clean.slots_per_day,
        )
        clean = stretch.voltage_v.copy()
        apply(kind, rng, stretch)
        if kind == "drift":
            off = np.abs(stretch.voltage_v - clean) > NOTICEABLE_PU * stretch.nominal_v
            start += int(np.argmax(off))
        for values, decimals in zip((voltage, energy), self._decimals, strict=True):
            # Theft leaves the voltage alone, to the last digit of a source that has more of them than a display.
            if values is energy or kind not in ALL_THEFTS:
                values[now] = np.round(values[now], int(decimals[meter]))
        self._truth[meter, start:end] = 1 + TAUGHT_KINDS.index(kind)
        self._events.append(TrialEvent(kind, meter, start, end))

    def trial(self) -> Trial:
        """What has been made."""
        readings = replace(
            self._clean,
            voltage_v=np.ascontiguousarray(self._voltage_v.T),
            energy_kwh=np.ascontiguousarray(self._energy_kwh.T),
        )
        events = sorted(self._events, key=lambda event: (event.start, event.meter))
        return Trial(readings, np.ascontiguousarray(self._truth.T), tuple(events))


def _shows(values: np.ndarray, decimals: int) -> np.ndarray:
    """Whether a meter's readings `[M, T]` never have more than so many decimals, `[M] bool`."""
    rounded = np.round(values, decimals)
    fits: np.ndarray = (np.isnan(values) | (np.abs(values - rounded) < 1e-5 * (1 + np.abs(values)))).all(axis=1)
    return fits


def _usual(voltage_v: np.ndarray) -> np.ndarray:
    """Median voltage of each meter while it has power, `[M]`; stands in for a nominal voltage nobody knows."""
    usual = np.full(len(voltage_v), np.nan)
    for meter, values in enumerate(voltage_v):
        powered = values[values > 0]
        if len(powered):
            usual[meter] = np.median(powered)
    return usual


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean of each row, `[M] float64`, NaN where nothing is known."""
    there = ~np.isnan(values)
    with np.errstate(invalid="ignore"):
        mean: np.ndarray = np.where(there, values, 0).sum(axis=1, dtype=np.float64) / there.sum(axis=1)
    return mean
