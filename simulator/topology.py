"""The grid from substation to meter: who hangs where, and at which nominal voltage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from simulator.scenario import Scenario

SUPPLY_DEVICES = ("transformer", "lateral", "feeder", "substation")
CUSTOMER_TYPES = ("residential", "commercial", "industrial")
RESIDENTIAL, COMMERCIAL, INDUSTRIAL = range(3)

METERS_PER_FEEDER = 200
FEEDERS_PER_SUBSTATION = 4
TRANSFORMER_TYPE_SHARES = (0.72, 0.23, 0.05)  # of transformers: with the sizes below, about 90 % of meters are homes
TRANSFORMER_METERS = ((4, 12), (1, 4), (1, 1))  # a pole-top unit feeds a few houses; a factory has its own
LATERAL_TRANSFORMERS = (3, 7)  # behind one fuse
TRUNK_TRANSFORMERS = (0, 2)  # between two laterals, on the feeder itself
COLLECTORS_PER_FEEDER = 2  # its near and its far half are heard from two poles
NO_LATERAL = -1
NOMINAL_V = ((240.0,), (120.0, 208.0, 240.0, 480.0), (277.0, 480.0))  # ANSI C84.1-2020, table 1


@dataclass(frozen=True)
class Topology:
    """What the utility knows about its meters. Every array has length M and the same order: by feeder, transformer."""

    meter_id: np.ndarray
    customer_id: np.ndarray
    transformer_id: np.ndarray
    lateral_id: np.ndarray
    """Empty for what hangs on the feeder itself."""
    feeder_id: np.ndarray
    substation_id: np.ndarray
    collector_id: np.ndarray
    """What hears the meter's radio."""
    customer_type: np.ndarray
    """`residential`, `commercial` or `industrial`."""
    nominal_voltage_v: np.ndarray
    """`[M] float32`, V."""


class Device(NamedTuple):
    """A device of the grid, or a collector; no `kind` where several devices share something, and nothing else."""

    kind: str = ""
    id: str = ""


@dataclass(frozen=True)
class Network:
    """The same grid as numbers, for arithmetic. Meters of a transformer, and of a feeder, are neighbours in order."""

    topology: Topology
    kind: np.ndarray
    """`[M] int8`, index into `CUSTOMER_TYPES`."""
    transformer: np.ndarray
    """`[M] int64`, index of the meter's transformer."""
    feeder: np.ndarray
    """`[M] int64`, index of the meter's feeder."""
    substation_of_feeder: np.ndarray
    """`[F] int64`."""
    feeder_of_transformer: np.ndarray
    """`[X] int64`."""
    lateral_of_transformer: np.ndarray
    """`[X] int64`; −1 on the trunk."""
    collector_of_transformer: np.ndarray
    """`[X] int64`."""
    position: np.ndarray
    """`[X] float32`, electrical distance of the transformer along its feeder, 0 (head) to 1 (end)."""

    @property
    def transformer_starts(self) -> np.ndarray:
        """First meter of every transformer, `[X] int64`."""
        return np.searchsorted(self.transformer, np.arange(len(self.position)))

    @property
    def feeder_starts(self) -> np.ndarray:
        """First meter of every feeder, `[F] int64`."""
        return np.searchsorted(self.feeder, np.arange(len(self.substation_of_feeder)))

    def below_transformer(self, transformer: int) -> np.ndarray:
        """Meters of a transformer, `[n] int64`."""
        return np.flatnonzero(self.transformer == transformer)

    def below_feeder(self, feeder: int) -> np.ndarray:
        """Meters of a feeder, `[n] int64`."""
        return np.flatnonzero(self.feeder == feeder)

    def below_lateral(self, lateral: int) -> np.ndarray:
        """Meters of a lateral, `[n] int64`."""
        return np.flatnonzero(self.lateral_of_transformer[self.transformer] == lateral)

    def below_substation(self, substation: int) -> np.ndarray:
        """Meters of a substation, `[n] int64`."""
        return np.flatnonzero(self.substation_of_feeder[self.feeder] == substation)

    def heard_by(self, collector: int) -> np.ndarray:
        """Meters of a collector, `[n] int64`."""
        return np.flatnonzero(self.collector_of_transformer[self.transformer] == collector)

    def device_of(self, meters: np.ndarray, kinds: tuple[str, ...] = SUPPLY_DEVICES) -> Device:
        """The deepest device of these kinds that has exactly these meters, or one meter alone."""
        for kind in kinds:
            ids = getattr(self.topology, f"{kind}_id")
            name = str(ids[meters[0]])
            if name and np.array_equal(np.flatnonzero(ids == name), np.sort(meters)):
                return Device(kind, name)
        return Device("meter", str(self.topology.meter_id[meters[0]])) if len(meters) == 1 else Device()


def build_network(scenario: Scenario) -> Network:
    """Draw a grid of `scenario.meters` meters."""
    rng = scenario.stream("topology")
    sizes, kinds = _transformers(rng, scenario.meters)
    feeder_of_transformer = _feeders(rng, sizes)
    feeder_count = int(feeder_of_transformer[-1]) + 1
    transformer = np.repeat(np.arange(len(sizes)), sizes)
    nominal = np.array([rng.choice(NOMINAL_V[kind]) for kind in kinds], dtype=np.float32)[transformer]
    kind = kinds[transformer]
    substation_of_feeder = np.arange(feeder_count) // FEEDERS_PER_SUBSTATION
    lateral = _laterals(scenario.stream("laterals"), feeder_of_transformer)
    collector = _collectors(feeder_of_transformer)
    return Network(
        topology=_named(transformer, feeder_of_transformer, lateral, collector, substation_of_feeder, kind, nominal),
        kind=kind,
        transformer=transformer,
        feeder=feeder_of_transformer[transformer],
        substation_of_feeder=substation_of_feeder,
        feeder_of_transformer=feeder_of_transformer,
        lateral_of_transformer=lateral,
        collector_of_transformer=collector,
        position=_positions(rng, feeder_of_transformer),
    )


def _transformers(rng: np.random.Generator, meters: int) -> tuple[np.ndarray, np.ndarray]:
    """Meters and customer type of every transformer, `[X]`; the first one feeds homes, so that every grid has some."""
    kinds = rng.choice(3, size=meters, p=TRANSFORMER_TYPE_SHARES).astype(np.int8)
    kinds[0] = RESIDENTIAL
    low, high = np.array(TRANSFORMER_METERS)[kinds].T
    sizes = rng.integers(low, high + 1)
    count = int(np.searchsorted(np.cumsum(sizes), meters)) + 1
    sizes = sizes[:count]
    sizes[-1] -= sizes.sum() - meters
    return sizes, kinds[:count]


def _feeders(rng: np.random.Generator, sizes: np.ndarray) -> np.ndarray:
    """Feeder of every transformer, `[X]`; feeders differ in size by about a factor of three."""
    count = max(1, round(int(sizes.sum()) / METERS_PER_FEEDER))
    shares = rng.uniform(0.6, 1.8, count)
    bounds = np.cumsum(shares / shares.sum())[:-1] * sizes.sum()
    middle = np.cumsum(sizes) - sizes / 2
    feeder: np.ndarray = np.searchsorted(bounds, middle)
    return feeder


def _laterals(rng: np.random.Generator, feeder_of_transformer: np.ndarray) -> np.ndarray:
    """Lateral of every transformer, `[X]`: neighbours behind one fuse, with some of the trunk between."""
    lateral = np.full(len(feeder_of_transformer), NO_LATERAL)
    number = 0
    for feeder in range(int(feeder_of_transformer[-1]) + 1):
        first, end = np.searchsorted(feeder_of_transformer, [feeder, feeder + 1])
        place = int(first) + int(rng.integers(*TRUNK_TRANSFORMERS, endpoint=True))
        while place < end:
            size = int(rng.integers(*LATERAL_TRANSFORMERS, endpoint=True))
            if place + size <= end:  # what is left at the end of the feeder hangs on the trunk
                lateral[place : place + size] = number
                number += 1
            place += size + int(rng.integers(*TRUNK_TRANSFORMERS, endpoint=True))
    return lateral


def _collectors(feeder_of_transformer: np.ndarray) -> np.ndarray:
    """Collector of every transformer, `[X]`: one for the near part of a feeder, one for the far part."""
    collector = np.empty(len(feeder_of_transformer), np.int64)
    for feeder in range(int(feeder_of_transformer[-1]) + 1):
        first, end = np.searchsorted(feeder_of_transformer, [feeder, feeder + 1])
        near = max(1, round((end - first) / COLLECTORS_PER_FEEDER))
        collector[first : first + near] = COLLECTORS_PER_FEEDER * feeder
        collector[first + near : end] = COLLECTORS_PER_FEEDER * feeder + 1
    return collector


def _positions(rng: np.random.Generator, feeder_of_transformer: np.ndarray) -> np.ndarray:
    """Distances that grow with the transformer's number on its feeder, as crews number them, `[X] float32`."""
    distance = rng.uniform(0.05, 1.0, len(feeder_of_transformer))
    return distance[np.lexsort((distance, feeder_of_transformer))].astype(np.float32)


def _named(
    transformer: np.ndarray,
    feeder_of_transformer: np.ndarray,
    lateral: np.ndarray,
    collector: np.ndarray,
    substation_of_feeder: np.ndarray,
    kind: np.ndarray,
    nominal: np.ndarray,
) -> Topology:
    feeder_first = np.searchsorted(feeder_of_transformer, feeder_of_transformer)
    number = np.arange(len(feeder_of_transformer)) - feeder_first + 1
    names = np.array([f"FDR-{f + 1:03d}-T{n:03d}" for f, n in zip(feeder_of_transformer, number, strict=True)])
    laterals = np.array(
        [f"FDR-{f + 1:03d}-L{n + 1:03d}" if n >= 0 else "" for f, n in zip(feeder_of_transformer, lateral, strict=True)]
    )
    collectors = np.array([f"COL-{c // COLLECTORS_PER_FEEDER + 1:03d}{'AB'[c % 2]}" for c in collector.tolist()])
    feeder = feeder_of_transformer[transformer]
    serial = range(1, len(transformer) + 1)
    return Topology(
        meter_id=np.array([f"MTR-{n:06d}" for n in serial]),
        customer_id=np.array([f"CUST-{n:06d}" for n in serial]),
        transformer_id=names[transformer],
        lateral_id=laterals[transformer],
        feeder_id=np.array([f"FDR-{f + 1:03d}" for f in feeder]),
        substation_id=np.array([f"SUB-{s + 1:02d}" for s in substation_of_feeder[feeder]]),
        collector_id=collectors[transformer],
        customer_type=np.array(CUSTOMER_TYPES)[kind],
        nominal_voltage_v=nominal,
    )
