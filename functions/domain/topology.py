"""Topology: where on a feeder every meter hangs, and what hangs below a device.

The chain of devices is meter, transformer, lateral where it is known, feeder, substation. A collector hears meters and
feeds none.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from functions.domain.roster import METERS_PER_SHARD, Roster

USUAL_INTERVAL_S = 900


class DeviceKind(StrEnum):
    """Kinds of device, the deepest first; a collector is none of the chain."""

    meter = "meter"
    transformer = "transformer"
    lateral = "lateral"
    feeder = "feeder"
    substation = "substation"
    collector = "collector"


class Place(NamedTuple):
    """Where one meter hangs; what is not known is empty."""

    meter_id: str
    customer_id: str
    transformer_id: str = ""
    lateral_id: str = ""
    feeder_id: str = ""
    substation_id: str = ""
    collector_id: str = ""
    critical: bool = False
    """Life support, or a hospital."""


class FeederMap:
    """The confirmed meters of one feeder by device."""

    def __init__(self, feeder_id: str, places: Iterable[Place] = (), interval_s: int = USUAL_INTERVAL_S) -> None:
        self.feeder_id = feeder_id
        self.interval_s = interval_s
        self.places = {place.meter_id: place for place in places}
        transformers, collectors = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
        laterals: dict[str, dict[str, None]] = defaultdict(dict)
        self.lateral_of: dict[str, str] = {}
        for place in self.places.values():
            if place.transformer_id:
                transformers[place.transformer_id].append(place.meter_id)
                if place.lateral_id:
                    laterals[place.lateral_id][place.transformer_id] = None
                    self.lateral_of[place.transformer_id] = place.lateral_id
            if place.collector_id:
                collectors[place.collector_id].append(place.meter_id)
        self.transformers = {name: tuple(meters) for name, meters in transformers.items()}
        """Meters of each transformer."""
        self.laterals = {name: tuple(below) for name, below in laterals.items()}
        """Transformers of each lateral."""
        self.collectors = {name: tuple(meters) for name, meters in collectors.items()}
        """Meters of this feeder that each collector hears."""
        self.substation_id = next((each.substation_id for each in self.places.values() if each.substation_id), "")

    @classmethod
    def of(cls, roster: Roster) -> FeederMap:
        """The map of a roster; meters that it does not confirm, or that were taken out of service, are left out."""
        places, intervals = [], Counter[int]()
        for shard in roster.shards:
            for position, meter in enumerate(shard.meter_id):
                place = shard.shard * METERS_PER_SHARD + position
                if roster.is_provisional(place) or roster.is_retired(place):
                    continue
                places.append(
                    Place(
                        meter_id=meter,
                        customer_id=shard.customer_id[position] or meter,
                        transformer_id=shard.transformer_id[position],
                        lateral_id=shard.lateral_id[position],
                        feeder_id=roster.feeder_id,
                        substation_id=shard.substation_id[position],
                        collector_id=shard.collector_id[position],
                        critical=shard.critical[position],
                    )
                )
                intervals[shard.interval_s[position] or USUAL_INTERVAL_S] += 1
        usual = intervals.most_common(1)
        return cls(roster.feeder_id, places, usual[0][0] if usual else USUAL_INTERVAL_S)

    def transformers_below(self, kind: str, device_id: str) -> tuple[str, ...]:
        """Transformers that a device feeds."""
        match kind:
            case DeviceKind.feeder:
                return tuple(self.transformers)
            case DeviceKind.lateral:
                return self.laterals.get(device_id, ())
            case DeviceKind.transformer:
                return (device_id,)
            case _:
                return ()

    def meters_below(self, kind: str, device_id: str) -> tuple[str, ...]:
        """Meters that a device feeds, or that a collector hears."""
        match kind:
            case DeviceKind.meter:
                return (device_id,)
            case DeviceKind.feeder:
                return tuple(self.places)
            case DeviceKind.collector:
                return self.collectors.get(device_id, ())
            case _:
                below = self.transformers_below(kind, device_id)
                return tuple(meter for each in below for meter in self.transformers.get(each, ()))
