"""Assets: what the devices that work orders name are, and on which feeder they hang, as the rosters have it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from typing import NamedTuple

from functions.domain.errors import RejectedDocument
from functions.domain.roster_shard import RosterShard
from functions.domain.work_orders import AssetKind, OrderNotice
from functions.ports import RosterStore


class Asset(NamedTuple):
    """One device; of a substation, which has many feeders, `feeder_id` is empty."""

    kind: AssetKind
    feeder_id: str


class Assets:
    """The devices that some notices name."""

    def __init__(self) -> None:
        self._found: dict[str, set[Asset]] = defaultdict(set)
        self._feeders_below: dict[str, set[str]] = defaultdict(set)

    @classmethod
    async def on(cls, rosters: RosterStore, notices: Sequence[OrderNotice]) -> Assets:
        """Look notices up: each on its feeder, or on every roster when one names no feeder."""
        assets = cls()
        wanted = {notice.asset_id for notice in notices}
        for feeder_id in await _feeders(rosters, notices):
            assets._note(feeder_id, await rosters.read(feeder_id), wanted)
        return assets

    def _note(self, feeder_id: str, shards: Iterable[RosterShard], wanted: Set[str]) -> None:
        for shard in shards:
            if feeder_id in wanted:
                self._found[feeder_id].add(Asset(AssetKind.feeder, feeder_id))
            for kind, ids in ((AssetKind.meter, shard.meter_id), (AssetKind.transformer, shard.transformer_id)):
                for asset_id in wanted & set(ids):
                    self._found[asset_id].add(Asset(kind, feeder_id))
            for substation_id in set(shard.substation_id) - {""}:
                self._feeders_below[substation_id].add(feeder_id)
                self._found[substation_id].add(Asset(AssetKind.substation, ""))

    def find(self, notice: OrderNotice) -> Asset:
        """The asset of a notice; raises `RejectedDocument` for one that is on no roster, or could be two things."""
        name, feeder = notice.asset_id, notice.feeder_id
        here = [
            asset
            for asset in self._found.get(name, ())
            if notice.asset_kind in (None, asset.kind) and (not feeder or asset.feeder_id in (feeder, ""))
        ]
        if not here:
            what, where = notice.asset_kind or "device", f"the roster of feeder {feeder}" if feeder else "any roster"
            raise RejectedDocument("asset_id", f"there is no {what} {name} on {where}; correct it or load the roster")
        if len({asset.kind for asset in here}) > 1:
            both = " and a ".join(sorted({asset.kind for asset in here}))
            raise RejectedDocument("asset_kind", f"is missing, and {name} is a {both}; say which is meant")
        if len(here) > 1:
            both = " and ".join(sorted(asset.feeder_id for asset in here))
            raise RejectedDocument("feeder_id", f"is missing, and {name} is on feeders {both}; say which is meant")
        return here[0]

    def feeders_of(self, scopes: Iterable[str]) -> frozenset[str]:
        """Feeders, given themselves or their substations."""
        return frozenset(feeder for scope in scopes for feeder in self._feeders_below.get(scope, {scope}))


async def _feeders(rosters: RosterStore, notices: Sequence[OrderNotice]) -> list[str]:
    if all(notice.feeder_id and notice.asset_kind is not AssetKind.substation for notice in notices):
        return sorted({notice.feeder_id for notice in notices})
    return list(await rosters.feeders())
