"""Pack keys: from a place on a roster to the pack that holds it, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from functions.domain.packs import METERS_PER_PACK
from functions.domain.roster import METERS_PER_SHARD, PACKS_PER_SHARD, Roster


@dataclass(frozen=True)
class PackKey:
    """A pack by its number on a feeder's roster."""

    roster: Roster
    number: int

    @cached_property
    def id(self) -> str:
        """Id of the pack document."""
        return self.roster.pack_id(self.number)

    @classmethod
    def parse(cls, pack_id: str, roster: Roster) -> PackKey:
        """The key of a stored pack."""
        _, shard, index = pack_id.rsplit(":", 2)
        return cls(roster, int(shard) * PACKS_PER_SHARD + int(index))

    def place(self, position: int) -> int:
        """Place on the roster of the meter at a position of this pack."""
        shard, index = divmod(self.number, PACKS_PER_SHARD)
        return shard * METERS_PER_SHARD + index * METERS_PER_PACK + position


def pack_number(place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Number of the pack that holds each place, `[n]`."""
    return place // METERS_PER_SHARD * PACKS_PER_SHARD + place % METERS_PER_SHARD // METERS_PER_PACK


def position_in_pack(place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Position of each place in its pack, `[n]`."""
    return place % METERS_PER_SHARD % METERS_PER_PACK
