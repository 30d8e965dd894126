"""Alerts and workbook ask for metrics that are there, and every alert has its page."""

from __future__ import annotations

import json
import re

import pytest
from stacks import INFRA, ROOT, bicep, terraform

from functions.adapters.open_telemetry import OpenTelemetry

# --- What the product is about to measure: a line goes when the code has it. ----------------------------------
COMING_METRICS = {"metersentry.incidents"}  # counter of published revisions, by kind and state
# --------------------------------------------------------------------------------------------------------------

ALERTS = json.loads((INFRA / "alerts.json").read_text(encoding="utf-8"))["queries"]
WORKBOOK = json.loads((INFRA / "workbook.json").read_text(encoding="utf-8"))
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
TOLD = {
    *("consumer-lag", "sequence-gaps", "dead-letters", "documents-throttled", "events-throttled", "sends-unknown"),
    *("notifications-late", "no-readings", "model-mismatch"),
}
"""What operators have to be told of."""
WINDOWS = {"PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H"}
"""Those that Azure takes for a query that runs every few minutes."""


class Instruments:
    """A `Meter` that only remembers names."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def create_counter(self, name: str, **_: str) -> None:
        self.names.add(name)

    def create_histogram(self, name: str, *_: str, **__: str) -> None:
        self.names.add(name)

    def create_gauge(self, name: str, *_: str, **__: str) -> None:
        self.names.add(name)


def measured() -> set[str]:
    meter = Instruments()
    OpenTelemetry(meter=meter)  # type: ignore[arg-type]
    return meter.names | COMING_METRICS


def named(alerts: str) -> set[str]:
    return set(re.findall(r"'(metersentry\.\w+)'", alerts))


def metric_alerts(text: str) -> set[str]:
    return set(re.findall(r"name: 'alert-metersentry-\$\{[\w.]+\}-([a-z-]+)'", text))


def test_every_metric_that_is_asked_for_is_measured() -> None:
    queries = [item["content"].get("query", "") for item in WORKBOOK["items"]]
    asked = named("".join(line for alert in ALERTS for line in alert["query"])) | named("".join(queries))
    assert asked - measured() == set()
    assert asked >= COMING_METRICS


def test_operators_are_told_of_everything_they_have_to_know() -> None:
    queries = {alert["name"] for alert in ALERTS}
    assert metric_alerts(bicep().text) == metric_alerts(terraform().text)
    assert queries | metric_alerts(bicep().text) >= TOLD


@pytest.mark.parametrize("name", sorted(TOLD | {alert["name"] for alert in ALERTS}))
def test_every_alert_has_its_page(name: str) -> None:
    section = re.search(rf"^### .*\(`{name}`\)\n(.*?)(?=^##)", RUNBOOK, re.MULTILINE | re.DOTALL)
    assert section, f"docs/runbook.md has no section of {name}"
    for part in ("**Means**", "**Look at**", "**Do**"):
        assert part in section[1]
    assert "```" in section[1], "there is no command"


def test_a_query_runs_in_a_window_that_azure_takes() -> None:
    assert {alert["window"] for alert in ALERTS} <= WINDOWS
    assert {alert["severity"] for alert in ALERTS} <= set(range(5))


@pytest.mark.parametrize("wanted", ["Throughput", "Outcomes", "Lag", "Request units", "Incidents", "Messages"])
def test_the_workbook_shows_it(wanted: str) -> None:
    titles = [item["content"].get("title", "") for item in WORKBOOK["items"]]
    assert any(title.startswith(wanted) for title in titles)


def test_both_templates_put_the_workspace_into_the_workbook() -> None:
    assert WORKBOOK["fallbackResourceIds"] == ["WORKSPACE_ID"]
    for stack in (bicep(), terraform()):
        assert "workbook.json'), 'WORKSPACE_ID', " in stack.text
