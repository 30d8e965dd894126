"""The embedded host: change feeds, queues, timers and retries behave as Azure's."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from typing import List  # noqa: UP035  # as the worker wants it

import azure.functions as func
import pytest

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.documents import Container, Document
from functions.adapters.sqlite.streams import SqliteQueue
from functions.domain.errors import HostError, TransientFault
from local.host import MAX_DEQUEUE_COUNT, QUEUE_HIDDEN_S, EmbeddedHost

Events = List[func.EventHubEvent]  # noqa: UP006
START = 1_718_582_400


@pytest.fixture
def app() -> func.FunctionApp:
    return func.FunctionApp()


@pytest.fixture
def host(app: func.FunctionApp, database: Database, clock: SetClock) -> Callable[[], EmbeddedHost]:
    return lambda: EmbeddedHost(app, database, clock)


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long the host slept, without the sleep."""
    taken: list[float] = []

    async def nap(seconds: float) -> None:
        taken.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", nap)
    return taken


def events_trigger(app: func.FunctionApp) -> Callable[..., object]:
    return app.event_hub_message_trigger(
        arg_name="events", event_hub_name="meter-readings", connection="C", cardinality="many", data_type="binary"
    )


def feed_trigger(app: func.FunctionApp) -> Callable[..., object]:
    return app.cosmos_db_trigger(arg_name="documents", database_name="d", container_name="c", connection="C")


def queue_trigger(app: func.FunctionApp) -> Callable[..., object]:
    return app.queue_trigger(arg_name="message", queue_name="q", connection="C")


def insert(database: Database, *names: str) -> None:
    container = Container(database, "c", watched=frozenset({"seen"}))
    with database.transaction() as connection:
        container.insert([Document("p", name, "seen", {"id": name, "half": 0.5}) for name in names], connection)


# Event Hub


async def test_events_arrive_with_what_the_hub_says_of_them(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost]
) -> None:
    seen: list[tuple[object, ...]] = []

    @events_trigger(app)
    def take(events: Events) -> None:
        place = events[0].metadata["PartitionContext"]["PartitionId"]
        seen.extend((place, each.sequence_number, each.partition_key, each.get_body()) for each in events)

    running = host()
    await running.deliver("3", [b"a", b""])
    await running.deliver("1", [b"b"])
    await running.deliver("3", [b"\xff"])
    assert seen == [("3", 0, None, b"a"), ("3", 1, None, b""), ("1", 0, None, b"b"), ("3", 2, None, b"\xff")]


async def test_a_hub_reaches_its_own_triggers_alone(app: func.FunctionApp, host: Callable[[], EmbeddedHost]) -> None:
    seen: list[tuple[int, bytes]] = []

    @app.event_hub_message_trigger(
        arg_name="events", event_hub_name="work-orders", connection="C", cardinality="many", data_type="binary"
    )
    def orders(events: Events) -> None:
        seen.extend((each.sequence_number, each.get_body()) for each in events)

    running = host()
    await running.deliver("0", [b"reading"])
    await running.deliver("0", [b"order"], hub="work-orders")
    assert seen == [(0, b"order")]


async def test_a_batch_is_tried_again_while_the_store_is_out_of_reach(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost], naps: list[float]
) -> None:
    tries: list[list[bytes]] = []

    @events_trigger(app)
    async def take(events: Events) -> None:
        tries.append([each.get_body() for each in events])
        if len(tries) < 3:
            raise TransientFault("throttled")

    await host().deliver("0", [b"a", b"b"])
    assert tries == [[b"a", b"b"]] * 3
    assert naps == [1, 2]


async def test_a_store_that_stays_away_is_told_in_the_end(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost], naps: list[float]
) -> None:
    @events_trigger(app)
    def take(events: Events) -> None:
        raise TransientFault("throttled")

    with pytest.raises(TransientFault, match="throttled"):
        await host().deliver("0", [b"a"])
    assert naps == sorted(naps)


async def test_any_other_fault_is_not_tried_again(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost], naps: list[float]
) -> None:
    @events_trigger(app)
    def take(events: Events) -> None:
        raise KeyError("a bug")

    with pytest.raises(KeyError):
        await host().deliver("0", [b"a"])
    assert naps == []


async def test_a_value_returned_without_a_return_binding_fails_as_in_azure(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost]
) -> None:
    @events_trigger(app)
    def take(events):
        return len(events)

    with pytest.raises(HostError, match=r"take.*\$return"):
        await host().deliver("0", [b"a"])


# Change feed


async def test_the_feed_is_handed_over_in_order_and_once(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost], database: Database
) -> None:
    seen: list[tuple[object, ...]] = []

    @feed_trigger(app)
    def take(documents: func.DocumentList) -> None:
        seen.extend((each["id"], each["type"], each["half"]) for each in documents)

    running = host()
    insert(database, "b", "a")
    await running.settle()
    insert(database, "a", "c")
    await running.settle()
    assert seen == [("b", "seen", 0.5), ("a", "seen", 0.5), ("c", "seen", 0.5)]


async def test_a_change_whose_function_failed_is_handed_over_again(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost], database: Database, naps: list[float]
) -> None:
    seen: list[list[str]] = []
    faults: list[Exception] = [TransientFault("throttled"), KeyError("a bug")]

    @feed_trigger(app)
    def take(documents: func.DocumentList) -> None:
        seen.append([each["id"] for each in documents])
        if faults:
            raise faults.pop(0)

    running = host()
    insert(database, "a")
    with pytest.raises(KeyError):
        await running.settle()
    insert(database, "b")
    await running.settle()
    assert seen == [["a"], ["a"], ["a", "b"]]


# Queue


async def test_what_a_function_sets_on_its_outputs_reaches_queue_and_hub(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost], database: Database, clock: SetClock
) -> None:
    seen: list[str] = []

    @feed_trigger(app)
    @app.queue_output(arg_name="messages", queue_name="q", connection="C")
    @app.event_hub_output(arg_name="events", event_hub_name="out", connection="C")
    def tell(
        documents: func.DocumentList,
        messages: func.Out[List[str]],  # noqa: UP006
        events: func.Out[str],
    ) -> None:
        messages.set([each["id"] for each in documents])
        events.set("one")

    @queue_trigger(app)
    async def take(message: func.QueueMessage) -> None:
        seen.append(message.get_body().decode())

    running = host()
    insert(database, "a", "b")
    await running.settle()
    assert seen == ["a", "b"]
    assert {hub: list(events) for hub, events in running.published.items()} == {"out": ["one"]}
    assert await SqliteQueue(database, "q", clock).waiting() == 0


async def test_nothing_set_is_nothing_sent(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost], database: Database, clock: SetClock
) -> None:
    @feed_trigger(app)
    @app.queue_output(arg_name="messages", queue_name="q", connection="C")
    def tell(documents: func.DocumentList, messages: func.Out[str]) -> None: ...

    insert(database, "a")
    await host().settle()
    assert await SqliteQueue(database, "q", clock).waiting() == 0


async def test_a_message_that_fails_comes_back_later_and_is_poison_in_the_end(
    app: func.FunctionApp,
    host: Callable[[], EmbeddedHost],
    database: Database,
    clock: SetClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []

    @queue_trigger(app)
    def take(message: func.QueueMessage) -> None:
        text = message.get_body().decode()
        seen.append(text)
        if text == "bad":
            raise ValueError(text)

    running, queue = host(), SqliteQueue(database, "q", clock)
    await queue.put([b"bad", b"good"])
    for attempt in range(MAX_DEQUEUE_COUNT + 2):
        clock.set(START + attempt * QUEUE_HIDDEN_S)
        await running.settle()

    assert seen.count("good") == 1
    assert seen.count("bad") == MAX_DEQUEUE_COUNT
    poison = SqliteQueue(database, "q-poison", clock)
    assert (await queue.waiting(), [each.body for each in await poison.take(30, 10)]) == (0, [b"bad"])
    assert "take failed on message" in caplog.text


async def test_a_failed_message_does_not_come_back_before_its_time(
    app: func.FunctionApp,
    host: Callable[[], EmbeddedHost],
    database: Database,
    clock: SetClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries: list[object] = []

    @queue_trigger(app)
    def take(message: func.QueueMessage) -> None:
        tries.append(message)
        raise ValueError

    await SqliteQueue(database, "q", clock).put([b"bad"])
    running = host()
    await running.settle()
    await running.settle()
    assert len(tries) == 1


async def test_a_message_of_a_poison_queue_stays_until_it_can_be_handled(
    app: func.FunctionApp,
    host: Callable[[], EmbeddedHost],
    database: Database,
    clock: SetClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    tries: list[int | None] = []

    @app.queue_trigger(arg_name="message", queue_name="q-poison", connection="C")
    def bury(message: func.QueueMessage) -> None:
        tries.append(message.dequeue_count)
        if len(tries) < MAX_DEQUEUE_COUNT + 2:
            raise TransientFault("throttled")

    poison, running = SqliteQueue(database, "q-poison", clock), host()
    await poison.put([b"bad"])
    for attempt in range(MAX_DEQUEUE_COUNT + 3):
        clock.set(START + attempt * QUEUE_HIDDEN_S)
        await running.settle()

    assert tries == list(range(1, MAX_DEQUEUE_COUNT + 3))
    assert await poison.waiting() == 0


# Timers


@pytest.fixture
def runs(app: func.FunctionApp) -> list[bool]:
    """Whether each run of a timer, due every hour, was late."""
    late: list[bool] = []

    @app.timer_trigger(arg_name="timer", schedule="0 0 * * * *")
    def hourly(timer: func.TimerRequest) -> None:
        late.append(timer.past_due)

    return late


async def test_a_timer_runs_when_it_is_due(host: Callable[[], EmbeddedHost], clock: SetClock, runs: list[bool]) -> None:
    running = host()
    for moment, count in ((0, 0), (3_599, 0), (3_600, 1), (3_601, 1), (7_199, 1), (7_200, 2)):
        clock.set(START + moment)
        await running.run_timers()
        assert len(runs) == count
    assert runs == [False, False]


async def test_a_timer_long_past_due_runs_once(
    host: Callable[[], EmbeddedHost], clock: SetClock, runs: list[bool]
) -> None:
    running = host()
    clock.set(START + 10 * 3_600 + 120)
    await running.run_timers()
    await running.run_timers()
    assert runs == [True]
    clock.set(START + 11 * 3_600)
    await running.run_timers()
    assert runs == [True, False]


async def test_only_the_timers_asked_for_run(
    host: Callable[[], EmbeddedHost], clock: SetClock, runs: list[bool]
) -> None:
    running = host()
    clock.set(START + 3_600)
    await running.run_timers(frozenset({"another"}))
    assert runs == []
    await running.run_timers(frozenset({"hourly"}))
    assert runs == [False]


async def test_a_timer_that_finds_the_store_away_runs_again_at_its_next_time(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost], clock: SetClock
) -> None:
    tries: list[int] = []

    @app.timer_trigger(arg_name="timer", schedule="0 * * * * *")
    def minutely(timer: func.TimerRequest) -> None:
        tries.append(clock.now())
        raise TransientFault("throttled")

    running = host()
    for moment in (60, 61, 120):
        clock.set(START + moment)
        await running.run_timers()
    assert tries == [START + 60, START + 120]


@pytest.fixture
def far_west(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/Los_Angeles")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


async def test_schedules_are_utc_wherever_the_machine_stands(
    far_west: None, app: func.FunctionApp, host: Callable[[], EmbeddedHost], clock: SetClock
) -> None:
    ran: list[int] = []

    @app.timer_trigger(arg_name="timer", schedule="0 0 5 * * *")
    def daily(timer: func.TimerRequest) -> None:
        ran.append(clock.now())

    running = host()
    for hour in range(24):
        clock.set(START + hour * 3_600)
        await running.run_timers()
    assert ran == [START + 5 * 3_600]


# HTTP


async def test_a_request_reaches_its_function_with_a_context(
    app: func.FunctionApp, host: Callable[[], EmbeddedHost]
) -> None:
    @app.route(route="{*path}", auth_level=func.AuthLevel.ANONYMOUS)
    async def http(req: func.HttpRequest, context: func.Context) -> func.HttpResponse:
        return func.HttpResponse(json.dumps([req.method, req.url, context is not None]))

    answer = await host().request(func.HttpRequest("GET", "http://127.0.0.1/api", body=b""))
    assert json.loads(answer.get_body()) == ["GET", "http://127.0.0.1/api", True]
