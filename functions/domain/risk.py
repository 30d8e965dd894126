"""Inspection risk of a meter, from its anomalies: who should be visited first."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from functions.domain.anomalies import Anomaly, Kind, merge_phases
from functions.domain.thresholds import HIGHEST_SCORE


class MeterRisk(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the inspection list."""

    meter_id: str
    customer_id: str
    transformer_id: str
    feeder_id: str
    risk: int
    """0 (nothing seen) to 100."""
    level: str
    """Low, Medium or High."""
    anomalous_days: int
    longest_streak_days: int
    worst_score: float
    kinds: tuple[str, ...]
    why: str
    """The sentence of the worst anomaly."""
    daily_worst: tuple[float, ...] = ()
    """Worst score of each day of the period, 0 where the day was quiet; oldest first."""


class InspectionReport(msgspec.Struct, frozen=True, kw_only=True):
    """A ranked inspection list over a period. Times are seconds since the epoch, UTC; `period_end` is exclusive."""

    period_start: int
    period_end: int
    generated_at: int
    meters_watched: int
    ranked: tuple[MeterRisk, ...]


INSPECTED_KINDS = frozenset(kind.name for kind in (Kind.unusual, Kind.stuck, Kind.tamper))
"""Kinds that speak of a meter rather than of the supply: an outage or a silent modem is no reason to visit a meter."""
HIGH, MEDIUM = 60, 30
TAMPER_POINTS = 20
SHARED_S = 3_600
SHARED_BY_TRANSFORMER, SHARED_BY_FEEDER = 4, 12
"""Meters that show something together before it is the grid's doing; thieves rarely start in company."""
SECONDS_PER_DAY = 86_400


def rank(anomalies: Iterable[Anomaly], period_start: int, period_end: int) -> list[MeterRisk]:
    """Rank meters by inspection risk, riskiest first, from the anomaly records of a period (seconds since the epoch).

    Risk has three parts: how unlikely the worst window was (up to 40), how many days were anomalous (up to 30) and how
    long the longest unbroken streak was (up to 30), each measured against the period; reported tampering adds 20.
    What many meters of a transformer or feeder showed at once is the grid's doing and counts for none of them.
    """
    days = max(-(-(period_end - period_start) // SECONDS_PER_DAY), 1)
    by_meter: dict[tuple[str, str], list[Anomaly]] = {}
    episodes = [each for each in merge_phases(anomalies) if each.kind in INSPECTED_KINDS]
    shared = _shared(episodes)
    for anomaly in episodes:
        ended_before = anomaly.end is not None and anomaly.end <= period_start
        if anomaly.start < period_end and not ended_before and anomaly.anomaly_id not in shared:
            by_meter.setdefault((anomaly.feeder_id, anomaly.meter_id), []).append(anomaly)
    ranked = [_judge(these, period_start, days) for these in by_meter.values()]
    return sorted(ranked, key=lambda line: (-line.risk, -line.worst_score, line.meter_id))


def _shared(episodes: Sequence[Anomaly]) -> set[str]:
    """Ids of unusual episodes that began on many meters of a transformer or feeder within an hour before or after."""
    unusual = [each for each in episodes if each.kind == Kind.unusual.name]
    places: dict[tuple[str, str, int], set[str]] = {}
    for each in unusual:
        for transformer in {each.transformer_id, ""}:
            places.setdefault((each.feeder_id, transformer, each.start // SHARED_S), set()).add(each.meter_id)

    def meters_near(each: Anomaly, transformer: str) -> int:
        hour = each.start // SHARED_S
        near = (places.get((each.feeder_id, transformer, hour + step), set()) for step in (-1, 0, 1))
        return len(set().union(*near))

    return {
        each.anomaly_id
        for each in unusual
        if meters_near(each, "") >= SHARED_BY_FEEDER
        or (each.transformer_id and meters_near(each, each.transformer_id) >= SHARED_BY_TRANSFORMER)
    }


def _judge(episodes: list[Anomaly], period_start: int, days: int) -> MeterRisk:
    daily = [0.0] * days
    for episode in episodes:
        last = days - 1 if episode.end is None else (episode.end - 1 - period_start) // SECONDS_PER_DAY
        for day in range(max((episode.start - period_start) // SECONDS_PER_DAY, 0), min(last, days - 1) + 1):
            daily[day] = max(daily[day], episode.score)
    worst = max(episodes, key=lambda episode: (episode.score, episode.id))
    streak = max(len(run) for run in "".join("x" if score else " " for score in daily).split(" "))
    anomalous = sum(score > 0 for score in daily)
    kinds = tuple(sorted({episode.kind for episode in episodes}))
    points = 40 * min(worst.score / HIGHEST_SCORE, 1) + 30 * anomalous / days + 30 * streak / days
    risk = round(min(points + (TAMPER_POINTS if Kind.tamper.name in kinds else 0), 100))
    return MeterRisk(
        meter_id=worst.meter_id,
        customer_id=worst.customer_id,
        transformer_id=worst.transformer_id,
        feeder_id=worst.feeder_id,
        risk=risk,
        level="High" if risk >= HIGH else "Medium" if risk >= MEDIUM else "Low",
        anomalous_days=anomalous,
        longest_streak_days=streak,
        worst_score=worst.score,
        kinds=kinds,
        why=worst.why,
        daily_worst=tuple(daily),
    )
