"""Benchmark over sockets: producer, broker, consumer and Cosmos DB server are a process each.

What counts is the processor time of the consumer a reading, SDKs included: the servers are not ours to be fast.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import platform
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing.queues import Queue
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import track
from rich.table import Table

from functions import names
from functions.adapters.clocks import SetClock
from functions.adapters.event_hubs.consumer import Handle, HubConsumer, HubEvent
from functions.adapters.event_hubs.sender import EventHubSender
from functions.domain.channels import ChannelSettings
from functions.domain.packing import pack_columns
from functions.domain.readings import decode
from functions.domain.roster_row import RosterRow
from functions.ports import Link
from functions.settings import Cloud, Settings
from local.cloud import CloudMachine, open_cloud, provision
from local.consume import Consumer
from local.machine import Totals

INTERVAL_S = 900
START = 1_718_582_400
EVENT_READINGS = 500
WARM_SLOTS = 6


@dataclass(frozen=True)
class Size:
    """How much is sent."""

    meters: int
    slots: int
    """Sent one after the other, each when the last is committed; then as many again at once."""
    single_events: int

    @property
    def steady(self) -> range:
        """Slots that are sent one by one."""
        return range(WARM_SLOTS, WARM_SLOTS + self.slots)

    @property
    def backlog(self) -> range:
        """Slots that are sent at once."""
        return range(WARM_SLOTS + self.slots, WARM_SLOTS + 2 * self.slots)


FULL, QUICK = Size(10_000, 12, 20_000), Size(1_000, 4, 1_000)


def run(cloud: Cloud, out: Path, *, quick: bool = False) -> dict[str, object]:
    """Measure, print the table and write the figures to `out`."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    figures = asyncio.run(_measure(cloud, QUICK if quick else FULL))
    figures["date"] = datetime.now(UTC).strftime("%Y-%m-%d")
    figures["machine"] = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    _show(figures)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_bytes(msgspec.json.format(msgspec.json.encode(figures), indent=2) + b"\n")
    return figures


async def _measure(cloud: Cloud, size: Size) -> dict[str, object]:
    await provision(cloud)
    clock, totals = SetClock(START + 100 * INTERVAL_S), Totals()
    with tempfile.TemporaryDirectory() as folder:
        # Nobody is written to.
        settings = msgspec.structs.replace(Settings.of(), output=Path(folder), channels=ChannelSettings())
        async with open_cloud(settings, cloud, clock, telemetry_to=totals) as machine:
            rows = [
                RosterRow(meter_id=meter, feeder_id=_feeder(number), nominal_voltage_v=240.0, interval_s=INTERVAL_S)
                for number, meter in enumerate(_meters(size))
            ]
            await machine.application.feeders.load(rows, START)
            consumer = Consumer(machine.application, machine.azure.database, cloud)
            receiving = asyncio.create_task(consumer.receive())
            try:
                with Producer(cloud.event_hubs, size) as producer:
                    for slot in range(WARM_SLOTS):
                        await _commit(producer, range(slot, slot + 1), totals)
                    steady = await _spent(producer, [range(at, at + 1) for at in size.steady], machine, totals)
                    catching_up = await _spent(producer, [size.backlog], machine, totals)
            finally:
                receiving.cancel()
                await asyncio.gather(receiving, return_exceptions=True)
                await consumer.close()
    events = totals.report.events
    receive = await _receive(cloud, "receiving alone", events, _nothing)
    await asyncio.to_thread(_in_a_process, _produce_singles, cloud.event_hubs, size)
    alone = await _receive(cloud, "one-reading events, received", size.single_events, _nothing, skip=events)
    decoded = await _receive(cloud, "one-reading events, decoded", size.single_events, _decoding, skip=events)
    return {
        "consumer_cpu_us_per_reading": round(steady.cpu_us, 2),
        "consumer_cpu_us_per_reading_catching_up": round(catching_up.cpu_us, 2),
        "event_hubs_sdk_us_per_reading": round(receive / EVENT_READINGS * 1e6, 2),
        "readings_per_s_of_wall_time": round(steady.readings_s),
        "request_units_per_reading": round(steady.request_units, 3),
        "request_units_per_reading_catching_up": round(catching_up.request_units, 3),
        "one_reading_event_received_us": round(alone * 1e6, 1),
        "one_reading_event_decoded_us": round(decoded * 1e6, 1),
        "one_reading_ratio": round(decoded / alone, 2),
    }


class Producer:
    """A process that packs and sends slots when it is told to."""

    def __init__(self, link: Link, size: Size) -> None:
        context = multiprocessing.get_context("spawn")
        self.size = size
        self._orders = context.Queue()
        self._process = context.Process(target=_produce, args=(link, size, self._orders))

    def __enter__(self) -> Producer:
        self._process.start()
        return self

    def __exit__(self, *fault: object) -> None:
        self._orders.put(None)
        self._process.join()

    def send(self, slots: range) -> int:
        """Order slots to be sent; returns how many events they are."""
        self._orders.put(slots)
        return len(slots) * -(-self.size.meters // EVENT_READINGS)


class Spent(NamedTuple):
    """What a reading took."""

    cpu_us: float
    request_units: float
    readings_s: float
    """Readings a second of wall time."""


async def _spent(producer: Producer, parts: Sequence[range], machine: CloudMachine, totals: Totals) -> Spent:
    usage, before = machine.azure.database.usage, totals.report.tally.received
    usage.take()
    began, cpu = time.perf_counter(), time.process_time()
    for slots in track(parts, description="packed events", console=Console(stderr=True)):
        await _commit(producer, slots, totals)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - began
    readings = totals.report.tally.received - before
    return Spent(cpu / readings * 1e6, sum(usage.take().values()) / readings, readings / wall)


async def _commit(producer: Producer, slots: range, totals: Totals) -> None:
    """Let the producer send slots, and wait until all of them are committed."""
    target = totals.report.events + producer.send(slots)
    while totals.report.events < target:  # noqa: ASYNC110  # the count is the product's own: it has no event to wait for
        await asyncio.sleep(0.02)


async def _receive(cloud: Cloud, label: str, count: int, work: Handle, *, skip: int = 0) -> float:
    """Processor seconds an event takes to be received and worked on; the first `skip` events are not counted."""
    seen, began = 0, 0.0
    done = asyncio.Event()

    async def handle(partition: str, events: Sequence[HubEvent]) -> None:
        nonlocal seen, began
        if seen >= skip and not began:
            began = time.process_time()
        await work(partition, events)
        seen += len(events)
        if seen >= skip + count:
            done.set()

    group = f"bench-{label.replace(' ', '-').replace(',', '')}"
    consumer = HubConsumer(
        cloud.event_hubs, names.READINGS_HUB, group, blobs=cloud.blobs, container=names.CHECKPOINTS_BLOBS, handle=handle
    )
    Console(stderr=True).print(label)
    receiving = asyncio.create_task(consumer.run())
    await done.wait()
    taken = time.process_time() - began
    receiving.cancel()
    await asyncio.gather(receiving, return_exceptions=True)
    return taken / count


async def _nothing(_: str, events: Sequence[HubEvent]) -> None:
    del events


async def _decoding(_: str, events: Sequence[HubEvent]) -> None:
    for event in events:
        decode(event.body, START + 100 * INTERVAL_S)


def _in_a_process(work: object, *values: object) -> None:
    process = multiprocessing.get_context("spawn").Process(target=work, args=values)  # type: ignore[arg-type]
    process.start()
    process.join()
    if process.exitcode:
        raise RuntimeError(f"the producer ended with {process.exitcode}")


def _meters(size: Size) -> list[str]:
    return [f"M{number:07d}" for number in range(size.meters)]


def _feeder(number: int) -> str:
    return f"F{number // EVENT_READINGS:05d}"


def _produce(link: Link, size: Size, orders: Queue[range | None]) -> None:
    sender = EventHubSender(link, names.READINGS_HUB)
    while (slots := orders.get()) is not None:
        for slot in slots:
            for feeder, bodies in _packed(size, slot):
                sender.send(feeder, bodies)
    sender.close()


def _packed(size: Size, slot: int) -> Iterator[tuple[str, list[bytes]]]:
    meters, rng = _meters(size), np.random.default_rng(slot)
    voltage, energy = rng.normal(240, 1, size.meters), rng.gamma(2, 0.1, size.meters)
    for first in range(0, size.meters, EVENT_READINGS):
        these = slice(first, first + EVENT_READINGS)
        stamps = np.full(len(meters[these]), START + slot * INTERVAL_S)
        feeder = _feeder(first)
        yield feeder, list(pack_columns(feeder, INTERVAL_S, meters[these], stamps, voltage[these], energy[these]))


def _produce_singles(link: Link, size: Size) -> None:
    sender, meters = EventHubSender(link, names.READINGS_HUB), _meters(size)
    for feeder in range(0, size.meters, EVENT_READINGS):
        share = size.single_events // (size.meters // EVENT_READINGS)
        bodies = [
            msgspec.json.encode(
                {
                    "feeder_id": _feeder(feeder),
                    "readings": {
                        "meter_id": meters[feeder + number % EVENT_READINGS],
                        "timestamp": START + 50 * INTERVAL_S,
                        "voltage_v": 240.1,
                        "energy_kwh": 0.25,
                    },
                }
            )
            for number in range(share)
        ]
        sender.send(_feeder(feeder), bodies)
    sender.close()


def _show(figures: dict[str, object]) -> None:
    console = Console()
    table = Table(title="Over sockets, processor time of the consumer", title_justify="left", box=SIMPLE_HEAD)
    table.add_column("what")
    table.add_column("µs", justify="right")
    total, receive = figures["consumer_cpu_us_per_reading"], figures["event_hubs_sdk_us_per_reading"]
    table.add_row("a reading of a packed event, received to committed, SDKs included", f"{total}")
    table.add_row("  of which receiving (Event Hubs SDK)", f"{receive}")
    table.add_row("the same while catching up", f"{figures['consumer_cpu_us_per_reading_catching_up']}")
    table.add_row("a one-reading event, received", f"{figures['one_reading_event_received_us']}")
    table.add_row("a one-reading event, received and decoded", f"{figures['one_reading_event_decoded_us']}")
    console.print(table)
    console.print(
        f"{figures['readings_per_s_of_wall_time']:,} readings/s through all processes on this machine, "
        f"{figures['request_units_per_reading']} RU a reading; {figures['machine']}, {figures['date']}",
        highlight=False,
    )
