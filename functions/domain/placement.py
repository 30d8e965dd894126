"""Placement: the deepest device that explains what is dark.

A transformer is out when enough of its meters are dark and none of them is known to have power. A lateral or a feeder
is out when at least half of its transformers are dark at once and next to none is known to have power. Where nothing
above explains it, every transformer is an incident of its own: the feeder is not claimed on a guess.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from functions.domain.anomalies import Signal
from functions.domain.evidence import PROBE_INTERVALS, Evidence
from functions.domain.incidents import IncidentKind
from functions.domain.topology import DeviceKind, FeederMap
from functions.domain.troubles import POWER_OFF, STABILITY_S, Trouble, clusters, in_order

SMALL_TRANSFORMER = 8
ENOUGH_OF_A_SMALL, ENOUGH = 2, 3
"""Dark meters that put a transformer out: two services do not fail within the half hour by chance, three of many."""
SHARE_OUT = 0.5
STALE_SHARE = 0.1
"""Of the transformers below a device, so many may seem to have power: connectivity records and clocks are wrong now and
then."""


@dataclass
class Group:
    """Troubles that are one incident, and the device they are placed on."""

    kind: IncidentKind
    device_kind: DeviceKind
    device_id: str
    troubles: list[Trouble]
    nested_in: str = ""
    owned: bool = False
    """Whether the list of troubles is its own, to be added to."""

    @property
    def start(self) -> int:
        """When it began, by the most certain signals."""
        return started(self.troubles)

    @property
    def end(self) -> float:
        """When the last of it ended; infinite while it lasts."""
        return max(inf if each.end is None else each.end for each in self.troubles)


@dataclass
class _Cluster:
    """What went dark together on one transformer."""

    transformer_id: str
    nested_in: str
    troubles: list[Trouble]
    live: bool
    out: bool
    back: float
    """When the first of them was back."""
    start: int = field(init=False)

    def __post_init__(self) -> None:
        self.start = started(self.troubles)


def started(troubles: Iterable[Trouble]) -> int:
    """The first moment of what is certain; silence begins with the last reading before it, which may be long before."""
    found = list(troubles)
    certain = [each.start for each in found if each.kind == POWER_OFF]
    return min(certain) if certain else min(each.start for each in found)


def place(troubles: Iterable[Trouble], feeder: FeederMap, evidence: Evidence) -> tuple[list[Group], list[Trouble]]:
    """Group what is dark into outages; returns them, and the silence that none of them explains."""
    by_transformer: dict[tuple[str, str], list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        # Where no transformer is known, a meter is alone.
        by_transformer[trouble.nested_in, trouble.transformer_id or f"~{trouble.meter_id}"].append(trouble)
    dark: dict[str, list[_Cluster]] = defaultdict(list)
    silent: list[Trouble] = []
    for (nested_in, transformer), these in by_transformer.items():
        for some in clusters(these, PROBE_INTERVALS * feeder.interval_s):
            if any(each.strong for each in some):
                dark[nested_in].append(_cluster(transformer, nested_in, some, feeder, evidence))
            else:
                silent += some
    groups: list[Group] = []
    for branch in dark.values():
        groups += _placed(branch, feeder, evidence)
    return _gathered(groups, silent, feeder, evidence)


def _cluster(
    transformer: str, nested_in: str, troubles: list[Trouble], feeder: FeederMap, evidence: Evidence
) -> _Cluster:
    size = len(feeder.transformers.get(transformer, ()))
    # Silence begins with an interval that may have had some power left.
    vague = all(each.kind != POWER_OFF for each in troubles)
    back = min((each.end for each in troubles if each.end is not None), default=inf)
    live = evidence.live(transformer, started(troubles) + vague * feeder.interval_s, nested_in, back)
    needed = 1 if size == 1 else ENOUGH_OF_A_SMALL if size <= SMALL_TRANSFORMER else ENOUGH
    meters = {each.meter_id for each in troubles if each.signal != Signal.customer_report}
    # The word of one customer is one word, however many meters are theirs.
    words = {each.customer_id for each in troubles if each.meter_id not in meters}
    dark = len(meters) + len(words)
    return _Cluster(transformer, nested_in, troubles, live, not live and dark >= needed, back)


def _placed(branch: list[_Cluster], feeder: FeederMap, evidence: Evidence) -> list[Group]:
    """Outages of one branch: those above the transformers first, then what is left."""
    groups: list[Group] = []
    branch.sort(key=lambda each: (each.start, each.transformer_id))
    for event in _at_once([each for each in branch if not each.live], feeder.interval_s):
        left = event
        for kind, device_id, below in _above(event, feeder):
            mine = [each for each in left if each.transformer_id in below]
            if _is_out(mine, below, evidence):
                troubles = [trouble for each in mine for trouble in each.troubles]
                groups.append(Group(IncidentKind.outage, kind, device_id, troubles, event[0].nested_in))
                left = [each for each in left if each.transformer_id not in below]
        groups += [group for each in left for group in _alone(each)]
    return groups + [group for each in branch if each.live for group in _alone(each)]


def _at_once(branch: Sequence[_Cluster], gap_s: int) -> list[list[_Cluster]]:
    events: list[list[_Cluster]] = []
    for each in branch:
        if events and each.start - events[-1][-1].start <= gap_s:
            events[-1].append(each)
        else:
            events.append([each])
    return events


def _above(event: Sequence[_Cluster], feeder: FeederMap) -> list[tuple[DeviceKind, str, frozenset[str]]]:
    """Devices that may be what is out: the feeder, then the laterals that an event touches."""
    laterals = sorted({feeder.lateral_of.get(each.transformer_id, "") for each in event} - {""})
    return [
        (DeviceKind.feeder, feeder.feeder_id, frozenset(feeder.transformers)),
        *((DeviceKind.lateral, lateral, frozenset(feeder.laterals[lateral])) for lateral in laterals),
    ]


def _is_out(dark: Sequence[_Cluster], below: frozenset[str], evidence: Evidence) -> bool:
    names = {each.transformer_id for each in dark}
    if len(names) < max(2, SHARE_OUT * len(below)):
        return False
    if len({each.transformer_id for each in dark if each.out}) < SHARE_OUT * len(names):
        return False
    start, nested_in = min(each.start for each in dark), dark[0].nested_in
    back = _half([each.back for each in dark])
    live = sum(evidence.live(each, start, nested_in, back) for each in below - names)
    return live <= STALE_SHARE * (live + len(names))


def _alone(cluster: _Cluster) -> list[Group]:
    """A transformer that is out, or each of its dark meters."""
    if cluster.out:
        kind, name = DeviceKind.transformer, cluster.transformer_id
        return [Group(IncidentKind.outage, kind, name, cluster.troubles, cluster.nested_in)]
    by_meter: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in cluster.troubles:
        by_meter[trouble.meter_id].append(trouble)
    groups = []
    for meter, these in by_meter.items():
        groups.append(Group(IncidentKind.outage, DeviceKind.meter, meter, these, cluster.nested_in))
    return groups


def _gathered(
    groups: list[Group], silent: list[Trouble], feeder: FeederMap, evidence: Evidence
) -> tuple[list[Group], list[Trouble]]:
    """Let what is dark or silent below a device that is out join it; silence alone is no outage."""
    hosts = _Hosts([each for each in groups if each.device_kind != DeviceKind.meter], feeder, evidence)
    kept, left = [], list(silent)
    joins: list[tuple[Group, list[Trouble]]] = []
    for group in groups:
        host = hosts.of(group.troubles, ABOVE[group.device_kind])
        if host is not None:
            joins.append((host, group.troubles))
        elif any(each.strong for each in group.troubles):
            kept.append(group)
        else:
            left += group.troubles
    unexplained = []
    for trouble in in_order(left):
        host = hosts.of([trouble], ABOVE[DeviceKind.meter])
        if host is None:
            unexplained.append(trouble)
        else:
            joins.append((host, [trouble]))
    for host, troubles in joins:
        host.troubles = host.troubles if host.owned else list(host.troubles)
        host.owned = True
        host.troubles += troubles
    return kept, unexplained


ABOVE = {
    DeviceKind.meter: (DeviceKind.feeder, DeviceKind.lateral, DeviceKind.transformer),
    DeviceKind.transformer: (DeviceKind.feeder, DeviceKind.lateral),
    DeviceKind.lateral: (DeviceKind.feeder,),
    DeviceKind.feeder: (),
}


class _Hosts:
    """Outages of devices, by the transformers they feed."""

    def __init__(self, groups: list[Group], feeder: FeederMap, evidence: Evidence) -> None:
        self._evidence = evidence
        self._slack_s = PROBE_INTERVALS * feeder.interval_s
        self._feeding: dict[str, list[tuple[Group, int, float, float, float]]] = defaultdict(list)
        for group in groups:
            start, end, back = group.start, group.end, _back(group.troubles)
            half = _half([*back.values()])
            for transformer in feeder.transformers_below(group.device_kind, group.device_id):
                own = back.get(transformer, inf)
                self._feeding[transformer].append((group, start, end, own, min(own, half)))

    def of(self, troubles: list[Trouble], kinds: tuple[DeviceKind, ...]) -> Group | None:
        """The outage of a device of these kinds that explains troubles of one place, if any."""
        first, began = troubles[0], started(troubles)
        for group, start, end, back, until in self._feeding.get(first.transformer_id, ()):
            if (
                group.device_kind in kinds
                and group.nested_in == first.nested_in
                and start - self._slack_s <= began < min(end, back + STABILITY_S)
                and not self._evidence.live(first.transformer_id, start, group.nested_in, until)
            ):
                return group
        return None


def _back(troubles: list[Trouble]) -> dict[str, float]:
    """When each transformer was first seen with power again; infinite while it was not."""
    back: dict[str, float] = {}
    for each in troubles:
        end = inf if each.end is None else each.end
        back[each.transformer_id] = min(end, back.get(each.transformer_id, end))
    return back


def _half(back: list[float]) -> float:
    """When half of some transformers were back: what has power then tells of the restoration."""
    return sorted(back)[(len(back) - 1) // 2]
