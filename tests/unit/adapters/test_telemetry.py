"""Telemetry: the line a batch, the metrics, and what really leaves the process for Application Insights."""

from __future__ import annotations

import gzip
import json
import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader

from functions.adapters import open_telemetry
from functions.adapters.open_telemetry import OpenTelemetry, telemetry
from functions.adapters.telemetry import LogTelemetry
from functions.domain.errors import SettingError
from functions.domain.message_report import MessageReport
from functions.domain.outcomes import BatchReport, Outcome

ROOT = Path(__file__).resolve().parents[3]
SPENT = {"packs replace": 812.4, "packs read": 12.0}


def report(**fields: Any) -> BatchReport:
    made = BatchReport(
        events=3,
        reasons=Counter(sentinel=1),
        windows=4,
        anomalies=2,
        lag_s=7,
        stage_ms=Counter(decode=3, apply=20),
    )
    made.tally.add(Outcome.applied, 6)
    made.tally.add(Outcome.quarantined)
    for name, value in fields.items():
        setattr(made, name, value)
    return made


# The line in the log.


def test_a_batch_is_one_line_of_pairs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "metersentry")
    LogTelemetry(lambda: SPENT).batch(report())

    assert [record.levelno for record in caplog.records] == [logging.INFO]
    (line,) = caplog.messages
    assert line == (
        "batch events=3 applied=6 quarantined=1 sentinel=1 windows=4 anomalies=2 lag_s=7 "
        "request_units=824.4 packs_replace_ru=812.4 packs_read_ru=12.0 decode_ms=3 apply_ms=20"
    )


def test_what_is_unknown_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "metersentry")
    LogTelemetry().batch(BatchReport(events=1))
    assert caplog.messages[0].split() == ["batch", "events=1"]


def test_missing_events_are_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    LogTelemetry().batch(report(missing_events=5))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert "missing_events=5" in caplog.messages[0].split()


# The metrics, read by a reader of the SDK.

Point = tuple[str, tuple[tuple[str, str], ...]]


def points(reader: InMemoryMetricReader) -> dict[Point, float]:
    """Value of a counter or sum of a histogram, by name and attributes."""
    data = reader.get_metrics_data()
    assert data is not None
    return {
        (metric.name, tuple(point.attributes.items())): getattr(point, "value", None) or getattr(point, "sum", 0)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    }


@pytest.fixture
def reader() -> InMemoryMetricReader:
    return InMemoryMetricReader()


@pytest.fixture
def provider(reader: InMemoryMetricReader) -> Iterator[MeterProvider]:
    made = MeterProvider([reader], shutdown_on_exit=False)
    yield made
    made.shutdown()


def test_every_instrument_is_recorded_with_its_attributes(
    provider: MeterProvider, reader: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = OpenTelemetry(lambda: SPENT, provider.get_meter("test"))
    metrics.batch(report())
    metrics.batch(report(missing_events=5))

    assert points(reader) == {
        ("metersentry.events", ()): 6,
        ("metersentry.readings", (("outcome", "applied"),)): 12,
        ("metersentry.readings", (("outcome", "quarantined"),)): 2,
        ("metersentry.refusals", (("reason", "sentinel"),)): 2,
        ("metersentry.windows", ()): 8,
        ("metersentry.anomalies", ()): 4,
        ("metersentry.missing_events", ()): 5,
        ("metersentry.request_units", (("operation", "packs replace"),)): pytest.approx(1_624.8),
        ("metersentry.request_units", (("operation", "packs read"),)): 24,
        ("metersentry.stage_ms", (("stage", "decode"),)): 6,
        ("metersentry.stage_ms", (("stage", "apply"),)): 40,
        ("metersentry.lag_s", ()): 14,
    }
    assert ["missing_events=5" in message for message in caplog.messages if "request_units=824.4" in message] == [True]


def test_messages_are_counted_and_what_waits_is_shown(
    provider: MeterProvider, reader: InMemoryMetricReader, caplog: pytest.LogCaptureFixture
) -> None:
    metrics = OpenTelemetry(meter=provider.get_meter("test"))
    metrics.messages(MessageReport(Counter(sent=2, held=1), [40, 300, 301]))
    metrics.messages(MessageReport(waiting=7, unknown=3))

    assert points(reader) == {
        ("metersentry.messages", (("state", "sent"),)): 2,
        ("metersentry.messages", (("state", "held"),)): 1,
        ("metersentry.message_s", (("late", False),)): 340,
        ("metersentry.message_s", (("late", True),)): 301,
        ("metersentry.messages_waiting", ()): 7,
        ("metersentry.messages_unknown", ()): 3,
    }
    assert [(each.levelname, each.getMessage()) for each in caplog.records] == [
        ("WARNING", "messages waiting=7 unknown=3")
    ]


def test_request_units_are_asked_for_once_a_batch(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    left = [{"packs read": 5.0}, {"packs read": 2.0}]
    metrics = OpenTelemetry(lambda: left.pop(0), provider.get_meter("test"))
    metrics.batch(report())
    metrics.batch(report())
    assert points(reader)["metersentry.request_units", (("operation", "packs read"),)] == 7


def test_a_healthy_stream_shows_zero_missing_events(provider: MeterProvider, reader: InMemoryMetricReader) -> None:
    OpenTelemetry(meter=provider.get_meter("test")).batch(report(lag_s=None))
    found = points(reader)
    assert found["metersentry.missing_events", ()] == 0
    assert ("metersentry.lag_s", ()) not in found


# The choice by settings.


def test_without_application_insights_there_are_log_lines_alone() -> None:
    assert type(telemetry({}, dict)) is LogTelemetry


@pytest.mark.parametrize("text", ["Authorization=Key", "ClientId=abc", "AAD"])
def test_an_authentication_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match=r"APPLICATIONINSIGHTS_AUTHENTICATION_STRING .* set Authorization=AAD"):
        telemetry({"APPLICATIONINSIGHTS_CONNECTION_STRING": "x", open_telemetry.AUTHENTICATION: text}, dict)


# What really leaves the process.

KEY = "00000000-0000-0000-0000-000000000001"


class Insights(ThreadingHTTPServer):
    """Application Insights' ingestion and a managed identity's endpoint, on the loopback."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.envelopes: list[dict[str, Any]] = []
        self.clients: list[str | None] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def names(self) -> Counter[str]:
        """Metrics by name, and messages."""
        return Counter(
            each["data"]["baseData"].get("message") or each["data"]["baseData"]["metrics"][0]["name"]
            for each in self.envelopes
        )


class _Handler(BaseHTTPRequestHandler):
    server: Insights

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            body = gzip.decompress(body)
        envelopes = json.loads(body)
        self.server.envelopes += envelopes
        self._answer({"itemsReceived": len(envelopes), "itemsAccepted": len(envelopes), "errors": []})

    def do_GET(self) -> None:
        self.server.clients += parse_qs(urlsplit(self.path).query).get("client_id", [None])
        self._answer({"access_token": "t", "expires_on": "4102444800", "token_type": "Bearer", "resource": "r"})

    def _answer(self, document: dict[str, Any]) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...  # noqa: A002  # the library's name


@pytest.fixture
def insights() -> Iterator[Insights]:
    with Insights() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


ALONE = {
    # The SDK's own statistics, its remote settings and its search for a virtual machine would ask the internet.
    "APPLICATIONINSIGHTS_STATSBEAT_DISABLED_ALL": "true",
    "APPLICATIONINSIGHTS_SDKSTATS_DISABLED": "true",
    "APPLICATIONINSIGHTS_CONTROLPLANE_DISABLED": "true",
    "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "azure_app_service",
}

# Providers are global to a process and can be set once, so each of these has one of its own.
PROGRAM = """
import json, logging, os, sys
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
from functions.adapters.open_telemetry import telemetry
from functions.domain.outcomes import BatchReport
for _ in range(2):  # configured once, asked for twice
    made = telemetry(os.environ, lambda: {"packs read": 5.0})
made.batch(BatchReport(events=3))
logging.getLogger("somebody.else").warning("a line of another library")
from opentelemetry import trace
from azure.core.settings import settings
print(json.dumps({
    "tracing": settings.tracing_enabled(),
    "recording": trace.get_tracer("x").start_span("y").is_recording(),
    "modules": [name for name in sys.modules if name.startswith("opentelemetry.instrumentation.")],
}))
"""


def run(insights: Insights, folder: Path, **environment: str) -> dict[str, Any]:
    """Send one batch from a process of its own; returns what it said of itself."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "TMPDIR": str(folder),
            "APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY};IngestionEndpoint={insights.address}/",
            **ALONE,
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("batch events=3") == 1, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


METRICS = dict.fromkeys(("events", "windows", "anomalies", "missing_events", "request_units"), 1)


def test_below_the_functions_host_metrics_are_exported_and_log_lines_are_left_to_it(
    insights: Insights, tmp_path: Path
) -> None:
    run(insights, tmp_path, FUNCTIONS_WORKER_RUNTIME="python")
    assert insights.names() == {f"metersentry.{name}": 1 for name in METRICS}
    units = next(each for each in insights.envelopes if "request_units" in json.dumps(each))["data"]["baseData"]
    assert units["properties"] == {"operation": "packs read"}
    assert units["metrics"][0]["value"] == 5.0


def test_in_a_container_the_line_is_exported_once_and_nobody_elses(insights: Insights, tmp_path: Path) -> None:
    run(insights, tmp_path)
    line = "batch events=3 request_units=5.0 packs_read_ru=5.0"
    assert insights.names() == {line: 1, **{f"metersentry.{name}": 1 for name in METRICS}}


def test_nothing_is_instrumented_of_itself(insights: Insights, tmp_path: Path) -> None:
    said = run(insights, tmp_path, FUNCTIONS_WORKER_RUNTIME="python")
    available = {each.value.partition(":")[0] for each in entry_points(group="opentelemetry_instrumentor")}

    assert "opentelemetry.instrumentation.requests" in available  # as the distribution brings it
    assert not available & set(said["modules"])
    assert (said["tracing"], said["recording"]) == (False, False)


NO_EXPORTERS = (("OTEL_TRACES_EXPORTER", "none"), ("OTEL_LOGS_EXPORTER", "none"))
"""Set beforehand, so that what the adapter sets is put back after the test."""

IDENTITIES = [
    ({}, None),
    ({"AZURE_CLIENT_ID": "own"}, ["own"]),
    ({open_telemetry.AUTHENTICATION: "Authorization=AAD"}, [None]),
    ({open_telemetry.AUTHENTICATION: "Authorization=AAD", "AZURE_CLIENT_ID": "own"}, ["own"]),
    ({open_telemetry.AUTHENTICATION: "ClientId=its; Authorization=AAD;", "AZURE_CLIENT_ID": "own"}, ["its"]),
]


@pytest.mark.parametrize(("settings", "asked_for"), IDENTITIES)
def test_the_exporter_is_given_the_identity_that_is_set(
    settings: dict[str, str], asked_for: list[str | None] | None, insights: Insights, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    for name, value in (("IDENTITY_ENDPOINT", f"{insights.address}/msi"), ("IDENTITY_HEADER", "h"), *NO_EXPORTERS):
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("azure.monitor.opentelemetry.configure_azure_monitor", lambda **kwargs: given.update(kwargs))
    open_telemetry._configure.cache_clear()
    telemetry({"APPLICATIONINSIGHTS_CONNECTION_STRING": f"InstrumentationKey={KEY}", **settings}, dict)
    open_telemetry._configure.cache_clear()

    if asked_for is None:
        assert given["credential"] is None
    else:
        with given["credential"] as credential:
            assert credential.get_token("https://monitor.azure.com/.default").token == "t"
        assert insights.clients == asked_for


def test_a_connection_string_that_cannot_be_used_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (*NO_EXPORTERS, *ALONE.items()):
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match="APPLICATIONINSIGHTS_CONNECTION_STRING cannot be used"):
        telemetry({"APPLICATIONINSIGHTS_CONNECTION_STRING": "InstrumentationKey=no"}, dict)
