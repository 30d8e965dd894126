"""Replay: a history file through the product, as if it came from the hub."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from functions.adapters.clocks import SetClock
from functions.domain.ids import is_id
from functions.domain.roster import RosterRow
from local.chunks import Chunk
from local.grouping import by_group, groups_of
from local.history import History
from local.machine import Batches, Machine
from local.outputs import ScoresFile, alerts_per_1000_meters_day, write_records, write_summary

SPAN_S = 3_600
"""History is delivered an hour at a time, so that silence is noticed when it happened."""
ONLY_ADVANCE = frozenset({"advance"})


async def replay(history: History, out: Path, store: Path | str, progress: Callable[[int], None]) -> dict[str, object]:
    """Run a history and write its results to `out`; returns the summary. `progress` takes the rows done so far."""
    sink = ScoresFile(out / "scores.parquet")
    continues = isinstance(store, Path) and store.exists()
    machine = Machine.start(store, out, SetClock(history.start), sink)
    if not continues:
        (out / "notifications.jsonl").write_bytes(b"")
    await machine.application.feeders.load(_roster(history), history.start)
    longest = max((meter.interval_s for meter in history.meters), default=SPAN_S)
    groups = groups_of(history)
    messages_before = await machine.application.stores.deliveries.counts()
    started, done, with_voltage = time.perf_counter(), 0, 0
    for chunk in history.chunks(max(SPAN_S, longest)):
        # Silence before this hour is noticed before the hour is told.
        machine.clock.set(int(chunk.timestamp[0]))
        await machine.host.run_timers(ONLY_ADVANCE)
        machine.clock.set(int(chunk.timestamp[-1]) + longest)
        await _batches(history, groups, chunk).deliver(machine.host)
        await machine.host.settle()
        done += len(chunk)
        with_voltage += int(np.isfinite(chunk.voltage_v).sum())
        progress(done)
    machine.clock.set(history.end + longest)
    await machine.host.run_timers(ONLY_ADVANCE)
    await machine.host.settle()
    elapsed = time.perf_counter() - started
    sink.close()
    summary = await _finish(machine, history, out, elapsed)
    sent = await machine.application.stores.deliveries.counts()
    summary["messages"] = {state: count - messages_before.get(state, 0) for state, count in sent.items()}
    summary["with_voltage"] = with_voltage
    write_summary(out / "summary.json", summary)
    machine.database.close()
    return summary


def _roster(history: History) -> list[RosterRow]:
    """The meters of a history; readings of one whose id no store takes are quarantined, as they would be live."""
    return [
        RosterRow(
            meter_id=meter.meter_id,
            feeder_id=meter.feeder_id,
            customer_id=meter.customer_id if is_id(meter.customer_id) else "",
            transformer_id=meter.transformer_id if is_id(meter.transformer_id) else "",
            nominal_voltage_v=meter.nominal_voltage_v,
            interval_s=meter.interval_s,
            customer_type=meter.customer_type,
        )
        for meter in history.meters
        if is_id(meter.meter_id)
    ]


def _batches(history: History, groups: NDArray[np.int64], chunk: Chunk) -> Batches:
    batches = Batches()
    for first, rows in by_group(history, groups, chunk):
        ids = [history.meters[number].meter_id for number in chunk.meter[rows].tolist()]
        columns = (ids, chunk.timestamp[rows], chunk.voltage_v[rows], chunk.energy_kwh[rows])
        batches.add_readings(first.feeder_id, first.interval_s, *columns)
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
