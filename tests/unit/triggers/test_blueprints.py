"""The triggers as the library declares and decodes them: no host, but its own converters and the real functions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any, List, Optional  # noqa: UP035  # as the worker wants them

import azure.functions as func
import pytest
from azure.functions import meta

import function_app
from functions import names
from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.streams import SqliteFeed
from functions.application import Application
from functions.domain.anomalies import KINDS
from functions.domain.errors import HostError, TransientFault
from functions.domain.roster_row import RosterRow
from functions.triggers import register
from local.host import MAX_DEQUEUE_COUNT
from local.indexing import HostedFunction, index

START = 1_718_582_400

BINDINGS = {
    "score_readings": {
        "events": {
            "type": "eventHubTrigger",
            "eventHubName": names.READINGS_HUB,
            "connection": "EventHubConnection",
            "consumerGroup": "score",
            "cardinality": "many",
            "dataType": "2",  # binary
        }
    },
    "take_work_orders": {
        "events": {
            "type": "eventHubTrigger",
            "eventHubName": names.WORK_ORDERS_HUB,
            "connection": "EventHubConnection",
            "consumerGroup": "context",
            "cardinality": "many",
            "dataType": "2",
        }
    },
    "correlate_anomalies": {
        "documents": {
            "type": "cosmosDBTrigger",
            "databaseName": "metersentry",
            "containerName": "anomalies",
            "connection": "COSMOS",
            "leaseContainerName": "leases",
            "leaseContainerPrefix": "correlate",
        }
    },
    "fan_out": {
        "documents": {
            "type": "cosmosDBTrigger",
            "containerName": "incidents",
            "leaseContainerName": "leases",
            "leaseContainerPrefix": "fan-out",
        },
        "notifications": {"type": "queue", "queueName": names.NOTIFICATIONS_QUEUE, "connection": "AzureWebJobsStorage"},
        "incidents": {"type": "eventHub", "eventHubName": "grid-incidents", "connection": "EventHubConnection"},
    },
    "send_notification": {
        "message": {"type": "queueTrigger", "queueName": "notifications", "connection": "AzureWebJobsStorage"}
    },
    "bury_notification": {
        "message": {"type": "queueTrigger", "queueName": "notifications-poison", "connection": "AzureWebJobsStorage"}
    },
    "advance": {"timer": {"type": "timerTrigger", "schedule": "0 * * * * *"}},
    "inspect": {"timer": {"type": "timerTrigger", "schedule": "0 0 5 * * *"}},
    "http": {"req": {"type": "httpTrigger", "route": "{*path}"}, "$return": {"type": "http"}},
}
WAITS = {
    "strategy": "exponential_backoff",
    "max_retry_count": "-1",
    "minimum_interval": "00:00:01",
    "maximum_interval": "00:05:00",
}
RETRIES = {
    "score_readings": WAITS,
    "take_work_orders": WAITS,
    "correlate_anomalies": {"strategy": "fixed_delay", "max_retry_count": "-1", "delay_interval": "00:00:05"},
    "fan_out": {"strategy": "fixed_delay", "max_retry_count": "-1", "delay_interval": "00:00:05"},
}


def declared(function: Any) -> dict[str, dict[str, str]]:
    return {
        binding.name: {key: str(getattr(value, "value", value)) for key, value in binding.get_dict_repr().items()}
        for binding in function.get_bindings()
    }


FUNCTIONS = function_app.app.get_functions()
"""An app can be asked for its functions once."""


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    return {function.get_function_name(): function for function in FUNCTIONS}


def test_every_trigger_of_the_architecture_is_there(deployed: dict[str, Any]) -> None:
    assert set(deployed) == set(BINDINGS)


@pytest.mark.parametrize("name", BINDINGS)
def test_a_function_is_bound_as_documented(deployed: dict[str, Any], name: str) -> None:
    bindings = declared(deployed[name])

    assert set(bindings) == set(BINDINGS[name])
    for parameter, wanted in BINDINGS[name].items():
        assert wanted.items() <= bindings[parameter].items()


def test_change_feeds_keep_their_places_apart(deployed: dict[str, Any]) -> None:
    prefixes = [
        declared(deployed[name])["documents"]["leaseContainerPrefix"] for name in ("correlate_anomalies", "fan_out")
    ]
    assert len(set(prefixes)) == 2


@pytest.mark.parametrize("name", BINDINGS)
def test_retry_policies_hold_checkpoints_where_promised(deployed: dict[str, Any], name: str) -> None:
    policy = deployed[name].get_settings_dict("retry_policy") or {}
    assert {key: value for key, value in policy.items() if key != "setting_name"} == RETRIES.get(name, {})


def test_a_worker_would_accept_every_function() -> None:
    assert {function.name for function in index(SimpleNamespace(get_functions=lambda: FUNCTIONS))} == set(BINDINGS)


def test_the_host_file_fits_the_bindings() -> None:
    host = json.loads((Path(function_app.__file__).parent / "host.json").read_text())

    assert host["version"] == "2.0"
    assert host["extensionBundle"]["version"] == "[4.0.0, 5.0.0)"
    assert host["extensions"]["queues"]["messageEncoding"] == "none"  # the functions write plain JSON
    assert host["extensions"]["queues"]["maxDequeueCount"] == MAX_DEQUEUE_COUNT
    assert host["extensions"]["http"]["routePrefix"] == ""  # the routes of the web application begin with /api
    assert host["extensions"]["eventHubs"]["initialOffsetOptions"]["type"] == "fromStart"


# What a worker refuses, `local.indexing` refuses.


def events_trigger(app: func.FunctionApp) -> Callable[..., Any]:
    return app.event_hub_message_trigger(arg_name="events", event_hub_name="h", connection="C", cardinality="many")


def refused(app: func.FunctionApp) -> str:
    with pytest.raises(HostError) as caught:
        index(app)
    return str(caught.value)


def test_a_parameter_without_a_binding_is_refused() -> None:
    app = func.FunctionApp()

    @events_trigger(app)
    def odd(events: List[func.EventHubEvent], surprise: str) -> None: ...  # noqa: UP006

    assert re.search("odd.*surprise", refused(app))


def test_a_binding_without_a_parameter_is_refused() -> None:
    app = func.FunctionApp()

    @events_trigger(app)
    @app.queue_output(arg_name="messages", queue_name="q", connection="C")
    def odd(events: List[func.EventHubEvent]) -> None: ...  # noqa: UP006

    assert "messages" in refused(app)


def test_a_builtin_list_annotation_is_refused() -> None:
    app = func.FunctionApp()

    @events_trigger(app)
    def odd(events: list[func.EventHubEvent]) -> None: ...

    assert re.search(r"events.*typing\.List", refused(app))


def test_a_builtin_list_within_an_output_is_refused() -> None:
    app = func.FunctionApp()

    @events_trigger(app)
    @app.queue_output(arg_name="messages", queue_name="q", connection="C")
    def odd(events: List[func.EventHubEvent], messages: func.Out[list[str]]) -> None: ...  # noqa: UP006

    assert "messages" in refused(app)


def test_an_input_annotated_as_output_is_refused() -> None:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name="q", connection="C")
    def odd(message: func.Out[str]) -> None: ...

    assert "func.Out" in refused(app)


def test_an_output_annotated_as_input_is_refused() -> None:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name="q", connection="C")
    @app.queue_output(arg_name="messages", queue_name="q", connection="C")
    def odd(message: func.QueueMessage, messages: str) -> None: ...

    assert "messages" in refused(app)


def test_a_type_of_another_binding_is_refused() -> None:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name="q", connection="C")
    def odd(message: func.TimerRequest) -> None: ...

    assert "queueTrigger" in refused(app)


def test_an_optional_annotation_is_refused() -> None:
    app = func.FunctionApp()

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def odd(timer: Optional[func.TimerRequest]) -> None: ...  # noqa: UP045

    assert "timer" in refused(app)


def test_a_returned_value_without_a_return_binding_is_refused() -> None:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name="q", connection="C")
    def odd(message: func.QueueMessage) -> int:
        return 1

    assert "$return" in refused(app)


def test_a_parameter_without_annotation_is_left_unchecked() -> None:
    app = func.FunctionApp()

    @app.queue_trigger(arg_name="message", queue_name="q", connection="C")
    def plain(message, context): ...

    assert [function.name for function in index(app)] == ["plain"]


# The functions on what a host hands them.


@pytest.fixture
def functions(application: Application) -> dict[str, HostedFunction]:
    return {function.name: function for function in index(register(func.FunctionApp(), lambda: application))}


def batch(bodies: Sequence[bytes], first: int = 7, partition: str = "3") -> tuple[meta.Datum, dict[str, meta.Datum]]:
    """A batch as the host sends it; half of the events have no partition key."""
    system = [
        {
            "SequenceNumber": first + nth,
            "Offset": str(1_000 + nth),
            "EnqueuedTimeUtc": "2024-06-17T00:15:00.123Z",
            "PartitionKey": "F" if nth % 2 else None,
        }
        for nth in range(len(bodies))
    ]
    keys = [each["PartitionKey"] for each in system if each["PartitionKey"]]
    context = {"PartitionId": partition, "EventHubName": "meter-readings", "ConsumerGroup": "score"}
    return meta.Datum(SimpleNamespace(bytes=list(bodies)), "collection_bytes"), {
        "SystemPropertiesArray": meta.Datum(json.dumps(system), "json"),
        "PropertiesArray": meta.Datum(json.dumps([{}] * len(bodies)), "json"),
        "PartitionKeyArray": meta.Datum(json.dumps(keys), "json"),
        "PartitionContext": meta.Datum(json.dumps(context), "json"),
    }


def changes(database: Database, container: str) -> meta.Datum:
    """A container's changes as a Cosmos change feed sends them: system fields added, whole floats as integers."""
    documents = []
    for change in SqliteFeed(database, container).read(1_000):
        document = json.loads(change.body)
        whole = {key: int(value) for key, value in document.items() if isinstance(value, float) and value.is_integer()}
        system = {"_rid": "Ad0yAK==", "_self": "dbs/x", "_etag": '"0"', "_attachments": "a/", "_ts": 1, "_lsn": 9}
        documents.append({**document, **whole, "type": change.type, **system})
    return meta.Datum(json.dumps(documents), "json")


class Out(func.Out[Any]):
    def __init__(self) -> None:
        self.value: Any = None

    def set(self, val: Any) -> None:
        self.value = val

    def get(self) -> Any:
        return self.value


async def score(functions: dict[str, HostedFunction], *bodies: bytes) -> None:
    function = functions["score_readings"]
    await function.call({"events": function.decode(*batch(bodies))})


async def test_a_batch_is_scored_whatever_its_partition_keys(
    functions: dict[str, HostedFunction], body: Callable[..., bytes], reports: Any
) -> None:
    await score(functions, body(240.0), body(240.0), body(239.5, slot=1))

    assert reports.outcomes == {"applied": 6, "duplicate": 3}
    assert reports.batches[0].events == 3


async def test_a_batch_tells_how_long_its_newest_event_has_waited(
    functions: dict[str, HostedFunction], body: Callable[..., bytes], reports: Any, clock: SetClock
) -> None:
    clock.set(START + 960)  # the events were enqueued at 00:15:00
    await score(functions, body(240.0))

    assert reports.batches[0].lag_s == 60


@pytest.mark.parametrize(
    ("enqueued", "lag_s"),
    [
        (datetime(2024, 6, 17, 0, 15, tzinfo=UTC), 60),
        (datetime(2024, 6, 17, 0, 15), 60),  # noqa: DTZ001  # naive is UTC
        (datetime(2024, 6, 17, 2, 15, tzinfo=timezone(timedelta(hours=2))), 60),
        (None, None),
    ],
)
async def test_an_enqueued_time_may_be_naive_or_missing(
    functions: dict[str, HostedFunction],
    body: Callable[..., bytes],
    reports: Any,
    clock: SetClock,
    enqueued: datetime | None,
    lag_s: int | None,
) -> None:
    clock.set(START + 960)
    event = func.EventHubEvent(body=body(240.0), sequence_number=1, enqueued_time=enqueued)
    await functions["score_readings"].call({"events": [event]})

    assert reports.batches[0].lag_s == lag_s


async def test_a_batch_of_rubbish_is_kept_with_its_place_and_takes_nobody_down(
    functions: dict[str, HostedFunction], body: Callable[..., bytes], reports: Any, application: Application
) -> None:
    await score(functions, b"", body(240.0), b"\xff\xfe", body(-1.0, "M4"))

    assert reports.outcomes == {"applied": 3, "dead_lettered": 2, "quarantined": 1}
    letters = await application.stores.letters.letters(10)
    assert [(letter.partition, letter.sequence_number) for letter in letters] == [("3", 7), ("3", 9), ("3", 10)]


async def test_a_store_out_of_reach_is_raised_so_that_the_checkpoint_waits(
    functions: dict[str, HostedFunction],
    body: Callable[..., bytes],
    application: Application,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def away(packs: object) -> list[str | None]:
        raise TransientFault("throttled")

    monkeypatch.setattr(application.stores.packs, "write", away)
    with pytest.raises(TransientFault):
        await score(functions, body(240.0))
    assert await application.stores.letters.letters(10) == []


async def test_work_orders_come_from_their_hub_and_one_at_fault_is_kept_with_its_place(
    functions: dict[str, HostedFunction], application: Application, roster_rows: list[RosterRow]
) -> None:
    await application.feeders.load(roster_rows, START)
    order = {"work_order_id": "WO-1", "asset_id": "T1", "start": START, "end": START + 3_600}
    take = functions["take_work_orders"]
    bodies = [json.dumps([order, {**order, "asset_id": "T9"}]).encode(), b"rubbish"]
    await take.call({"events": take.decode(*batch(bodies))})

    (stored,) = await application.stores.context.orders("F", 0)
    assert (stored.work_order_id, stored.updated_at) == ("WO-1", START + 900)  # when it was enqueued
    letters = await application.stores.letters.letters(10)
    assert [letter.id for letter in letters] == ["work-orders/document:3-7-1", "work-orders/document:3-8-0"]


async def test_one_outage_goes_from_event_to_message(
    functions: dict[str, HostedFunction],
    body: Callable[..., bytes],
    application: Application,
    database: Database,
    clock: SetClock,
    roster_rows: list[RosterRow],
    tmp_path: Path,
) -> None:
    await application.feeders.load(roster_rows, START)
    clock.set(START + 2 * 900)
    await score(functions, body(240.0), body(0.0, slot=1))

    correlate = functions["correlate_anomalies"]
    for _ in range(2):  # at least once: the second delivery changes nothing
        await correlate.call({"documents": correlate.decode(changes(database, names.ANOMALIES), {})})

    clock.set(START + 2 * 900 + 60)  # nobody is told in the minute in which it was heard
    await application.advancing.advance()

    fan_out = functions["fan_out"]
    notifications, incidents = Out(), Out()
    documents = fan_out.decode(changes(database, names.INCIDENTS), {})
    await fan_out.call({"documents": documents, "notifications": notifications, "incidents": incidents})
    assert {json.loads(each)["device_id"] for each in incidents.value} == {"T1"}
    assert sorted(json.loads(each)["customer_id"] for each in notifications.value) == ["C1", "C3"]

    send = functions["send_notification"]
    metadata = {"Id": meta.Datum("1", "string"), "DequeueCount": meta.Datum("1", "string")}
    for text in notifications.value * 2:
        await send.call({"message": send.decode(meta.Datum(text, "string"), metadata)})
    lines = [json.loads(line) for line in (tmp_path / "notifications.jsonl").read_bytes().splitlines()]
    assert sorted(line["customer_id"] for line in lines) == ["C1", "C3"]
    assert {line["kind"] for line in lines} == {"outage_seen"}


async def test_fan_out_passes_over_documents_that_are_neither_incident_nor_intent(
    functions: dict[str, HostedFunction],
) -> None:
    fan_out = functions["fan_out"]
    notifications, incidents = Out(), Out()
    feed = meta.Datum(json.dumps([{"id": "board", "type": "board"}, {"id": "x"}]), "json")
    documents = fan_out.decode(feed, {})
    await fan_out.call({"documents": documents, "notifications": notifications, "incidents": incidents})

    assert (notifications.value, incidents.value) == ([], [])


@pytest.mark.parametrize("text", ['{"key": "inc:A|C1|restored|console", "customer_id": "C1"}', "Störung", "[1]", "{}"])
async def test_a_message_that_the_host_gave_up_on_becomes_a_dead_letter_of_its_own(
    functions: dict[str, HostedFunction], application: Application, text: str
) -> None:
    bury = functions["bury_notification"]
    for each in (text, text, '{"key": "another"}'):
        await bury.call({"message": bury.decode(meta.Datum(each, "string"), {})})

    letters = await application.stores.letters.letters(10)
    assert len(letters) == 2
    assert {letter.partition for letter in letters} == {"notifications"}
    assert all("gave up" in letter.reason for letter in letters)


def timer(*, late: bool) -> meta.Datum:
    status = {"Last": "2024-06-17T00:00:00Z", "Next": "2024-06-17T00:01:00Z", "LastUpdated": "2024-06-17T00:00:00Z"}
    return meta.Datum(json.dumps({"IsPastDue": late, "Schedule": {}, "ScheduleStatus": status}), "json")


async def test_advance_reports_meters_that_fell_silent(
    functions: dict[str, HostedFunction],
    body: Callable[..., bytes],
    application: Application,
    roster_rows: list[RosterRow],
    clock: SetClock,
) -> None:
    await application.feeders.load(roster_rows, START)
    await score(functions, body(240.0))
    clock.set(START + 4 * 3_600)
    advance = functions["advance"]
    for _ in range(2):
        await advance.call({"timer": advance.decode(timer(late=True), {})})

    found = await application.stores.anomalies.between(0, START + 86_400, KINDS)
    assert sorted((each.meter_id, each.kind) for each in found) == [(f"M{n}", "no_reads") for n in (1, 2, 3)]


async def test_inspect_writes_the_report(functions: dict[str, HostedFunction], tmp_path: Path) -> None:
    inspect = functions["inspect"]
    await inspect.call({"timer": inspect.decode(timer(late=False), {})})

    assert (tmp_path / "risk_report.csv").is_file()
    assert (tmp_path / "risk_report.html").is_file()


async def test_http_reaches_the_web_application(functions: dict[str, HostedFunction]) -> None:
    def text(value: str) -> meta.Datum:
        return meta.Datum(value, "string")

    def request(path: str) -> meta.Datum:
        value = {
            "method": text("GET"),
            "url": text(f"https://metersentry.example{path}"),
            "headers": {"Host": text("metersentry.example")},
            "body": meta.Datum(b"", "bytes"),
            "params": {"path": text(path.lstrip("/"))},
            "query": {},
        }
        return meta.Datum(value, "http")

    http = functions["http"]
    answers = [
        await http.call({"req": http.decode(request(path), {}), "context": SimpleNamespace()})
        for path in ("/api/health", "/api/incidents", "/nowhere")
    ]
    assert [answer.status_code for answer in answers] == [200, 401, 404]
    assert json.loads(answers[0].get_body())["status"] == "ok"
