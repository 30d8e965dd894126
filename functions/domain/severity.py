"""Severity: how urgent an incident is, and how it climbs the ladder while nobody acknowledges it."""

from __future__ import annotations

from functions.domain.incidents import IncidentKind, Severity
from functions.domain.topology import DeviceKind

HOUR_S = 3_600
LADDER = (Severity.low, Severity.medium, Severity.high, Severity.critical)
CUSTOMERS = ((1_000, Severity.critical), (100, Severity.high), (10, Severity.medium))
"""From so many customers out: a substation, a feeder, a transformer."""
CRITICAL_CUSTOMER_S = HOUR_S
"""Batteries of life support are good for an hour or little more."""
DURATIONS_S = (4 * HOUR_S, 12 * HOUR_S)
"""An outage that lasts so long is one step more urgent each time."""
STEPS_S = {
    Severity.critical: (5 * 60, 15 * 60, 30 * 60),
    Severity.high: (15 * 60, 45 * 60, 2 * HOUR_S),
    Severity.medium: (HOUR_S, 4 * HOUR_S),
    Severity.low: (8 * HOUR_S,),
}
"""Without an acknowledgement, each of these lifts the escalation by one: to the lead, the manager, the director."""
OTHERS = {
    (IncidentKind.communication, DeviceKind.collector): Severity.medium,
    (IncidentKind.voltage, DeviceKind.feeder): Severity.high,
    (IncidentKind.voltage, DeviceKind.lateral): Severity.medium,
    (IncidentKind.voltage, DeviceKind.transformer): Severity.medium,
}
"""Of incidents that are no outages: by what they touch; all others are low."""


def severity(kind: IncidentKind, device_kind: str, customers_out: int, critical: int, lasted_s: int) -> Severity:
    """How urgent an incident is.

    `customers_out` and `critical` (life support, hospitals) count those without power now; `lasted_s` is its age.

    >>> severity(IncidentKind.outage, "transformer", 12, 0, 600), severity(IncidentKind.outage, "meter", 1, 1, 7200)
    (<Severity.medium: 'medium'>, <Severity.critical: 'critical'>)
    """
    if kind is not IncidentKind.outage:
        return OTHERS.get((kind, DeviceKind(device_kind)), Severity.low)
    step = next((LADDER.index(level) for least, level in CUSTOMERS if customers_out >= least), 0)
    if device_kind in (DeviceKind.feeder, DeviceKind.substation):
        step = max(step, LADDER.index(Severity.high))
    if critical:
        step = LADDER.index(Severity.critical if lasted_s >= CRITICAL_CUSTOMER_S else Severity.high)
    if customers_out:
        step += sum(lasted_s >= limit for limit in DURATIONS_S)
    return LADDER[min(step, len(LADDER) - 1)]


def worse(one: Severity, other: Severity) -> Severity:
    """The more urgent of two."""
    return max(one, other, key=LADDER.index)


def escalation(level: Severity, waited_s: int) -> int:
    """How often an incident of this severity has gone up the ladder after so long without an acknowledgement."""
    return sum(waited_s >= step for step in STEPS_S[level])
