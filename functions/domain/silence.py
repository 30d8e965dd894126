"""Silence: whether meters that fell silent lost their power or their way to be heard.

Meters of one collector that fall silent together are a matter of communication. All meters of a transformer that fall
silent while their collector hears others have probably lost their power. One silent meter is a matter of its modem.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from functions.domain.evidence import PROBE_INTERVALS, Evidence
from functions.domain.incidents import IncidentKind
from functions.domain.placement import Group
from functions.domain.topology import DeviceKind, FeederMap
from functions.domain.troubles import Trouble, clusters

MANY = 5
SHARE_OF_COLLECTOR = 0.5
LEAST_TRANSFORMER = 3
"""Meters whose common silence tells more than chance: two modems fail together now and then."""


def explain(silent: Sequence[Trouble], feeder: FeederMap, evidence: Evidence) -> list[Group]:
    """Group silence that no known outage explains into communication incidents and suspected outages."""
    gap_s = PROBE_INTERVALS * feeder.interval_s
    outages, left = _whole_transformers(silent, gap_s, feeder, evidence)
    faults, left = _collectors(left, gap_s, feeder)
    alone = defaultdict(list)
    for trouble in left:
        alone[trouble.meter_id].append(trouble)
    meters = [Group(IncidentKind.communication, DeviceKind.meter, meter, these) for meter, these in alone.items()]
    return [*outages, *faults, *meters]


def _whole_transformers(
    silent: Sequence[Trouble], gap_s: int, feeder: FeederMap, evidence: Evidence
) -> tuple[list[Group], list[Trouble]]:
    """Transformers none of whose meters is heard, while whatever hears them hears others."""
    groups, left = [], []
    by_transformer = defaultdict(list)
    for trouble in silent:
        by_transformer[trouble.transformer_id].append(trouble)
    for transformer, these in by_transformer.items():
        size = len(feeder.transformers.get(transformer, ()))
        for some in clusters(these, gap_s):
            meters = {each.meter_id for each in some}
            whole = size >= LEAST_TRANSFORMER and len(meters) >= size
            # One of them may have lost a reading or two before the others fell silent.
            if whole and _others_heard(meters, max(each.start for each in some), feeder, evidence):
                groups.append(Group(IncidentKind.outage, DeviceKind.transformer, transformer, some))
            else:
                left += some
    return groups, left


def _others_heard(meters: set[str], start: int, feeder: FeederMap, evidence: Evidence) -> bool:
    """Whether every collector of silent meters still hears others; where none is known, anybody on the feeder."""
    collectors = {feeder.places[meter].collector_id for meter in meters if meter in feeder.places}
    if collectors - {""}:
        return all(evidence.collector_heard(each, start) for each in collectors - {""})
    return evidence.newest >= start + feeder.interval_s


def _collectors(silent: Sequence[Trouble], gap_s: int, feeder: FeederMap) -> tuple[list[Group], list[Trouble]]:
    """Collectors at least half of whose meters on this feeder fell silent together."""
    groups, left = [], []
    by_collector = defaultdict(list)
    for trouble in silent:
        place = feeder.places.get(trouble.meter_id)
        by_collector[place.collector_id if place else ""].append(trouble)
    for collector, these in by_collector.items():
        known = len(feeder.collectors.get(collector, ()))
        for some in clusters(these, gap_s):
            meters = {each.meter_id for each in some}
            if known and len(meters) >= max(MANY, SHARE_OF_COLLECTOR * known):
                groups.append(Group(IncidentKind.communication, DeviceKind.collector, collector, some))
            else:
                left += some
    return groups, left
