"""Alerts and workbook ask for metrics that are there, and every alert has its page."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict

import pytest
from incident_records import incident
from stacks import INFRA, ROOT, bicep, terraform

from functions.adapters.open_telemetry import OpenTelemetry
from functions.domain.message_report import MessageReport
from functions.domain.outcomes import BatchReport, Outcome

ALERTS = json.loads((INFRA / "alerts.json").read_text(encoding="utf-8"))["queries"]
WORKBOOK = json.loads((INFRA / "workbook.json").read_text(encoding="utf-8"))
RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
TOLD = {
    *("consumer-lag", "sequence-gaps", "dead-letters", "documents-throttled", "events-throttled", "sends-unknown"),
    *("notifications-late", "no-readings", "model-mismatch", "functions-fail", "clock-stopped"),
}
"""What operators have to be told of."""
WINDOWS = {"PT5M", "PT10M", "PT15M", "PT30M", "PT45M", "PT1H"}
"""Those that Azure takes for a query that runs every few minutes."""


Dimensions = dict[str, set[str]]
"""Values of a metric's dimensions, by name."""


class Instruments:
    """A `Meter` whose instruments remember the dimensions they are used with."""

    def __init__(self) -> None:
        self.dimensions: dict[str, Dimensions] = {}

    def create_counter(self, name: str, *_: str, **__: str) -> Instruments.Instrument:
        return self.Instrument(self.dimensions.setdefault(name, defaultdict(set)))

    create_histogram = create_counter

    class Instrument:
        def __init__(self, dimensions: Dimensions) -> None:
            self._dimensions = dimensions

        def add(self, _: float, attributes: dict[str, str] | None = None) -> None:
            for name, value in (attributes or {}).items():
                self._dimensions[name].add(str(value))

        record = add


def measured() -> dict[str, Dimensions]:
    """Everything that is measured, with one of everything."""
    meter = Instruments()
    telemetry = OpenTelemetry(lambda: {"packs read": 1.0}, meter=meter)  # type: ignore[arg-type]
    batch = BatchReport(reasons=Counter(sentinel=1), stage_ms=Counter(decode=1), lag_s=1, sequence_numbers={"0": [1]})
    for outcome in Outcome:
        batch.tally.add(outcome)
    telemetry.batch(batch)
    telemetry.messages(MessageReport(Counter(sent=1), [1, 1_000], waiting=1, unknown=1))
    telemetry.incidents([incident()])
    telemetry.dead_letter("notifications")
    return meter.dimensions


def named(alerts: str) -> set[str]:
    return set(re.findall(r"'(metersentry\.\w+)'", alerts))


def queries() -> dict[str, str]:
    """Queries of alerts and of the workbook, by title."""
    return {alert["title"]: "\n".join(alert["query"]) for alert in ALERTS} | {
        item["content"]["title"]: item["content"]["query"] for item in WORKBOOK["items"] if item["type"] == 3
    }


def metric_alerts(text: str) -> set[str]:
    return set(re.findall(r"name: 'alert-metersentry-\$\{[\w.]+\}-([a-z-]+)'", text))


def test_every_metric_that_is_asked_for_is_measured() -> None:
    asked = named("".join(queries().values()))
    assert asked - measured().keys() == set()
    assert measured().keys() - asked == set(), "nobody looks at it"


@pytest.mark.parametrize("title", [title for title, query in queries().items() if named(query)])
def test_a_query_asks_for_dimensions_and_values_that_its_metrics_have(title: str) -> None:
    query = queries()[title]
    metrics = measured()
    there: Dimensions = defaultdict(set)
    for name in named(query):
        for dimension, values in metrics[name].items():
            there[dimension] |= values
    assert set(re.findall(r"Properties\.(\w+)", query)) <= there.keys()
    assert set(re.findall(r"== '(\w+)'", query)) <= set().union(*there.values())


def test_the_runbook_asks_for_metrics_that_are_measured_too() -> None:
    asked = named(RUNBOOK)
    assert asked
    assert asked <= measured().keys()


def test_the_runbook_names_stages_that_are_timed() -> None:
    timed = (ROOT / "functions" / "services" / "scoring.py").read_text(encoding="utf-8")
    stages = set(re.findall(r"[Ss]tage `(\w+)`", RUNBOOK))
    assert stages
    assert stages <= set(re.findall(r'_timed\(report, "(\w+)"\)', timed))


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
