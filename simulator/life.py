"""What changes in the lives of honest customers: all of it unusual, and nobody's fault.

A theft detector that cannot tell a family on holiday from a bridged meter sends inspectors to empty houses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulator.noise import autoregressive, pulses
from simulator.scenario import WEEK_DAYS
from simulator.topology import COMMERCIAL, INDUSTRIAL, RESIDENTIAL

if TYPE_CHECKING:
    from simulator.scenario import Scenario
    from simulator.topology import Network

# Rates are per customer and week. With them the week-to-week changes of a home are those of the 1,130 households of the
# Low Carbon London trial of 2013: log of a week's energy over the median of the four before it, 1 % below −1.1, 5 %
# below −0.5, 10 % below −0.27, 10 % above 0.19, 5 % above 0.30, 1 % above 0.68.
ABSENCES = 0.07  # three or four trips a year
ABSENCE_DAYS = (0.6, 14.0)
CLOSURES = 0.015  # of shops: holidays, stocktaking, works
RESTLESS = 0.12  # standard deviation, of the logarithm, of how busy the median customer is from week to week
RESTLESS_SPREAD = 0.65  # of the lognormal by which customers differ in it
RESTLESS_CORRELATION = 0.9975  # between quarter hours: a memory of four days
STANDBY_SHARE = (0.10, 0.30)  # of the usual draw: refrigerator and routers go on
VISITS = 0.02
VISIT_DAYS = (1.0, 10.0)
VISIT_EXTRA = (0.2, 1.0)
NEW_APPLIANCES = 0.004  # a freezer, an aquarium, a dehumidifier, a heat pump
NEW_APPLIANCE_SHARE = (0.05, 0.5)  # of the mean draw
REPLACEMENTS = 0.003  # by something that needs less
SAVING = (0.05, 0.25)
MOVES = 0.002  # every tenth customer moves house in a year
VACANT_DAYS = (0.0, 21.0)
VACANT_SHARE = (0.03, 0.15)
NEXT_CUSTOMER_SPREAD = 0.6  # of the lognormal that sets the new household against the old one


@dataclass(frozen=True)
class _Spells:
    """Times in the lives of customers, one an entry."""

    meter: np.ndarray
    """`[n] int64`."""
    first: np.ndarray
    """`[n] int64`, slot."""
    steps: np.ndarray
    """`[n] int64`; a spell that outlasts the period is cut there."""

    def over(self, shape: tuple[int, int], size: np.ndarray) -> np.ndarray:
        """Sum of `size [n]` over the spells, `[T, M] float32`."""
        return pulses(shape, self.first, self.meter, self.steps, size)


def live(scenario: Scenario, network: Network, draw_kw: np.ndarray) -> None:
    """Let life happen to `draw_kw [T, M]`, in place: moves, things bought, visits, absences, in this order."""
    rng = scenario.stream("life")
    homes = np.flatnonzero(network.kind == RESIDENTIAL)
    usual = draw_kw.mean(axis=0)
    _be_restless(rng, scenario, draw_kw)
    _move(rng, scenario, np.flatnonzero(network.kind != INDUSTRIAL), draw_kw)
    bought = _spells(rng, scenario, homes, NEW_APPLIANCES)
    draw_kw += bought.over(draw_kw.shape, rng.uniform(*NEW_APPLIANCE_SHARE, len(bought.meter)) * usual[bought.meter])
    replaced = _spells(rng, scenario, homes, REPLACEMENTS)
    visits = _spells(rng, scenario, homes, VISITS, VISIT_DAYS)
    change = replaced.over(draw_kw.shape, -rng.uniform(*SAVING, len(replaced.meter)))
    change += visits.over(draw_kw.shape, rng.uniform(*VISIT_EXTRA, len(visits.meter)))
    draw_kw *= 1 + np.maximum(change, -0.5)
    _leave(draw_kw, _spells(rng, scenario, homes, ABSENCES, ABSENCE_DAYS), rng)
    _leave(draw_kw, _spells(rng, scenario, np.flatnonzero(network.kind == COMMERCIAL), CLOSURES, ABSENCE_DAYS), rng)


def _be_restless(rng: np.random.Generator, scenario: Scenario, draw_kw: np.ndarray) -> None:
    """Nobody lives two weeks alike: how busy a customer is wanders over days."""
    shape = draw_kw.shape
    wander = autoregressive(rng, *shape, RESTLESS_CORRELATION, scenario.interval_s)
    wander *= (RESTLESS * np.exp(RESTLESS_SPREAD * rng.standard_normal(shape[1]))).astype(np.float32)
    draw_kw *= np.exp(wander, out=wander)


def _spells(
    rng: np.random.Generator,
    scenario: Scenario,
    meters: np.ndarray,
    per_week: float,
    days: tuple[float, float] | None = None,
) -> _Spells:
    """Spells of some of `meters`, `days` long, or for good."""
    count = int(rng.poisson(per_week * scenario.days / WEEK_DAYS * len(meters))) if len(meters) else 0
    steps = np.full(count, scenario.slot_count)
    if days is not None:
        low, high = np.log(days)  # short ones are the many
        steps = (np.exp(rng.uniform(low, high, count)) * scenario.slots_per_day).astype(np.int64)
    return _Spells(rng.choice(meters, count), rng.integers(0, scenario.slot_count, count), steps)


def _leave(draw_kw: np.ndarray, away: _Spells, rng: np.random.Generator) -> None:
    """Customers who are away fall to standby, and nobody charges a car."""
    standby = rng.uniform(*STANDBY_SHARE, draw_kw.shape[1]).astype(np.float32)
    left = np.unique(away.meter)
    gone = away.over(draw_kw.shape, np.ones(len(away.meter)))[:, left] > 0
    usual = draw_kw[:, left]
    draw_kw[:, left] = np.where(gone, standby[left] * np.minimum(usual, usual.mean(axis=0)), usual)


def _move(rng: np.random.Generator, scenario: Scenario, customers: np.ndarray, draw_kw: np.ndarray) -> None:
    """A customer moves out, rooms stand empty for some weeks or none, and somebody else moves in."""
    moves = _spells(rng, scenario, customers, MOVES)
    vacant = (rng.uniform(*VACANT_DAYS, len(moves.meter)) * scenario.slots_per_day).astype(np.int64)
    left = rng.uniform(*VACANT_SHARE, len(moves.meter)).astype(np.float32)
    size = np.exp(NEXT_CUSTOMER_SPREAD * rng.standard_normal(len(moves.meter))).astype(np.float32)
    for meter, out, back, rest, factor in zip(moves.meter, moves.first, moves.first + vacant, left, size, strict=True):
        empty = draw_kw[out:back, meter]
        draw_kw[out:back, meter] = rest * np.minimum(empty, draw_kw[:, meter].mean())
        draw_kw[back:, meter] *= factor
