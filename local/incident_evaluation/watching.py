"""Watching: a simulated month scored once, with every desk hearing of each anomaly when it is raised."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import msgspec

from functions import names
from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.streams import SqliteFeed
from functions.domain.anomalies import KINDS, Anomaly, merge_phases
from local.incident_evaluation.desks import Desk, Knowledge
from local.incident_evaluation.judging import Cause, Judge
from local.machine import Batches, Machine
from local.office import Office
from local.simulation import add_events, add_readings
from simulator import Scenario, SimulatedDeviceEvent, SimulatedUtility, simulate

EVENT_STEP_S = 15
"""Device events are handed on in batches of this long, as a hub does under little load."""
MINUTE_S, HOUR_S = 60, 3_600
FEED_BATCH = 10_000


@dataclass(frozen=True)
class Watched:
    """One seed: what happened, what was raised of it, and what each desk made of that."""

    utility: SimulatedUtility
    anomalies: tuple[Anomaly, ...]
    """One record each, with its end."""
    desks: tuple[Desk, ...]
    readings: int
    buffer_s: int


async def watch(
    scenario: Scenario, ablation: Sequence[Knowledge], out: Path, progress: Callable[[int], None]
) -> Watched:
    """Simulate, score and correlate; `progress` takes the slots done so far."""
    utility = simulate(scenario)
    machine = Machine.start(":memory:", out, SetClock(scenario.start))
    office = Office(utility, machine.application)
    await office.open()
    room = _Room(machine, [Desk(knowledge, utility, machine, out) for knowledge in ablation], utility)
    batched = iter(_batched(utility.device_events))
    due = next(batched, None)
    for tick in range(scenario.slot_count):
        begins = scenario.start + tick * scenario.interval_s
        ends = begins + scenario.interval_s
        while due is not None and due[0] <= ends:
            await room.pass_time(due[0])
            await room.deliver(lambda batches, events=due[1]: add_events(utility, batches, events))
            due = next(batched, None)
        await room.pass_time(ends)
        await office.tell(ends)
        await room.deliver(lambda batches, tick=tick: add_readings(utility, batches, tick))
        progress(tick + 1)
    records = await machine.application.stores.anomalies.between(0, scenario.end + 1, KINDS)
    buffer_s = machine.application.settings.planned_outage_buffer_s
    return Watched(
        utility, tuple(merge_phases(records)), tuple(room.desks), machine.totals.report.tally.received, buffer_s
    )


class _Room:
    """The machine that scores, and the desks around it."""

    def __init__(self, machine: Machine, desks: Sequence[Desk], utility: SimulatedUtility) -> None:
        self.desks = desks
        self._machine = machine
        self._feed = SqliteFeed(machine.database, names.ANOMALIES)
        self._judge = Judge(utility, machine.application.settings.planned_outage_buffer_s)
        self._heard: dict[str, Anomaly] = {}

    async def deliver(self, add: Callable[[Batches], object]) -> None:
        """Deliver what has arrived, and let every desk hear what it shows."""
        batches = Batches()
        add(batches)
        await batches.deliver(self._machine.host)
        await self._spread()

    async def pass_time(self, until: int) -> None:
        """Let the clock run, minute by minute."""
        moment = self._machine.clock.now()
        while moment < until:
            moment = min(moment // MINUTE_S * MINUTE_S + MINUTE_S, until)
            self._machine.clock.set(moment)
            if moment % MINUTE_S:
                continue
            await self._machine.application.advancing.advance()
            await self._spread()
            for desk in self.desks:
                await desk.learn()
                await desk.pass_minute()
                if moment % HOUR_S == 0:
                    await desk.judge(self._was_real)

    async def _spread(self) -> None:
        changes = self._feed.read(FEED_BATCH)
        if changes:
            anomalies = [msgspec.json.decode(change.body, type=Anomaly) for change in changes]
            self._heard |= {each.anomaly_id: each for each in anomalies}
            self._feed.advance(changes[-1].position)
            for desk in self.desks:
                await desk.hear(anomalies)

    def _was_real(self, incident: object, anomaly_ids: Sequence[str]) -> bool:  # noqa: ARG002
        known = [self._heard[each] for each in anomaly_ids if each in self._heard]
        now = self._machine.clock.now()
        # What is open still says nothing of what the future brings to its meter.
        until_now = [each if each.end is not None else msgspec.structs.replace(each, end=now) for each in known]
        return any(self._judge.judge(each, each.raised_at).cause is Cause.real for each in until_now)


def _batched(events: Sequence[SimulatedDeviceEvent]) -> Iterator[tuple[int, list[SimulatedDeviceEvent]]]:
    """Device events by the moment they are handed on."""
    for at, some in groupby(events, lambda event: -(-event.at // EVENT_STEP_S) * EVENT_STEP_S):
        yield at, list(some)
