"""Voltage troubles: a regulator moves a whole feeder, an overloaded transformer its own meters, a bad contact one.

A device is claimed when enough of what hangs below it shows the same, too high or too low, at the same time. What shows
it later below such a device is part of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from math import ceil

from functions.domain.evidence import PROBE_INTERVALS
from functions.domain.incidents import IncidentKind
from functions.domain.placement import ABOVE, Group
from functions.domain.topology import DeviceKind, FeederMap
from functions.domain.troubles import Trouble, clusters

SHARE_OF_FEEDER, LEAST_OF_FEEDER = 0.25, 3
"""Transformers that show it where the feeder is at fault: those near the limit show it first, and many never."""
SHARE_OF_LATERAL, LEAST_OF_LATERAL = 0.5, 2
LEAST_OF_TRANSFORMER = 2


def voltage_groups(troubles: Sequence[Trouble], feeder: FeederMap) -> list[Group]:
    """Group voltage troubles of a feeder by kind, time and the device that explains them."""
    by_kind = defaultdict(list)
    for trouble in troubles:
        by_kind[trouble.kind].append(trouble)
    groups = []
    for these in by_kind.values():
        found = []
        for some in clusters(these, PROBE_INTERVALS * feeder.interval_s):
            found += _placed(some, feeder)
        groups += _gathered(found, feeder)
    return groups


def _placed(troubles: Sequence[Trouble], feeder: FeederMap) -> list[Group]:
    left: dict[str, list[Trouble]] = defaultdict(list)
    for trouble in troubles:
        left[trouble.transformer_id].append(trouble)
    known = left.keys() & feeder.transformers.keys()
    if len(known) >= max(LEAST_OF_FEEDER, ceil(SHARE_OF_FEEDER * len(feeder.transformers))):
        return [Group(IncidentKind.voltage, DeviceKind.feeder, feeder.feeder_id, list(troubles))]
    groups = []
    for lateral in sorted({feeder.lateral_of.get(each, "") for each in known} - {""}):
        below = feeder.laterals[lateral]
        mine = sorted(left.keys() & set(below))
        if len(mine) >= max(LEAST_OF_LATERAL, ceil(SHARE_OF_LATERAL * len(below))):
            together = [trouble for each in mine for trouble in left.pop(each)]
            groups.append(Group(IncidentKind.voltage, DeviceKind.lateral, lateral, together))
    for transformer, these in left.items():
        groups += _below(transformer, these)
    return groups


def _below(transformer: str, troubles: list[Trouble]) -> list[Group]:
    by_meter = defaultdict(list)
    for trouble in troubles:
        by_meter[trouble.meter_id].append(trouble)
    if transformer and len(by_meter) >= LEAST_OF_TRANSFORMER:
        return [Group(IncidentKind.voltage, DeviceKind.transformer, transformer, troubles)]
    return [Group(IncidentKind.voltage, DeviceKind.meter, meter, these) for meter, these in by_meter.items()]


def _gathered(groups: list[Group], feeder: FeederMap) -> list[Group]:
    """Let what began later at or below a device that is at fault join it, the widest first."""
    kept: list[Group] = []
    spans: list[tuple[Group, int, float, frozenset[str]]] = []
    for group in sorted(groups, key=lambda each: (len(ABOVE[each.device_kind]), each.start, each.device_id)):
        start = group.start
        host = next(
            (
                above
                for above, began, end, below in spans
                if (above.device_kind in ABOVE[group.device_kind] or above.device_id == group.device_id)
                and group.troubles[0].transformer_id in below
                and began <= start <= end
            ),
            None,
        )
        if host is not None:
            host.troubles = host.troubles + group.troubles
            continue
        kept.append(group)
        if group.device_kind != DeviceKind.meter:
            below = frozenset(feeder.transformers_below(group.device_kind, group.device_id))
            spans.append((group, start, group.end, below))
    return kept
