"""Figures: what was measured on one seed, and on the speed of correlation; everything a page or a plot shows."""

from __future__ import annotations

import msgspec


class Alarms(msgspec.Struct, frozen=True, kw_only=True):
    """What one desk was shown of the month's anomalies."""

    desk: str
    raised: int
    """Anomalies that reached the operator, on their own or in an incident of their kind."""
    false_by_cause: dict[str, int]
    """Of them, those that should not have, by what really lay behind them."""
    faults_found: dict[str, int]
    """Faults of voltage and of metering, theft among them, of which anything reached the operator."""
    outages_found: int
    """Sustained outages nobody had announced that reached the operator as an outage."""

    @property
    def false(self) -> int:
        """All false alarms."""
        return sum(self.false_by_cause.values())


class Placing(msgspec.Struct, frozen=True, kw_only=True):
    """Sustained outages of one kind of device: how many there were and how many were placed on it."""

    device_kind: str
    outages: int
    found: int
    placed: int


class Messages(msgspec.Struct, frozen=True, kw_only=True):
    """What customers were told."""

    sent: int
    customers: int
    """Who was told anything."""
    most_to_one: int
    """The most messages to one customer in the month."""
    twice: int
    """Messages that repeated what the customer had been told of the same incident."""
    without_outage: int
    """Outages told to a customer who had power, or whose interruption was momentary."""
    untold: int
    """Customers in sustained outages nobody had announced who were never told; a customer counts once an outage."""
    to_tell: int
    """How many those should have been."""


class SeedFigures(msgspec.Struct, frozen=True, kw_only=True):
    """One simulated month."""

    seed: int
    meters: int
    days: int
    readings: int
    truths: dict[str, int]
    """How often what went wrong, by kind and cause."""
    without: Alarms
    """Every anomaly by itself: no context at all."""
    desks: tuple[Alarms, ...]
    """One rule of context at a time, and last all of them."""
    outages: int
    """Sustained outages nobody had announced."""
    placing: tuple[Placing, ...]
    customers_ratio: tuple[float, ...]
    """Customers out at confirmation over those really out, one an outage."""
    confirmed_s_with_gasp: tuple[float, ...]
    """First signal to confirmation, one an outage with a last gasp, s."""
    confirmed_s_without: tuple[float, ...]
    messages: Messages
    pieces: tuple[int, ...] = ()
    """Incidents that an outage or a momentary interruption below one feeder fell into, one a truth; none is nested."""


class StormFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Correlating a storm: seconds of one core by number of anomalies."""

    anomalies: tuple[int, ...]
    seconds: tuple[float, ...]
    incidents: tuple[int, ...]


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """Everything measured in one run."""

    date: str
    machine: str
    seeds: tuple[SeedFigures, ...]
    storm: StormFigures
