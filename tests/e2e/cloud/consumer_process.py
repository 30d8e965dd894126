"""A consumer as a process of its own: `python -m e2e.cloud.consumer_process`, one life for each order on its input.

The process itself only loads the product; a life is a fork of it that consumes until it is killed or told to stop, so
that two hundred lives do not spend their time importing. It answers an order with the life's process id, and with how
the life ended when it has.
"""

from __future__ import annotations

import asyncio
import logging
import os
import select
import signal
import sys
import time
from collections.abc import Sequence
from contextvars import ContextVar
from pathlib import Path

import msgspec
import numpy as np
from e2e.cloud.fault_points import arm
from e2e.cloud.order import Order, named_for
from functional.promise_house import NOW, PRIOR, score

from functions.adapters.azure_stores import AzureStores
from functions.adapters.cosmos import database, leases
from functions.adapters.event_hubs import consumer
from functions.adapters.event_hubs.consumer import HubEvent, Sharing
from functions.adapters.json_lines import JsonLinesNotifier
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.telemetry import LogTelemetry
from functions.application import Application
from functions.domain.features import FEATURES
from functions.domain.incidents import Incident
from functions.domain.message_report import MessageReport
from functions.domain.outcomes import BatchReport
from functions.domain.readings import decode
from functions.services import delivery, releasing, standing
from functions.settings import Settings
from local import consume
from local.consume import Consumer

POLL_S = 0.02
SHARING = Sharing(0.5, 2)
POISON_KWH = 1111.0
GRACE_S = 30 * 86_400
"""Stories are told of days long past: nobody is silent."""


class ShiftedClock:
    """Real time, on another day."""

    def __init__(self, began: float) -> None:
        self._shift = NOW - began

    def now(self) -> int:
        """Seconds since the epoch."""
        return int(time.time() + self._shift)

    def move(self, seconds: int) -> None:
        """Show another time from now on."""
        self._shift += seconds


class BatchLine(msgspec.Struct, frozen=True):
    """What one batch was, as its process counted it."""

    owner: str
    partition: str
    first: int
    last: int
    records: int
    """In the bodies, before anything was done with them."""
    tally: dict[str, int]
    missing_events: int


class Watched(Consumer):
    """A consumer whose batches can be counted."""

    batch: ContextVar[tuple[str, int, int, int]] = ContextVar("batch")

    async def score(self, partition: str, events: Sequence[HubEvent]) -> None:
        """Apply one batch, having looked at it."""
        now = self._application.clock.now()
        records = sum(decode(each.body, now).records for each in events)
        self.batch.set((partition, events[0].sequence_number, events[-1].sequence_number, records))
        await super().score(partition, events)


class BatchLines:
    """A `Telemetry` that writes a line a batch into a file, beside the product's own into the log."""

    def __init__(self, path: Path, owner: str) -> None:
        self._path = path
        self._owner = owner
        self._log = LogTelemetry()

    def batch(self, report: BatchReport) -> None:
        """Write both lines."""
        self._log.batch(report)
        line = BatchLine(self._owner, *Watched.batch.get(), report.tally.as_dict(), report.missing_events)
        with self._path.open("ab") as file:
            file.write(msgspec.json.encode(line) + b"\n")

    def messages(self, report: MessageReport) -> None:
        """Write the product's own line."""
        self._log.messages(report)

    def incidents(self, revisions: Sequence[Incident]) -> None:
        """Write the product's own line."""
        self._log.incidents(revisions)

    def dead_letter(self, source: str) -> None:
        """Write the product's own line."""
        self._log.dead_letter(source)


def poisoned(features: np.ndarray, usual_mean: np.ndarray, usual_sd: np.ndarray) -> object:
    """The exact scorer, but for one value."""
    if (features[:, FEATURES.index("energy_log")] > np.log1p(np.float32(POISON_KWH - 1))).any():
        raise ZeroDivisionError("the model cannot do this")
    return score(features, usual_mean, usual_sd)


async def run(order: Order) -> None:
    """Consume until SIGTERM."""
    output, clock = Path(order.output), ShiftedClock(order.began)
    azure = AzureStores.over(order.cloud.cosmos, order.cloud.blobs, order.world)
    application = Application.build(
        Settings(
            output=output, store="cosmos", no_reads_grace_s=GRACE_S, messages_per_minute=0, sender_messages_per_s=0
        ),
        azure.stores,
        score=poisoned if order.poison else score,
        prior=PRIOR,
        notifiers={"console": JsonLinesNotifier(output / "notifications.jsonl")},
        plans=PhoneNumbers(),
        telemetry=BatchLines(output / "batches.jsonl", order.owner),
        clock=clock,
    )
    watched = Watched(application, azure.database, order.cloud, owner=order.owner, sharing=SHARING)
    work = asyncio.create_task(watched.run(timers=order.timers))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, work.cancel)
    try:
        await work
    except asyncio.CancelledError:
        logging.getLogger("metersentry").info("stopped")
    finally:
        await azure.close()


def live(order: Order) -> None:
    """One life: the product with its waits cut short."""
    logging.basicConfig(
        filename=Path(order.output) / f"{order.owner}.log", format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    logging.getLogger("metersentry").setLevel(logging.INFO)
    consume.IDLE_S, consume.LONGEST_WAIT_S = 0.1, 2.0
    consumer.FIRST_WAIT_S, consumer.LONGEST_WAIT_S = 0.2, 2.0
    database.TIMEOUT_S, database.THROTTLE_WAIT_S = 5, 1
    leases.LEASE_S, leases.RENEW_S = 4, 1
    # A message is never in two hands of one process; beside others, time must pass before its sender counts as dead.
    consume.HIDDEN_S, delivery.SENDING_S = (1, 1) if order.alone else (3, 6)
    consume.ADVANCE_S, releasing.SURE_AFTER_S, standing.WAIT_S = 1, delivery.SENDING_S, 1
    if order.die_at is not None:
        arm(order.die_at)
    with named_for(order.world):
        asyncio.run(run(order))


def _fork(order: Order) -> int:
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDWR), 0)
        os.dup2(2, 1)
        live(order)
        code = 0
    except BaseException:
        logging.getLogger("metersentry").exception("this life ended by a fault")
    os._exit(code)


def _say(number: int) -> None:
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def main() -> None:
    """Serve orders until the input ends, which ends the life that is lived too."""
    while line := os.read(0, 1 << 16):
        pid = _fork(msgspec.json.decode(line, type=Order))
        _say(pid)
        status = None
        while status is None:
            ended, code = os.waitpid(pid, os.WNOHANG)
            if ended:
                status = os.waitstatus_to_exitcode(code)
            elif select.select([0], [], [], POLL_S)[0]:  # there is no next order yet: the input has ended
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                return
        _say(status)


if __name__ == "__main__":
    main()
