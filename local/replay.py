"""Replay: a history file through the product, as if it came from the hub, with what the utility knew at the time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from functions.adapters.clocks import SetClock
from functions.domain.roster_row import RosterRow
from local.chunks import Chunk
from local.grouping import by_group, groups_of
from local.history import History
from local.intervals import WIRE_INTERVAL_S
from local.machine import Batches, Machine
from local.outputs import ScoresFile, alerts_per_1000_meters_day, write_records, write_summary
from local.surroundings import ContextFiles, Surroundings

SPAN_S = 3_600
"""A history alone is delivered an hour at a time, so that silence is noticed when it happened."""
STEP_S = 60
"""Device events and what is due by the clock are handled a minute at a time, as they are live."""
ONLY_ADVANCE = frozenset({"advance"})


@dataclass
class _Player:
    """Plays a history against the clock."""

    machine: Machine
    surroundings: Surroundings

    async def pass_time(self, until: int) -> None:
        """Let the time before `until` pass: device events as they came, and whatever is due by the clock."""
        moment = self.machine.clock.now()
        while moment < until:
            news = until if self.surroundings.next_at is None else self.surroundings.next_at
            following = -(-min(await self._due(moment, until), news) // STEP_S) * STEP_S
            moment = min(max(moment + 1, following), until)
            await self._at(moment)
            await self.surroundings.said_until(moment).deliver(self.machine.host)
            await self.machine.application.correlation.release()
            await self.machine.host.settle()

    async def _due(self, now: int, until: int) -> int:
        """A moment within a minute after a board is next due to be looked at; `until` when none is before."""
        incidents = self.machine.application.stores.incidents
        while until - now > STEP_S and await incidents.due_boards(until, 1):
            middle = (now + until) // 2
            now, until = (now, middle) if await incidents.due_boards(middle, 1) else (middle, until)
        return until

    async def advance(self) -> None:
        """Run the timer that notices silence and what has become due."""
        await self.machine.host.run_timers(ONLY_ADVANCE)
        await self.machine.host.settle()

    async def _at(self, moment: int) -> None:
        self.machine.clock.set(moment)
        await self.surroundings.tell(self.machine.application, moment)


async def replay(
    history: History,
    out: Path,
    store: Path | str,
    progress: Callable[[int], None],
    surroundings: Surroundings | None = None,
) -> dict[str, object]:
    """Run a history and write its results to `out`; returns the summary. `progress` takes the rows done so far.

    `surroundings` is what else was known at the time; without it, the clock is looked at every hour only.
    """
    span = SPAN_S if surroundings is None else 1
    surroundings = surroundings or await Surroundings.read(ContextFiles(), history.meters)
    sink = ScoresFile(out / "scores.parquet")
    continues = isinstance(store, Path) and store.exists()
    machine = Machine.start(store, out, SetClock(history.start), sink)
    if not continues:
        (out / "notifications.jsonl").write_bytes(b"")
    await machine.application.feeders.load(surroundings.roster, history.start)
    longest = max((meter.interval_s for meter in history.meters), default=SPAN_S)
    groups = groups_of(surroundings.meters)
    player = _Player(machine, surroundings)
    messages_before = await machine.application.stores.deliveries.counts()
    started, done, with_voltage = time.perf_counter(), 0, 0
    for chunk in history.chunks(max(span, longest)):
        # Silence before this span is noticed before the span is told.
        await player.pass_time(int(chunk.timestamp[0]))
        await player.advance()
        await player.pass_time(int(chunk.timestamp[-1]) + longest)
        await _batches(surroundings.meters, groups, chunk).deliver(machine.host)
        await machine.host.settle()
        done += len(chunk)
        with_voltage += int(np.isfinite(chunk.voltage_v).sum())
        progress(done)
    await player.pass_time(history.end + longest)
    await player.advance()
    elapsed = time.perf_counter() - started
    sink.close()
    summary = await _finish(machine, history, out, elapsed)
    sent = await machine.application.stores.deliveries.counts()
    summary["messages"] = {state: count - messages_before.get(state, 0) for state, count in sent.items()}
    summary["with_voltage"] = with_voltage
    summary["device_events_of_unknown_meters"] = surroundings.unknown_events
    write_summary(out / "summary.json", summary)
    machine.database.close()
    return summary


def _batches(meters: Sequence[RosterRow], groups: NDArray[np.int64], chunk: Chunk) -> Batches:
    batches = Batches()
    for rows in by_group(groups, chunk):
        first = meters[int(chunk.meter[rows[0]])]
        ids = [meters[number].meter_id for number in chunk.meter[rows].tolist()]
        columns = (ids, chunk.timestamp[rows], chunk.voltage_v[rows], chunk.energy_kwh[rows])
        batches.add_readings(first.feeder_id, first.interval_s or WIRE_INTERVAL_S, *columns)
    return batches


async def _finish(machine: Machine, history: History, out: Path, elapsed: float) -> dict[str, object]:
    await machine.application.inspection.publish(history.start, history.end + 1)
    anomalies, incidents = await write_records(machine.application.stores, out, history.end)
    report = machine.totals.report
    kinds: dict[str, int] = {}
    for anomaly in anomalies:
        kinds[anomaly.kind] = kinds.get(anomaly.kind, 0) + 1
    return {
        "meters": len(history.meters),
        "absent": history.absent,
        "unusable": history.unusable,
        "received": report.tally.received,
        "outcomes": report.tally.as_dict(),
        "reasons": dict(report.reasons),
        "windows": report.windows,
        "anomalies": kinds,
        "incidents": incidents,
        "readings_per_s": round(report.tally.received / max(elapsed, 1e-9)),
        "alerts_per_1000_meters_day": alerts_per_1000_meters_day(
            len(anomalies), len(history.meters), history.end - history.start + 1
        ),
    }
