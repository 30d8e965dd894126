"""The engine that Azure runs a Python 3.13 app on indexes the app and invokes a function, in this process.

There is no host here: the messages a host would send over gRPC are plain objects with the fields the engine reads.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from functions.adapters.clocks import SetClock
from functions.application import Application

ENGINE = "azure_functions_runtime"
ROOT = Path(__file__).resolve().parents[3]

if sys.version_info < (3, 13):
    pytest.skip("the runtime engine serves Python 3.13 and later", allow_module_level=True)
if importlib.util.find_spec(ENGINE) is None:
    pytest.skip("azure-functions-runtime of requirements.txt is not installed", allow_module_level=True)


class Protos:
    """The message types of the gRPC contract: each is a record of what it was made with."""

    class BindingInfo(SimpleNamespace):
        """Directions and data types as the contract numbers them."""

        out, inout, undefined = 1, 2, 0

    class StatusResult(SimpleNamespace):
        """How a request ended."""

        Success, Failure = "success", "failure"

    def __getattr__(self, name: str) -> type[SimpleNamespace]:
        return type(name, (SimpleNamespace,), {})


class Sent(SimpleNamespace):
    """A message with one of several fields set, as protobuf's oneof."""

    def WhichOneof(self, _: str) -> str:  # noqa: N802  # protobuf's name
        return next(iter(vars(self)))


def succeeded(response: Any) -> Any:
    assert response.result.status == "success", response.result.exception.stack_trace
    return response


@pytest.fixture
async def engine(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The engine after the request that a host begins with."""
    monkeypatch.delitem(sys.modules, "function_app", raising=False)  # an app can be asked for its functions once
    monkeypatch.syspath_prepend(str(ROOT))
    runtime = importlib.import_module(ENGINE)
    request = SimpleNamespace(
        request=SimpleNamespace(
            worker_init_request=SimpleNamespace(capabilities={}, function_app_directory=str(ROOT)),
        ),
        properties={"protos": Protos(), "host": "127.0.0.1"},
    )
    succeeded(await runtime.worker_init_request(request))
    return runtime


@pytest.fixture
def composed(engine: ModuleType, application: Application, monkeypatch: pytest.MonkeyPatch) -> Iterator[Application]:
    """The indexed app over this test's stores: every trigger asks the composition root for its application."""
    root = sys.modules["function_app"]
    root.application.cache_clear()
    monkeypatch.setattr("functions.application.Application.build", lambda *_, **__: application)
    monkeypatch.setattr(
        "functions.adapters.onnx_scorer.OnnxScorer.load", lambda: SimpleNamespace(prior=None, alerts_per_window=1.0)
    )
    monkeypatch.setattr("functions.adapters.sqlite.composition.sqlite_stores", lambda *_: None)
    yield application
    root.application.cache_clear()


async def functions(engine: ModuleType) -> dict[str, Any]:
    response = succeeded(await engine.functions_metadata_request(SimpleNamespace()))
    return {function.name: function for function in response.function_metadata_results}


async def test_the_engine_indexes_every_function(engine: ModuleType) -> None:
    indexed = await functions(engine)

    assert set(indexed) == {
        *(
            "score_readings",
            "correlate_anomalies",
            "fan_out",
            "send_notification",
            "bury_notification",
            "take_work_orders",
            "advance",
            "inspect",
            "http",
        )
    }
    policy = indexed["score_readings"].retry_options
    assert (policy.retry_strategy, policy.max_retry_count) == ("exponential_backoff", -1)
    assert json.loads(indexed["score_readings"].raw_bindings[0])["cardinality"] == "MANY"


async def invoke(engine: ModuleType, function: str, argument: str, data: Sent, **metadata: Sent) -> Any:
    """Invoke a function as the host does, and return its response; it must succeed."""
    invocation = SimpleNamespace(
        invocation_id="1",
        function_id=(await functions(engine))[function].function_id,
        input_data=[SimpleNamespace(name=argument, data=data, WhichOneof=lambda _: "data")],
        trigger_metadata=metadata,
        trace_context=SimpleNamespace(trace_parent="", trace_state="", attributes={}),
        retry_context=SimpleNamespace(retry_count=0, max_retry_count=-1, exception=None),
    )
    return succeeded(
        await engine.invocation_request(SimpleNamespace(request=SimpleNamespace(invocation_request=invocation)))
    )


async def test_the_engine_invokes_score_readings(
    engine: ModuleType, composed: Application, body: Callable[..., bytes], reports: Any
) -> None:
    system = [{"SequenceNumber": nth, "Offset": str(nth), "PartitionKey": None} for nth in range(2)]
    await invoke(
        engine,
        "score_readings",
        "events",
        Sent(collection_bytes=SimpleNamespace(bytes=[body(240.0), b"rubbish"])),
        SystemPropertiesArray=Sent(json=json.dumps(system)),
        PartitionContext=Sent(json=json.dumps({"PartitionId": "2"})),
    )
    assert reports.outcomes == {"applied": 3, "dead_lettered": 1}
    assert [letter.partition for letter in await composed.stores.letters.letters(10)] == ["2"]


DARK = {
    "id": "M1:power_off:1:opened", "anomaly_id": "M1:power_off:1", "phase": "opened", "meter_id": "M1",
    "customer_id": "C1", "transformer_id": "T1", "feeder_id": "F", "kind": "power_off", "start": 900, "end": None,
    "score": 9.0, "threshold": 4.0, "why": "no voltage", "raised_at": 900, "type": "anomaly", "_rid": "x", "_ts": 900,
    "signal": "zero_voltage",
}  # fmt: skip


async def test_the_engine_invokes_the_change_feeds_and_the_queue_until_a_message_is_sent(
    engine: ModuleType, composed: Application, clock: SetClock, tmp_path: Path
) -> None:
    dark = {**DARK, "start": clock.now(), "raised_at": clock.now() + 900}
    clock.set(clock.now() + 900)
    await invoke(engine, "correlate_anomalies", "documents", Sent(json=json.dumps([dark])))
    clock.set(clock.now() + 900)  # customers hear of an outage when it has lasted
    await composed.advancing.advance()
    (incident,) = await composed.stores.incidents.latest(state=None, feeder_id="F", limit=10)

    database = composed.stores.incidents._incidents.database
    documents = [
        {**json.loads(text), "type": kind}
        for kind, text in database.rows("SELECT type, body FROM feed WHERE container = 'incidents' ORDER BY position")
    ]
    response = await invoke(engine, "fan_out", "documents", Sent(json=json.dumps(documents)))
    out = {each.name: json.loads(each.data.json) for each in response.output_data}
    assert {json.loads(each)["incident_id"] for each in out["incidents"]} == {incident.incident_id}

    for message in out["notifications"]:
        await invoke(
            engine,
            "send_notification",
            "message",
            Sent(string=message),
            Id=Sent(string="m1"),
            DequeueCount=Sent(string="1"),
        )
    (line,) = (tmp_path / "notifications.jsonl").read_text().splitlines()
    assert json.loads(line)["customer_id"] == "C1"


async def test_the_engine_invokes_what_keeps_a_message_nobody_could_send(
    engine: ModuleType, composed: Application
) -> None:
    await invoke(engine, "bury_notification", "message", Sent(string='{"key": "k"}'))
    (letter,) = await composed.stores.letters.letters(10)
    assert letter.partition == "notifications"


@pytest.mark.parametrize("timer", ["advance", "inspect"])
async def test_the_engine_invokes_the_timers(engine: ModuleType, composed: Application, timer: str) -> None:
    status = {"Last": "2024-06-17T00:00:00Z", "Next": "2024-06-17T00:01:00Z", "LastUpdated": "2024-06-17T00:00:00Z"}
    late = {"IsPastDue": True, "Schedule": {"AdjustForDST": True}, "ScheduleStatus": status}
    await invoke(engine, timer, "timer", Sent(json=json.dumps(late)))


@pytest.mark.parametrize(("path", "code"), [("api/health", "200"), ("api/nothing", "404")])
async def test_the_engine_answers_http_through_fastapi(
    engine: ModuleType, composed: Application, path: str, code: str
) -> None:
    request = SimpleNamespace(
        method="GET", url=f"https://example.org/{path}", headers={}, params={"path": path}, query={}, body=None
    )
    request.body = Sent(string="")
    response = await invoke(engine, "http", "req", Sent(http=request))
    assert response.return_value.http.status_code == code
