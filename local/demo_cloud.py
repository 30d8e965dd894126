"""The demo over Azure's services: simulator → Event Hubs → consumer → Cosmos DB → incidents, through the real SDKs.

The simulated utility sends its events to the hub; the consumer takes them from there with everything that the cloud
does. Time is the simulator's: it moves on when the consumer has taken what was sent.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from functions import names
from functions.adapters.clocks import SetClock
from functions.adapters.event_hubs.sender import EventHubSender
from functions.adapters.reports.folder import ReportFolder
from functions.domain.channels import ChannelSettings
from functions.domain.errors import TransientFault
from functions.domain.packs import METER
from functions.settings import Cloud, Settings
from local.cloud import CloudMachine, open_cloud, provision
from local.consume import Consumer
from local.cost import Need
from local.demo import DemoResult, finish
from local.machine import Totals
from local.office import Office
from local.simulation import arrivals
from simulator import SimulatedUtility

POLL_S = 0.005
LONGEST_WAIT_S = 120.0
BASE64 = 4 / 3


@dataclass
class Sent:
    """What went to the hub."""

    events: int = 0
    bytes: int = 0


@dataclass(frozen=True)
class CloudDemoResult:
    """The demo's result, and what it asked of the services."""

    demo: DemoResult
    need: Need
    requests: dict[str, int]
    request_units: dict[str, float]


async def run(utility: SimulatedUtility, cloud: Cloud, out: Path, progress: Callable[[int], None]) -> CloudDemoResult:
    """Drive a simulated utility through the services that `cloud` names; files go to `out`."""
    await provision(cloud)
    clock, totals, sent = SetClock(utility.scenario.start), Totals(), Sent()
    # Nobody is written to.
    settings = msgspec.structs.replace(Settings.of(), output=out, channels=ChannelSettings())
    async with open_cloud(settings, cloud, clock, telemetry_to=totals) as machine:
        office = Office(utility, machine.application)
        await office.open()
        machine.azure.database.usage.take()
        consumer = Consumer(machine.application, machine.azure.database, cloud)
        sender = EventHubSender(cloud.event_hubs, names.READINGS_HUB)
        receiving = asyncio.create_task(consumer.receive())
        started = time.perf_counter()
        try:
            for step, (moment, batches, _) in enumerate(arrivals(utility), 1):
                clock.set(moment)
                await office.tell(moment)
                await asyncio.to_thread(_send, sender, batches.bodies, sent)
                await _until_taken(totals, sent, receiving)
                await machine.application.advancing.advance()
                await consumer.settle()
                progress(step)
        finally:
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
            await consumer.close()
            sender.close()
        elapsed = time.perf_counter() - started
        return await _result(machine, totals, sent, utility, out, elapsed)


def _send(sender: EventHubSender, bodies: dict[str, list[bytes]], sent: Sent) -> None:
    for feeder_id, these in bodies.items():
        sender.send(feeder_id, these)
        sent.events += len(these)
        sent.bytes += sum(map(len, these))


async def _until_taken(totals: Totals, sent: Sent, receiving: asyncio.Task[None]) -> None:
    """Wait until the consumer has committed every event sent so far."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    while totals.report.events < sent.events:
        if receiving.done():
            receiving.result()
        if time.monotonic() > deadline:
            raise TransientFault(
                f"of {sent.events} events sent, {totals.report.events} were received in {LONGEST_WAIT_S:.0f} s; "
                "see whether the hub is reachable and has no other readers"
            )
        await asyncio.sleep(POLL_S)


async def _result(
    machine: CloudMachine, totals: Totals, sent: Sent, utility: SimulatedUtility, out: Path, elapsed: float
) -> CloudDemoResult:
    usage = machine.azure.database.usage
    units, requests = usage.take(), dict(usage.requests)
    demo = await finish(machine.application, totals, utility, out, elapsed)
    await ReportFolder(out).write(demo.report)  # the service keeps it as a blob; here is where people look
    readings = totals.report.tally.received
    need = Need(
        request_units=sum(units.values()) / readings,
        readings_an_event=readings / sent.events,
        bytes_an_event=sent.bytes / sent.events,
        stored_bytes_a_meter=METER.itemsize * BASE64,
    )
    return CloudDemoResult(demo, need, requests, units)
