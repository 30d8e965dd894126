"""The application: services wired to whatever stores a composition root brings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from functions.domain.detection import Judge, Score
from functions.domain.messages import Letterhead
from functions.domain.packs import Prior
from functions.domain.rates import Limits
from functions.domain.restoration import RestorationModel
from functions.ports import Clock, DeadLetters, Notifier, NumberingPlans, ScoreSink, Stores, Telemetry, Webhooks
from functions.services.advancing import AdvanceService
from functions.services.allowance import Allowance
from functions.services.announcing import AnnouncingService
from functions.services.audit import AuditService
from functions.services.confirming import ConfirmService
from functions.services.correlation import CorrelationService
from functions.services.counted_stores import counted
from functions.services.customers import CustomerService
from functions.services.delivery import DeliveryService
from functions.services.dispatch import DispatchService
from functions.services.expectations import ExpectationService
from functions.services.fan_out import FanOutService
from functions.services.feeders import Feeders
from functions.services.grid_context import ContextService
from functions.services.inbound import InboundService
from functions.services.incident_actions import IncidentActionService
from functions.services.incident_log import IncidentLog
from functions.services.inspection import InspectionService
from functions.services.outage_reports import OutageReports
from functions.services.parents import ParentService
from functions.services.planned_interruptions import PlannedInterruptions
from functions.services.releasing import ReleaseService
from functions.services.reliability import ReliabilityService
from functions.services.replay import Publish, ReplayService
from functions.services.scoring import ScoringService
from functions.services.standing import Standing
from functions.services.states import States
from functions.services.status import StatusService
from functions.services.work_order_intake import WorkOrderIntake
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
    dispatch: DispatchService
    releasing: ReleaseService
    customers: CustomerService
    status: StatusService
    inbound: InboundService
    inspection: InspectionService
    replay: ReplayService
    webhooks: Webhooks | None
    """None where no provider can call us."""
    incident_log: IncidentLog
    incident_actions: IncidentActionService
    reliability: ReliabilityService
    audit: AuditService
    context: ContextService
    work_orders: WorkOrderIntake

    @classmethod
    def build(
        cls,
        settings: Settings,
        stores: Stores,
        *,
        score: Score,
        prior: Prior,
        alerts_per_window: float = 1.0,
        notifiers: Mapping[str, Notifier],
        plans: NumberingPlans,
        telemetry: Telemetry,
        clock: Clock,
        sink: ScoreSink | None = None,
        publish: Publish | None = None,
        webhooks: Webhooks | None = None,
        restoration: RestorationModel | None = None,
    ) -> Application:
        """Wire the services; nothing is read or written yet.

        `notifiers` are the channels by name, in the order they are preferred; `publish` sends what a replay has for the
        OMS.
        """
        uncounted, stores = stores, counted(stores, telemetry)
        judge = Judge(score, prior, settings.alert_budget, alerts_per_window, settings.anomaly_threshold)
        feeders = Feeders(stores.rosters)
        states = States(stores.packs, stores.anomalies, judge, grace_s=settings.no_reads_grace_s, sink=sink)
        letterhead = Letterhead(settings.utility_name, settings.utility_time_zone, settings.utility_phone)
        limits = Limits(settings.messages_per_minute, settings.sender_messages_per_s)
        allowance = Allowance(stores.deliveries, limits, clock)
        delivery = DeliveryService(
            stores.deliveries,
            stores.customers,
            Standing(stores.deliveries, stores.incidents),
            notifiers,
            allowance,
            letterhead,
            telemetry,
            clock,
        )
        releasing = ReleaseService(stores.deliveries, delivery, notifiers, allowance, telemetry, clock)
        status = StatusService(stores.deliveries, stores.customers, tuple(notifiers), telemetry, clock)
        confirming = ConfirmService(stores.deliveries, status, notifiers, clock)
        announcing = AnnouncingService(stores.announcements, stores.incidents, feeders, clock)
        context = ContextService(
            stores.context, buffer_s=settings.planned_outage_buffer_s, weight_max=settings.context_weight_max
        )
        expectations = ExpectationService(
            stores.expectations, stores.incidents, restoration, settings.utility_time_zone, clock
        )

        def scoring(letters: DeadLetters) -> ScoringService:
            return ScoringService(feeders, states, letters, telemetry, clock)

        def correlation(letters: DeadLetters) -> CorrelationService:
            return CorrelationService(
                stores.incidents, context, feeders, stores.packs, letters, clock, expectations=expectations
            )

        def fan_out(letters: DeadLetters) -> FanOutService:
            parents = ParentService(stores.incidents, stores.rosters, feeders, correlation(letters), clock)
            return FanOutService(stores.incidents, stores.customers, letters, parents=parents)

        def work_orders(letters: DeadLetters) -> WorkOrderIntake:
            reconsider = correlation(letters).reconsider
            return WorkOrderIntake(stores.context, stores.rosters, letters, clock, reconsider, announcing.hear)

        correlating = correlation(stores.letters)
        audit = AuditService(stores.audit, clock)
        return cls(
            settings=settings,
            stores=uncounted,
            clock=clock,
            feeders=feeders,
            states=states,
            scoring=scoring(stores.letters),
            correlation=correlating,
            advancing=AdvanceService(
                stores.packs, feeders, states, correlating, announcing, releasing, confirming, expectations, clock
            ),
            fan_out=fan_out(stores.letters),
            delivery=delivery,
            dispatch=DispatchService(delivery, stores.letters),
            releasing=releasing,
            customers=CustomerService(stores.customers, stores.deliveries, plans),
            status=status,
            inbound=InboundService(
                stores.customers,
                stores.deliveries,
                stores.incidents,
                stores.rosters,
                OutageReports(stores.rosters, feeders, stores.anomalies, clock),
                clock,
                letterhead=letterhead,
            ),
            inspection=InspectionService(stores.anomalies, stores.rosters, stores.reports, clock),
            webhooks=webhooks,
            # What it puts back has been counted before.
            replay=ReplayService(uncounted.letters, scoring, correlation, fan_out, work_orders, delivery, publish),
            incident_log=IncidentLog(stores.incidents),
            incident_actions=IncidentActionService(stores.incidents, correlating, audit, clock),
            reliability=ReliabilityService(
                stores.incidents, stores.rosters, PlannedInterruptions(stores.incidents, stores.anomalies, clock), clock
            ),
            audit=audit,
            context=context,
            work_orders=work_orders(stores.letters),
        )
