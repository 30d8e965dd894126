"""What the dashboard shows, in the words it shows it in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from functions.domain.context import Suppression
from functions.domain.incidents import Incident, IncidentKind, IncidentState, Severity
from functions.domain.notifications import short_reference
from functions.domain.reliability import Indices, ReliabilityReport

MOST_FEEDERS = 5
MOST_SUPPRESSIONS = 50
MOST_SEVERE_FIRST = tuple(reversed(Severity))
DAY_S = 86_400
WHAT = {
    IncidentKind.outage: "Outage",
    IncidentKind.communication: "No communication",
    IncidentKind.voltage: "Voltage out of range",
    IncidentKind.meter: "Meter to be looked at",
}


class Moment(NamedTuple):
    """A time for people and for programs."""

    text: str
    iso: str


class Tile(NamedTuple):
    """One figure at the top."""

    name: str
    value: str
    alarm: bool = False


class IncidentRow(NamedTuple):
    """One open incident."""

    id: str
    anchor: str
    severity: str
    where: str
    feeder: str
    what: str
    state: str
    cause: str
    customers_out: str
    critical: str
    since: Moment
    age: str
    estimate: Moment | None
    estimate_in: str
    overdue: bool
    dark: bool
    """Whether there is anything to be restored."""
    acknowledged: str
    escalation: int


class SuppressionRow(NamedTuple):
    """Everything that one cause explains on one feeder."""

    reason: str
    feeder: str
    meters: int
    until: Moment


class IndicesRow(NamedTuple):
    """Indices of today."""

    name: str
    saidi: str
    saifi: str
    caidi: str
    maifi_e: str


class DashboardPage(NamedTuple):
    """Everything on the page."""

    headline: str
    now: Moment
    tiles: list[Tile]
    incidents: list[IncidentRow]
    more: bool
    suppressions: list[SuppressionRow]
    indices: list[IndicesRow]
    ongoing: int


def dashboard_page(
    incidents: Sequence[Incident], ledger: Sequence[Suppression], today: ReliabilityReport, now: int, *, more: bool
) -> DashboardPage:
    """The page at a moment: open incidents, what is held back, and the day's indices."""
    ordered = sorted(incidents, key=lambda each: (_rank(each), -each.customers_out, each.started_at, each.incident_id))
    # Of an outage above the feeders, the feeders' own are part: its customers would count twice.
    outages = [each for each in ordered if each.kind is IncidentKind.outage and not each.children]
    dark = [each for each in outages if each.state is not IncidentState.restored]
    out = sum(each.customers_out for each in outages)
    critical = sum(each.critical_customers for each in outages)
    waiting = sum(each.acknowledged_at is None for each in ordered)
    held = [line for line in ledger if line.released_at is None and line.until > now]
    tiles = [
        Tile("Outages", f"{len(dark):,}"),
        Tile("Customers out", f"{out:,}"),
        Tile("Critical out", f"{critical:,}", alarm=critical > 0),
        Tile("Not acknowledged", f"{waiting:,}", alarm=waiting > 0),
        Tile("Meters held back", f"{len({line.meter_id for line in held}):,}"),
        Tile("SAIDI today", _figure(today.utility.all_days.saidi_min, " min")),
    ]
    return DashboardPage(
        headline=f"{out:,} customers out" if dark else "All have power",
        now=moment(now, now, dated=True),
        tiles=tiles,
        incidents=[_incident(each, now) for each in ordered],
        more=more,
        suppressions=_suppressions(held, now),
        indices=_indices(today),
        ongoing=today.ongoing,
    )


def _rank(incident: Incident) -> int:
    return MOST_SEVERE_FIRST.index(incident.severity)


def _incident(incident: Incident, now: int) -> IncidentRow:
    estimate, critical = incident.restoration_estimate, incident.critical_customers
    words = incident.device_kind.capitalize()
    on_its_own = incident.device_id == incident.feeder_id
    return IncidentRow(
        id=incident.incident_id,
        anchor=short_reference(incident.incident_id),
        severity=incident.severity,
        where=f"{words} {incident.device_id}",
        feeder="" if on_its_own else f"Feeder {incident.feeder_id}",
        what=WHAT[incident.kind],
        state=incident.state.value.replace("_", " "),
        cause="" if incident.cause in ("", "unknown") else incident.cause.replace("_", " "),
        # Without power, that is: of a silent or odd meter nobody says so.
        customers_out=f"{incident.customers_out:,}" if incident.kind is IncidentKind.outage else "–",
        critical=f"{critical:,} critical" if critical else "",
        since=moment(incident.started_at, now),
        age=f"for {span(now - incident.started_at)}",
        estimate=None if estimate is None else moment(estimate, now),
        estimate_in="" if estimate is None else _distance(estimate - now),
        overdue=estimate is not None and estimate < now,
        dark=incident.kind is IncidentKind.outage,
        acknowledged=_acknowledged(incident, now),
        escalation=incident.escalation,
    )


def _acknowledged(incident: Incident, now: int) -> str:
    if incident.acknowledged_at is None:
        return ""
    return f"{moment(incident.acknowledged_at, now).text} by {incident.acknowledged_by or 'somebody'}"


def _suppressions(held: Sequence[Suppression], now: int) -> list[SuppressionRow]:
    """A line a cause and feeder: an order of 4,000 meters is one thing to know."""
    grouped: dict[tuple[str, str], list[Suppression]] = defaultdict(list)
    for line in held:
        grouped[line.reason, line.feeder_id].append(line)
    rows = [
        (max(line.until for line in lines), reason, feeder, len({line.meter_id for line in lines}))
        for (reason, feeder), lines in grouped.items()
    ]
    return [
        SuppressionRow(reason[:1].upper() + reason[1:], feeder, meters, moment(until, now))
        for until, reason, feeder, meters in sorted(rows)[:MOST_SUPPRESSIONS]
    ]


def _indices(today: ReliabilityReport) -> list[IndicesRow]:
    worst = sorted(today.feeders.items(), key=lambda item: (-item[1].all_days.customer_minutes, item[0]))
    shown = [(name, each.all_days) for name, each in worst[:MOST_FEEDERS] if each.all_days.events]
    return [_row("The utility", today.utility.all_days), *(_row(f"Feeder {name}", each) for name, each in shown)]


def _row(name: str, indices: Indices) -> IndicesRow:
    return IndicesRow(
        name,
        saidi=_figure(indices.saidi_min),
        saifi=_figure(indices.saifi, digits=3),
        caidi=_figure(indices.caidi_min),
        maifi_e=_figure(indices.maifi_e, digits=3),
    )


def _figure(value: float | None, unit: str = "", *, digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f}{unit}"


def _distance(seconds: int) -> str:
    return f"in {span(seconds)}" if seconds >= 0 else f"overdue by {span(-seconds)}"


def moment(at: int, now: int, *, dated: bool = False) -> Moment:
    """A time of day in UTC, with its day when that is another one.

    >>> moment(1_718_584_500, 1_718_600_000).text, moment(1_718_584_500, 1_718_700_000).text
    ('00:35', '17 Jun 00:35')
    """
    when = datetime.fromtimestamp(at, UTC)
    elsewhen = dated or at // DAY_S != now // DAY_S
    day = f"{when.day} {when:%b} " if elsewhen else ""
    return Moment(f"{day}{when:%H:%M}{' UTC' if dated else ''}", when.isoformat())


def span(seconds: int) -> str:
    """A duration in the two units that matter.

    >>> span(59), span(3_900), span(100_000)
    ('under a minute', '1 h 5 min', '1 d 3 h')
    """
    minutes = max(seconds, 0) // 60
    if minutes < 60:
        return f"{minutes} min" if minutes else "under a minute"
    if minutes < 24 * 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes // 1440} d {minutes % 1440 // 60} h"
