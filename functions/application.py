"""The application: services wired to whatever stores a composition root brings."""

from __future__ import annotations

from dataclasses import dataclass

from functions.domain.detection import Judge, Score
from functions.domain.packs import Prior
from functions.ports import Clock, Notifier, ScoreSink, Stores, Telemetry
from functions.services.advancing import AdvanceService
from functions.services.correlation import CorrelationService
from functions.services.delivery import DeliveryService
from functions.services.fan_out import FanOutService
from functions.services.feeders import Feeders
from functions.services.inspection import InspectionService
from functions.services.scoring import ScoringService
from functions.services.states import States
from functions.settings import Settings


@dataclass(frozen=True)
class Application:
    """Every service, ready to be called by a trigger."""

    settings: Settings
    stores: Stores
    clock: Clock
    feeders: Feeders
    states: States
    scoring: ScoringService
    correlation: CorrelationService
    advancing: AdvanceService
    fan_out: FanOutService
    delivery: DeliveryService
    inspection: InspectionService

    @classmethod
    def build(
        cls,
        settings: Settings,
        stores: Stores,
        *,
        score: Score,
        prior: Prior,
        alerts_per_window: float = 1.0,
        notifier: Notifier,
        telemetry: Telemetry,
        clock: Clock,
        sink: ScoreSink | None = None,
    ) -> Application:
        """Wire the services; nothing is read or written yet."""
        judge = Judge(score, prior, settings.alert_budget, alerts_per_window, settings.anomaly_threshold)
        feeders = Feeders(stores.rosters)
        states = States(stores.packs, stores.anomalies, judge, grace_s=settings.no_reads_grace_s, sink=sink)
        correlation = CorrelationService(
            stores.incidents, stores.context, stores.letters, clock, buffer_s=settings.planned_outage_buffer_s
        )
        return cls(
            settings=settings,
            stores=stores,
            clock=clock,
            feeders=feeders,
            states=states,
            scoring=ScoringService(feeders, states, stores.letters, telemetry, clock),
            correlation=correlation,
            advancing=AdvanceService(stores.packs, feeders, states, correlation, clock),
            fan_out=FanOutService(stores.incidents, stores.letters, channel=notifier.name),
            delivery=DeliveryService(stores.deliveries, stores.customers, notifier, clock),
            inspection=InspectionService(stores.anomalies, stores.rosters, stores.reports, clock),
        )
