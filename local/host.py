"""An embedded Functions host: it indexes a function app as Azure's worker does, and drives its triggers.

Payloads go through the library's own converters, so a function sees the objects it sees in Azure. Change feeds and
queues are read from SQLite, timers follow the clock. Faults are handled much as the Azure host handles them: an Event
Hub or change-feed batch is tried again before its place moves on, a failed timer waits for its next time, and a queue
message is poison after five tries. Unlike there, only a store out of reach is tried again, and not for ever: a person
waits.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import defaultdict, deque
from collections.abc import Sequence
from datetime import UTC, datetime
from types import SimpleNamespace

import azure.functions as func
from azure.functions import meta
from croniter import croniter

from functions import names
from functions.adapters.sqlite.database import Database
from functions.adapters.sqlite.streams import SqliteFeed, SqlitePartition, SqliteQueue
from functions.domain.errors import HostError, TransientFault
from functions.ports import Clock
from local.indexing import HostedFunction, index

log = logging.getLogger(__name__)

FEED_BATCH = 1_000
QUEUE_BATCH = 64
QUEUE_HIDDEN_S = 30
MAX_DEQUEUE_COUNT = 1_000
"""As host.json has it: at half a minute a try, eight hours."""
POISON = "-poison"
"""A queue's poison goes to the queue of this ending, which has no poison queue of its own: its messages stay."""
PUBLISHED_KEPT = 10_000
"""Nobody reads the output hubs on one machine, which may run for months."""
RETRIES = 6
"""The policy retries without limit; a person at a terminal is told after half a minute."""


class EmbeddedHost:
    """Drives the triggers of one function app over one SQLite file."""

    def __init__(self, app: func.FunctionApp, database: Database, clock: Clock) -> None:
        self.functions = {function.name: function for function in index(app)}
        self._database = database
        self._clock = clock
        self._next_run = {function.name: self._after(function, clock.now()) for function in self._of("timerTrigger")}
        self.published: defaultdict[str, deque[str]] = defaultdict(lambda: deque(maxlen=PUBLISHED_KEPT))
        """The latest events written to output hubs, by hub."""

    def _of(self, trigger: str) -> list[HostedFunction]:
        return [function for function in self.functions.values() if function.trigger_type == trigger]

    async def deliver(self, partition: str, bodies: Sequence[bytes], hub: str = names.READINGS_HUB) -> None:
        """Hand a batch of event bodies of one partition of a hub to the Event Hub triggers on that hub."""
        counter = partition if hub == names.READINGS_HUB else f"{hub}-{partition}"
        first = SqlitePartition(self._database, counter).take(len(bodies))
        enqueued = datetime.fromtimestamp(self._clock.now(), UTC).isoformat()
        system = [
            {"SequenceNumber": first + nth, "Offset": first + nth, "EnqueuedTimeUtc": enqueued, "PartitionKey": None}
            for nth in range(len(bodies))
        ]
        metadata = {
            "SystemPropertiesArray": meta.Datum(json.dumps(system), "json"),
            "PartitionContext": meta.Datum(json.dumps({"PartitionId": partition}), "json"),
        }
        batch = meta.Datum(SimpleNamespace(bytes=list(bodies)), "collection_bytes")
        for function in self._of("eventHubTrigger"):
            if function.trigger["eventHubName"] != hub:
                continue
            await self._with_retries(function, batch, metadata)

    async def settle(self) -> None:
        """Run change feeds and queues until nothing is left to do."""
        busy = True
        while busy:
            busy = False
            for function in self._of("cosmosDBTrigger"):
                busy |= await self._feed(function)
            for function in self._of("queueTrigger"):
                busy |= await self._take(function)

    async def run_timers(self, only: frozenset[str] | None = None) -> None:
        """Run every timer that is due by the clock, once, however long it has been due.

        One that fails is logged and runs again at its next time, as in Azure.
        """
        now = self._clock.now()
        for function in self._of("timerTrigger"):
            due = self._next_run[function.name]
            if due > now or (only is not None and function.name not in only):
                continue
            late = {"IsPastDue": now - due > 60, "Schedule": {}, "ScheduleStatus": {}}
            self._next_run[function.name] = self._after(function, now)
            try:
                await self._invoke(function, meta.Datum(json.dumps(late), "json"), {})
            except Exception:
                log.exception("%s failed; it runs again at its next time", function.name)

    async def request(self, request: func.HttpRequest) -> func.HttpResponse:
        """Hand a request to the HTTP trigger."""
        (function,) = self._of("httpTrigger")
        return await function.call({function.trigger_name: request, "context": SimpleNamespace()})

    def _after(self, function: HostedFunction, moment: int) -> int:
        return int(croniter(function.trigger["schedule"], moment, second_at_beginning=True).get_next(float))

    async def _feed(self, function: HostedFunction) -> bool:
        feed = SqliteFeed(self._database, function.trigger["containerName"])
        changes = feed.read(FEED_BATCH)
        if not changes:
            return False
        documents = [{**json.loads(change.body), "type": change.type} for change in changes]
        await self._with_retries(function, meta.Datum(json.dumps(documents), "json"), {})
        feed.advance(changes[-1].position)
        return True

    async def _take(self, function: HostedFunction) -> bool:
        queue = self._queue(function.trigger["queueName"])
        messages = await queue.take(QUEUE_HIDDEN_S, QUEUE_BATCH)
        for message in messages:
            metadata = {
                "Id": meta.Datum(message.id, "string"),
                "DequeueCount": meta.Datum(str(message.dequeued), "string"),
            }
            try:
                await self._invoke(function, meta.Datum(message.body.decode(), "string"), metadata)
            except Exception:
                log.exception("%s failed on message %s, try %d", function.name, message.id, message.dequeued)
                if message.dequeued < MAX_DEQUEUE_COUNT or function.trigger["queueName"].endswith(POISON):
                    continue
                await self._queue(f"{function.trigger['queueName']}{POISON}").put([message.body])
            await queue.remove(message)
        return bool(messages)

    def _queue(self, name: str) -> SqliteQueue:
        return SqliteQueue(self._database, name, self._clock)

    async def _with_retries(self, function: HostedFunction, data: meta.Datum, metadata: dict[str, meta.Datum]) -> None:
        for attempt in range(RETRIES):
            try:
                await self._invoke(function, data, metadata)
            except TransientFault as fault:
                if attempt + 1 == RETRIES:
                    raise
                log.warning("%s: %s; trying again", function.name, fault)
                await asyncio.sleep(2**attempt)
            else:
                return

    async def _invoke(self, function: HostedFunction, data: meta.Datum, metadata: dict[str, meta.Datum]) -> None:
        argument = function.decode(data, metadata)
        outputs = {name: _Out() for name in function.outputs}
        if await function.call({function.trigger_name: argument, **outputs}) is not None:
            raise HostError(f"function {function.name} returned a value but has no $return binding; return None")
        for name, out in outputs.items():
            await self._write(function.outputs[name], out.values())

    async def _write(self, binding: dict[str, str], values: list[str]) -> None:
        if not values:
            return
        if binding["type"] == "queue":
            await self._queue(binding["queueName"]).put([value.encode() for value in values])
        else:
            self.published[binding["eventHubName"]].extend(values)


class _Out(func.Out[object]):
    """What a function sets on an output binding."""

    def __init__(self) -> None:
        self._value: object = None

    def set(self, val: object) -> None:
        self._value = val

    def get(self) -> object:
        return self._value

    def values(self) -> list[str]:
        """The messages set, as a list."""
        if self._value is None:
            return []
        return list(self._value) if isinstance(self._value, list) else [str(self._value)]
