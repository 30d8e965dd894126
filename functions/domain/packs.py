"""Packs: the state of up to 64 meters of one feeder, as one little-endian block of bytes.

A meter's state is one record of `METER`; a pack is the records side by side. Nothing is encoded or decoded on the hot
path: `numpy.frombuffer` reads a block, `tobytes` writes it, and a batch joins the blocks of all its packs into one
array, so that every step is vectorised over the whole batch.

Two *blocks* of time are open at once. A block is an hour, or the length of a window where that is longer; it teaches
the baseline when the meter has reached the block after next, so a late reading inside the window never arrives after
its block has taught.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.domain.anomalies import SLOTS_OF_KINDS, Anomaly, Kind
from functions.domain.errors import StoreError
from functions.domain.features import DAY_FEATURES, FEATURES, LEVELS, WINDOW, WINDOW_FEATURES
from functions.domain.recent_days import BLOCKS_PER_DAY, HOURS

METERS_PER_PACK = 64
LAYOUT = 2
HISTORY = 168
"""Scores kept for the rolling percentile: a week, one a window-hour."""
TOP = 3
"""Largest scores of the history kept beside it: all that its 99th percentile needs."""
NO_SLOT = -1
RESTORED = SLOTS_OF_KINDS - 1
"""Column of `last_slot` that no kind has: the slot of the newest power-restored event."""

SAMPLE_ORIGIN = np.array([float(name in LEVELS) for name in WINDOW_FEATURES], np.float32)
"""What a kept sample is counted from: voltages from nominal, so that two bytes hold them to a hundredth of a volt."""
METER = np.dtype(
    [
        ("head", "<i8"),  # newest slot applied, NO_SLOT before the first
        ("interval_s", "<u4"),
        ("nominal_v", "<f4"),  # NaN until the roster or the first window tells
        ("voltage", "<f4", WINDOW),  # V of slots head-3 .. head, NaN where no reading came
        ("energy", "<f4", WINDOW),  # kWh
        ("base_mean", "<f4", len(FEATURES)),
        ("sum_v", "<f4", 2),  # per open block: sum of (pu - 1)
        ("sum_e", "<f4", 2),  # per open block: sum of kWh
        ("open_slot", "<i4", SLOTS_OF_KINDS),  # first slot of the open anomaly of a kind, or NO_SLOT
        ("last_slot", "<i4", SLOTS_OF_KINDS),  # last slot that broke the rule of a kind
        ("closed_block", "<i4"),  # newest block that has taught, NO_SLOT before
        ("taught_day", "<i4"),  # newest day (24 blocks) whose recent days have been learnt, NO_SLOT before
        ("base_sd", "<f2", len(FEATURES)),
        ("sample", "<f2", (2, len(WINDOW_FEATURES))),  # last normal window of the two open blocks, less SAMPLE_ORIGIN
        ("sample_score", "<f2", 2),  # score of the sample, NaN where there is none to remember
        ("hour_v", "<f2", HOURS),  # ring by block: mean of (pu - 1)
        ("hour_e", "<f2", HOURS),  # ring by block: kWh, missing readings counted like the mean of the others
        ("profile", "<f2", BLOCKS_PER_DAY),  # usual kWh of a block by its place in the day
        ("days", "<f2", len(DAY_FEATURES)),  # the recent days as they were when the newest block closed
        ("worst", "<f2", SLOTS_OF_KINDS),  # worst score of the open anomaly of a kind
        ("history_n", "<u2"),  # scores written so far, saturating past two weeks
        ("base_n", "<u2"),  # hours the baseline has learnt
        ("count", "<u2", (2, 2)),  # per open block: readings with a voltage, with an energy
        ("repeats", "<u2"),  # how often the last reading has repeated without a change
        ("history", "u1", HISTORY),  # ring of normal scores, in steps of SCORE_STEP
        ("top", "u1", TOP),  # the three largest of the history, descending
        ("day_n", "u1"),  # days the baseline has learnt
        ("customer_type", "u1"),  # CustomerType
    ]
)

assert METER.itemsize * 4 <= 1250 * 3, "a meter's state may take 1.25 kB in base64"

RecordArray = NDArray[np.void]


class Records(Protocol):
    """State of meters by field, `[n]` or `[n, k]` each: a record array, or `Columns` of one."""

    def __len__(self) -> int: ...

    def __getitem__(self, field: str, /) -> NDArray[Any]:
        """A field of all meters; writing to it changes the state."""
        ...


class CustomerType(IntEnum):
    """What a meter's customer is, as a roster says it."""

    unknown = 0
    residential = 1
    commercial = 2
    industrial = 3


LARGE_SERVICE_V = 260.0
"""Above it a service is three-phase (277, 347, 400, 480, 600 V): a shop's or a factory's, rarely a home's."""
GROUPS = 2 * len(CustomerType)
"""Populations a new meter may belong to: each type of customer, on a small and on a large service."""


class Prior(NamedTuple):
    """What a meter is assumed to be like before it has history; each `[8, 28]`, a row a group, a column a feature."""

    mean: NDArray[np.float32]
    """Of the population."""
    sd: NDArray[np.float32]
    """Standard deviation within a meter."""
    spread: NDArray[np.float32]
    """Standard deviation of the meters' own means: how far one meter differs from another."""


def group(customer_type: NDArray[np.integer], nominal_v: NDArray[np.float32]) -> NDArray[np.int64]:
    """Row of the prior that each meter belongs to, `[n]`; a service not known yet counts as small."""
    return 2 * customer_type.astype(np.int64) + (nominal_v > LARGE_SERVICE_V)


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """One pack as a store keeps it. `etag` is None for a pack that was never stored."""

    id: str
    feeder_id: str
    layout: int
    data: bytes
    due_at: int | None = None
    """When the first of its meters is overdue, seconds since the epoch; None when none can be."""
    outbox: tuple[Anomaly, ...] = ()
    """Anomalies committed with this state, to be inserted into the anomaly store."""
    outbox_pending: int | None = None
    """When the outbox was committed; None when it is empty."""
    etag: str | None = None

    @property
    def meters(self) -> int:
        """Number of meters in the pack."""
        return len(self.data) // METER.itemsize


def pack_id(feeder_id: str, shard: int, index: int) -> str:
    """Identity of the pack that holds meters `64 * index` to `64 * index + 63` of a roster shard.

    >>> pack_id("FDR-1", 0, 3)
    'FDR-1:0:3'
    """
    return f"{feeder_id}:{shard}:{index}"


def fresh(nominal_v: NDArray[np.float32], customer_type: NDArray[np.integer], prior: Prior) -> RecordArray:
    """State of meters that have never reported.

    `nominal_v` is `[n]`, V, NaN where the roster does not say; `customer_type` `[n]`, as `CustomerType`.
    """
    state = np.zeros(len(nominal_v), METER)
    for field in ("head", "closed_block", "taught_day", "open_slot", "last_slot"):
        state[field] = NO_SLOT
    for field in ("voltage", "energy", "sample", "sample_score", "hour_v", "hour_e", "profile", "days"):
        state[field] = np.nan
    state["nominal_v"] = nominal_v
    state["customer_type"] = customer_type
    which = group(customer_type, nominal_v)
    state["base_mean"] = prior.mean[which]
    state["base_sd"] = prior.sd[which]
    return state


def join(packs: list[Pack]) -> RecordArray:
    """Records of all packs one after the other, in one writable array."""
    for pack in packs:
        if pack.layout != LAYOUT:
            raise StoreError(f"pack {pack.id} has layout {pack.layout}, this release reads {LAYOUT}; migrate it first")
    return np.frombuffer(bytearray().join(pack.data for pack in packs), METER)


class OpenAnomaly(msgspec.Struct, frozen=True):
    """An anomaly that is still open, as people read it. Times are seconds since the epoch."""

    kind: str
    start: int
    worst_score: float


class MeterState(msgspec.Struct, frozen=True, kw_only=True):
    """The state of one meter as people read it; built only where a person looks."""

    last_reading: int | None
    interval_s: int
    nominal_voltage_v: float | None
    customer_type: str
    voltage_v: tuple[float | None, ...]
    energy_kwh: tuple[float | None, ...]
    usual_mean: dict[str, float]
    usual_sd: dict[str, float]
    samples: int
    days: int
    hours_voltage_v: tuple[float | None, ...]
    hours_energy_kwh: tuple[float | None, ...]
    scores_kept: int
    open: tuple[OpenAnomaly, ...]


def describe(record: np.void) -> MeterState:
    """One record for people: oldest hour first, None where nothing came."""
    interval = int(record["interval_s"])
    nominal = float(record["nominal_v"])
    order = (int(record["closed_block"]) + 1 + np.arange(HOURS)) % HOURS
    kinds = [kind for kind in Kind if record["open_slot"][kind] != NO_SLOT]
    return MeterState(
        last_reading=int(record["head"]) * interval if record["head"] != NO_SLOT else None,
        interval_s=interval,
        nominal_voltage_v=None if np.isnan(nominal) else nominal,
        customer_type=CustomerType(int(record["customer_type"])).name,
        voltage_v=_optional(record["voltage"]),
        energy_kwh=_optional(record["energy"]),
        usual_mean=dict(zip(FEATURES, map(float, record["base_mean"]), strict=True)),
        usual_sd=dict(zip(FEATURES, map(float, record["base_sd"]), strict=True)),
        samples=int(record["base_n"]),
        days=int(record["day_n"]),
        hours_voltage_v=_optional((1 + record["hour_v"][order].astype(np.float32)) * nominal),
        hours_energy_kwh=_optional(record["hour_e"][order]),
        scores_kept=min(int(record["history_n"]), HISTORY),
        open=tuple(
            OpenAnomaly(kind.name, int(record["open_slot"][kind]) * interval, float(record["worst"][kind]))
            for kind in kinds
        ),
    )


def _optional(values: NDArray[np.floating]) -> tuple[float | None, ...]:
    return tuple(None if np.isnan(value) else round(float(value), 4) for value in values)
