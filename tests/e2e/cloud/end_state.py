"""What is left of a story when everything has happened, in a form that two runs can be compared by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

from functions.domain.incidents import Incident, MemberChunk
from functions.domain.packs import METER, METERS_PER_PACK, Pack
from functions.domain.roster_shard import RosterShard

BY_THE_CLOCK = "escalated"
"""Kind of the messages that follow from when a timer ran, and not from the story: two runs differ in them."""


class Outage(NamedTuple):
    """An incident without what depends on the order of arrival: its id and the number of its revisions."""

    feeder_id: str
    kind: str
    state: str
    device_id: str
    members: tuple[str, ...]


class Told(NamedTuple):
    """A message somebody got, without the incident's reference."""

    customer_id: str
    kind: str
    text: str


@dataclass(frozen=True)
class EndState:
    """Everything downstream of the readings."""

    meters: dict[str, bytes]
    """State of every meter, bit for bit."""
    anomalies: list[tuple[str, int, int | None]]
    """Id, start and end of every record."""
    incidents: list[Outage]
    told: list[Told]
    """Every message as often as it was sent."""
    deliveries: list[tuple[str, str, str]]
    """Customer, kind and state of what was recorded."""
    letters: list[str]

    def differences(self, other: EndState) -> list[str]:
        """One line for each thing in which the two differ, empty when nothing does."""
        lines = [
            f"meter {meter}: {'differs' if meter in self.meters and meter in other.meters else 'only one has it'}"
            for meter in sorted(self.meters.keys() | other.meters.keys())
            if self.meters.get(meter) != other.meters.get(meter)
        ]
        for field in fields(self)[1:]:
            ours, theirs = getattr(self, field.name), getattr(other, field.name)
            lines += [f"{field.name}: too much {each}" for each in _beyond(ours, theirs)]
            lines += [f"{field.name}: missing {each}" for each in _beyond(theirs, ours)]
        return lines


def _beyond(some: Iterable[object], others: Iterable[object]) -> list[object]:
    """What is in one list more often than in another."""
    left, rest = list(others), []
    for each in some:
        if each in left:
            left.remove(each)
        else:
            rest.append(each)
    return rest


def meter_states(shards: Iterable[RosterShard], packs: Iterable[Pack]) -> dict[str, bytes]:
    """State of every meter that has any."""
    ids = {}
    for shard in shards:
        for place, meter in enumerate(shard.meter_id):
            index, position = divmod(place, METERS_PER_PACK)
            ids[f"{shard.id}:{index}", position] = meter
    return {
        ids[pack.id, nth]: pack.data[nth * METER.itemsize : (nth + 1) * METER.itemsize]
        for pack in packs
        for nth in range(pack.meters)
    }


def outage(incident: Incident, chunks: Iterable[MemberChunk]) -> Outage:
    """An incident by its members."""
    members = sorted({member.anomaly_id for chunk in chunks for member in chunk.members})
    return Outage(incident.feeder_id, incident.kind, incident.state, incident.device_id, tuple(members))


def told(message: Mapping[str, str]) -> Told:
    """A message by its text; the reference at its end names the incident by whichever record came first."""
    return Told(message["customer_id"], message["kind"], message["body"].partition(" Ref ")[0])
