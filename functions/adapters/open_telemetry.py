"""Telemetry as OpenTelemetry metrics, exported to Application Insights when a connection string says where it is."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from functions.adapters.telemetry import LogTelemetry, RequestUnits
from functions.domain.errors import SettingError
from functions.domain.incidents import Incident
from functions.domain.message_report import LATE_S, MessageReport
from functions.domain.outcomes import BatchReport
from functions.ports import Telemetry

if TYPE_CHECKING:
    from azure.identity import ManagedIdentityCredential
    from opentelemetry.metrics import Meter

CONNECTION = "APPLICATIONINSIGHTS_CONNECTION_STRING"
AUTHENTICATION = "APPLICATIONINSIGHTS_AUTHENTICATION_STRING"
CLIENT_ID = "AZURE_CLIENT_ID"
HOSTED = "FUNCTIONS_WORKER_RUNTIME"
"""Set where the Functions host runs the process."""

INSTRUMENTED = (
    *("azure_sdk", "django", "fastapi", "flask", "httpx", "httpx2"),
    *("psycopg2", "requests", "urllib", "urllib3"),
)
"""What the distribution would trace by itself: a span for every call of a store costs more than the batch's line."""


class OpenTelemetry:
    """A `Telemetry` that adds a batch to metrics, beside its line in the log."""

    def __init__(self, request_units: RequestUnits = dict, meter: Meter | None = None) -> None:
        if meter is None:
            from opentelemetry import metrics

            meter = metrics.get_meter("metersentry")
        self._log = LogTelemetry()
        self._request_units = request_units
        count = meter.create_counter
        self._events = count("metersentry.events", description="events received")
        self._readings = count("metersentry.readings", description="records received, by outcome")
        self._refusals = count("metersentry.refusals", description="records refused, by reason")
        self._windows = count("metersentry.windows", description="windows scored")
        self._anomalies = count("metersentry.anomalies", description="anomalies opened or closed")
        self._missing = count("metersentry.missing_events", description="sequence numbers this process did not see")
        self._sequence = meter.create_histogram(
            "metersentry.sequence_numbers", "", "sequence numbers received, by partition"
        )
        self._units = count("metersentry.request_units", description="request units spent, by operation")
        self._stage = meter.create_histogram("metersentry.stage_ms", "ms", "time a batch spent, by stage")
        self._messages = count("metersentry.messages", description="messages, by the state they came to")
        self._accepted = meter.create_histogram(
            "metersentry.message_s", "s", "time from a reading's arrival to the provider's acceptance of the message"
        )
        # Histograms, not gauges: a gauge is exported every minute as long as the process lives, although another one
        # has looked since.
        self._waiting = meter.create_histogram("metersentry.messages_waiting", "", "messages held back by limits")
        self._unknown = meter.create_histogram(
            "metersentry.messages_unknown", "", "messages of which nobody has known for 15 minutes"
        )
        self._incidents = count("metersentry.incidents", description="revisions committed, by kind and state")
        self._letters = count("metersentry.dead_letters", description="dead letters kept, by where they come from")
        self._lag = meter.create_histogram("metersentry.lag_s", "s", "wait of a batch's newest event in the hub")

    def batch(self, report: BatchReport) -> None:
        """Record a batch and write its line."""
        spent = self._request_units()
        self._log.write(report, spent)
        self._events.add(report.events)
        self._windows.add(report.windows)
        self._anomalies.add(report.anomalies)
        # Zeros too: who watches this one must see that it is being counted.
        self._missing.add(report.missing_events)
        # Least, greatest and how many, each minute: whoever adds up the processes sees what none of them was given.
        for partition, numbers in report.sequence_numbers.items():
            for number in numbers:
                self._sequence.record(number, {"partition": partition})
        for outcome, count in report.tally.as_dict().items():
            if count:
                self._readings.add(count, {"outcome": outcome})
        for reason, count in report.reasons.items():
            self._refusals.add(count, {"reason": reason})
        for operation, units in spent.items():
            self._units.add(units, {"operation": operation})
        for stage, ms in report.stage_ms.items():
            self._stage.record(ms, {"stage": stage})
        if report.lag_s is not None:
            self._lag.record(report.lag_s)

    def messages(self, report: MessageReport) -> None:
        """Record what became of messages, or what waits."""
        self._log.messages(report)
        for state, count in report.outcomes.items():
            self._messages.add(count, {"state": state})
        for seconds in report.accepted_s:
            # A share of late ones cannot be told from minima and maxima, which is all that is kept of a histogram.
            self._accepted.record(seconds, {"late": "true" if seconds > LATE_S else "false"})
        if report.waiting is not None:
            self._waiting.record(report.waiting)
        if report.unknown is not None:
            self._unknown.record(report.unknown)

    def incidents(self, revisions: Sequence[Incident]) -> None:
        """Count revisions by kind and state."""
        self._log.incidents(revisions)
        for each in revisions:
            self._incidents.add(1, {"kind": each.kind, "state": each.state})

    def dead_letter(self, source: str) -> None:
        """Count a letter by its source."""
        self._log.dead_letter(source)
        self._letters.add(1, {"source": source})


def telemetry(environment: Mapping[str, str], request_units: RequestUnits) -> Telemetry:
    """Metrics and log lines where Application Insights is set, log lines alone elsewhere; raises `SettingError`."""
    connection = environment.get(CONNECTION)
    if not connection:
        return LogTelemetry(request_units)
    _configure(connection, *_identity(environment), hosted=HOSTED in environment)
    return OpenTelemetry(request_units)


def _identity(environment: Mapping[str, str]) -> tuple[bool, str]:
    """Whether to authenticate with the process's identity, and the client id of a user-assigned one."""
    client_id = environment.get(CLIENT_ID, "")
    text = environment.get(AUTHENTICATION)
    if not text:
        return bool(client_id), client_id
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    said = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if said.get("authorization", "").upper() != "AAD":
        raise SettingError(
            f"{AUTHENTICATION} is {text!r}; set Authorization=AAD, with ;ClientId=ID for a user-assigned identity"
        )
    return True, said.get("clientid", client_id)


@cache  # providers are global to the process and can be set once
def _configure(connection: str, by_identity: bool, client_id: str, *, hosted: bool) -> None:
    from azure.monitor.opentelemetry import configure_azure_monitor

    # The distribution has no arguments for these two. Nothing here makes spans. Log lines of a hosted process reach
    # Application Insights through the host, with the invocation they belong to: exported here as well, each would be
    # paid for and counted twice. A container has no host, so there they are exported.
    os.environ.setdefault("OTEL_TRACES_EXPORTER", "none")
    # The SDKs write lines for every request and token. The host takes the root's lines under the function's own
    # category, so its settings cannot tell them from ours.
    logging.getLogger("azure").setLevel(logging.WARNING)
    if hosted:
        os.environ.setdefault("OTEL_LOGS_EXPORTER", "none")
    try:
        configure_azure_monitor(
            connection_string=connection,
            credential=_credential(client_id) if by_identity else None,
            logger_name="metersentry",  # not the root: the exporter's own log lines must not be exported
            enable_live_metrics=False,
            enable_performance_counters=False,
            instrumentation_options={name: {"enabled": False} for name in INSTRUMENTED},
        )
    except ValueError as fault:
        raise SettingError(f"{CONNECTION} cannot be used ({fault}); copy it from Application Insights") from fault


def _credential(client_id: str) -> ManagedIdentityCredential:
    from azure.identity import ManagedIdentityCredential

    return ManagedIdentityCredential(client_id=client_id or None)
