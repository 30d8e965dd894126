"""Rosters: which meters a feeder has, whose they are, and where in which pack each one's state lives.

A roster is kept in shards of 4,000 meters. A meter's place in its shard never changes, and its pack follows from the
place, so a roster only ever grows. A meter nobody announced is enrolled provisionally, and counts in full once the
utility's roster names it or it has reported for a day.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import repeat

import msgspec
import numpy as np
from numpy.typing import NDArray

from functions.domain.packs import METERS_PER_PACK, CustomerType, pack_id
from functions.domain.roster_row import RosterRow
from functions.domain.roster_shard import COLUMNS, RosterShard, columns_of, completed, put

METERS_PER_SHARD = 4_000
PACKS_PER_SHARD = -(-METERS_PER_SHARD // METERS_PER_PACK)
PROVISIONAL_PER_HOUR = 500
"""Unknown meters a feeder may enrol within an hour: a wrong feeder id must not fill the store."""
CONFIRMED_AFTER_S = 86_400


class Roster:
    """The meters of one feeder, looked up by id and by place. Never changed: `with_rows` and others return a new one.

    A *place* is `shard * 4000 + position`; a *pack number* is `shard * 63 + position // 64`.
    """

    def __init__(self, feeder_id: str, shards: Sequence[RosterShard] = ()) -> None:
        self.feeder_id = feeder_id
        self.shards = tuple(sorted(map(completed, shards), key=lambda shard: shard.shard))
        self._place = {
            meter: shard.shard * METERS_PER_SHARD + position
            for shard in self.shards
            for position, meter in enumerate(shard.meter_id)
        }
        self._provisional = {
            shard.shard * METERS_PER_SHARD + position: since
            for shard in self.shards
            for position, since in enumerate(shard.provisional_since)
            if since is not None
        }
        self._columns: dict[int, PackColumns] = {}
        """Of the packs asked for: a roster never changes, and every batch asks again."""

    def __len__(self) -> int:
        return len(self._place)

    def __contains__(self, meter_id: str) -> bool:
        return meter_id in self._place

    def is_made_of(self, shards: Sequence[RosterShard]) -> bool:
        """Whether these stored shards are the very ones it was made of."""
        stored = {shard.id: shard.etag for shard in shards}
        return None not in stored.values() and stored == {shard.id: shard.etag for shard in self.shards}

    def places(self, meter_ids: Sequence[str]) -> NDArray[np.int64]:
        """Place of each meter, `[n]`; −1 where the roster does not know it."""
        return np.fromiter(map(self._place.get, meter_ids, repeat(-1)), np.int64, len(meter_ids))

    def row(self, place: int) -> RosterRow:
        """The meter at a place."""
        shard, position = self.shards[place // METERS_PER_SHARD], place % METERS_PER_SHARD
        return RosterRow(
            meter_id=shard.meter_id[position],
            feeder_id=self.feeder_id,
            customer_id=shard.customer_id[position],
            transformer_id=shard.transformer_id[position],
            nominal_voltage_v=shard.nominal_v[position],
            interval_s=shard.interval_s[position],
            customer_type=shard.customer_type[position],
            substation_id=shard.substation_id[position],
            lateral_id=shard.lateral_id[position],
            collector_id=shard.collector_id[position],
            critical=shard.critical[position],
            retired=shard.retired[position],
        )

    def meter_id(self, place: int) -> str:
        """Id of the meter at a place."""
        return self.shards[place // METERS_PER_SHARD].meter_id[place % METERS_PER_SHARD]

    def pack_id(self, number: int) -> str:
        """Id of a pack by its number."""
        return pack_id(self.feeder_id, number // PACKS_PER_SHARD, number % PACKS_PER_SHARD)

    def pack_columns(self, number: int) -> PackColumns:
        """What the roster says of the meters of one pack, in their order; nothing of a shard it has not seen yet."""
        if number not in self._columns:
            self._columns[number] = self._read_columns(number)
        return self._columns[number]

    def _read_columns(self, number: int) -> PackColumns:
        nth = number // PACKS_PER_SHARD
        shard = self.shards[nth] if nth < len(self.shards) else RosterShard(id="", feeder_id=self.feeder_id, shard=nth)
        start = (number % PACKS_PER_SHARD) * METERS_PER_PACK
        these = slice(start, start + METERS_PER_PACK)
        confirmed = np.array([since is None for since in shard.provisional_since[these]], bool)
        retired = np.array(shard.retired[these], bool)
        return PackColumns(
            nominal_v=np.array(shard.nominal_v[these], np.float32),
            interval_s=np.array([interval or 0 for interval in shard.interval_s[these]], np.int64),
            customer_type=np.array([CustomerType[kind or "unknown"] for kind in shard.customer_type[these]], np.uint8),
            expected=confirmed & ~retired,
            retired=retired,
        )

    def enrolled_since(self, moment: int) -> int:
        """How many provisional meters were enrolled at or after `moment`."""
        return sum(since >= moment for since in self._provisional.values())

    def is_retired(self, place: int) -> bool:
        """Whether the meter at a place was taken out of service."""
        return self.shards[place // METERS_PER_SHARD].retired[place % METERS_PER_SHARD]

    def is_provisional(self, place: int) -> bool:
        """Whether the meter at a place is not confirmed yet."""
        return place in self._provisional

    def with_provisional(self, meter_ids: Sequence[str], now: int) -> tuple[Roster, list[RosterShard]]:
        """Enrol unannounced meters; returns the new roster and the shards to store."""
        return self._with([RosterRow(meter_id=meter, feeder_id=self.feeder_id) for meter in meter_ids], now)

    def with_rows(self, rows: Sequence[RosterRow]) -> tuple[Roster, list[RosterShard]]:
        """Confirm meters as the utility describes them; returns the new roster and the shards to store."""
        return self._with(rows, None)

    def confirmed(self, places: Sequence[int]) -> tuple[Roster, list[RosterShard]]:
        """Confirm provisional meters that have reported for long enough."""
        return self._with([self.row(place) for place in places], None)

    def ripe(self, now: int) -> list[int]:
        """Places of provisional meters that have been enrolled for a day."""
        return [place for place, since in self._provisional.items() if now - since >= CONFIRMED_AFTER_S]

    def _with(self, rows: Sequence[RosterRow], provisional_since: int | None) -> tuple[Roster, list[RosterShard]]:
        columns = {shard.shard: columns_of(shard) for shard in self.shards}
        etags = {shard.shard: shard.etag for shard in self.shards}
        place = dict(self._place)
        touched = set()
        for row in rows:
            where = place.get(row.meter_id)
            if where is None:
                where = place[row.meter_id] = len(place)
                columns.setdefault(where // METERS_PER_SHARD, {name: [] for name in COLUMNS})
            number, position = divmod(where, METERS_PER_SHARD)
            put(columns[number], position, row, provisional_since)
            touched.add(number)
        shards = {
            number: RosterShard(
                id=f"{self.feeder_id}:{number}",
                feeder_id=self.feeder_id,
                shard=number,
                etag=etags.get(number),
                **{name: tuple(values) for name, values in column.items()},
            )
            for number, column in columns.items()
        }
        return Roster(self.feeder_id, list(shards.values())), [shards[number] for number in sorted(touched)]


class PackColumns(msgspec.Struct, frozen=True):
    """What a roster says of the meters of one pack; arrays of one length."""

    nominal_v: NDArray[np.float32]
    """V, NaN where it does not say."""
    interval_s: NDArray[np.int64]
    """0 where it does not say."""
    customer_type: NDArray[np.uint8]
    """`CustomerType`."""
    expected: NDArray[np.bool_]
    """Confirmed and in service: its silence is news."""
    retired: NDArray[np.bool_]
