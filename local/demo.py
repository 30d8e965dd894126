"""The demo: a simulated utility through the whole product, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.messages import Letterhead
from functions.domain.risk import InspectionReport
from local.machine import Machine, Totals
from local.office import Office
from local.outputs import ScoresFile, alerts_per_1000_meters_day, iso, write_lines, write_records, write_summary
from local.scorecard import Scorecard, score
from local.simulation import STEPS_A_SLOT, arrivals
from local.told import Told, told
from simulator import Scenario, SimulatedUtility, TruthEvent, simulate

STORE = "demo.db"


@dataclass(frozen=True)
class DemoResult:
    """Everything the summary shows."""

    utility: SimulatedUtility
    summary: dict[str, object]
    scorecard: Scorecard
    report: InspectionReport
    told: Told


def prepare(scenario: Scenario, out: Path) -> SimulatedUtility:
    """Simulate the utility and clear what an earlier demo left in `out`."""
    for name in (STORE, f"{STORE}-wal", f"{STORE}-shm", "notifications.jsonl"):
        (out / name).unlink(missing_ok=True)
    return simulate(scenario)


def steps(scenario: Scenario) -> int:
    """How many steps `run` reports progress for."""
    return scenario.slot_count * STEPS_A_SLOT


async def run(utility: SimulatedUtility, out: Path, progress: Callable[[int], None]) -> DemoResult:
    """Drive a simulated utility through the blueprints on SQLite; files go to `out`."""
    scenario = utility.scenario
    sink = ScoresFile(out / "scores.parquet")
    machine = Machine.start(out / STORE, out, SetClock(scenario.start), sink)
    office = Office(utility, machine.application)
    await office.open()
    started = time.perf_counter()
    for step, (moment, batches, _) in enumerate(arrivals(utility), 1):
        machine.clock.set(moment)
        await office.tell(moment)
        await batches.deliver(machine.host)
        await machine.host.run_timers()
        await machine.host.settle()
        progress(step)
    elapsed = time.perf_counter() - started
    sink.close()
    result = await finish(machine.application, machine.totals, utility, out, elapsed)
    machine.database.close()
    return result


def _truth_line(utility: SimulatedUtility, truth: TruthEvent) -> dict[str, object]:
    return {
        "id": truth.truth_id,
        "kind": truth.kind,
        "cause": truth.cause,
        "start": iso(truth.start),
        "end": iso(truth.end),
        "work_order_id": truth.work_order_id,
        "meter_ids": utility.topology.meter_id[truth.meters].tolist(),
    }


async def finish(
    application: Application, watched: Totals, utility: SimulatedUtility, out: Path, elapsed: float
) -> DemoResult:
    """Write the files of a run into `out` and set what was found against the truth; `elapsed` is in seconds."""
    scenario, stores, totals = utility.scenario, application.stores, watched.report
    report = await application.inspection.publish(scenario.start, scenario.end)
    anomalies, incidents = await write_records(stores, out, scenario.end)
    ledger = await stores.incidents.suppressions(None, 1_000_000)
    settings = application.settings
    messages = await told(stores, Letterhead(settings.utility_name, settings.utility_time_zone), watched.told)
    explained = {line.anomaly_id: line.source_id for line in ledger if line.released_at is None}
    card = score(utility, anomalies, explained)
    summary: dict[str, object] = {
        "simulated": True,
        "meters": scenario.meters,
        "days": scenario.days,
        "seed": scenario.seed,
        "period_start": iso(scenario.start),
        "period_end": iso(scenario.end),
        "received": totals.tally.received,
        "outcomes": totals.tally.as_dict(),
        "windows": totals.windows,
        "truths": card.truths,
        "detected": card.detected,
        "missed": card.truths - card.detected,
        "by_kind": {line.kind: {"truths": line.truths, "detected": line.detected} for line in card.lines},
        "alarms": card.alarms,
        "false_alarms": card.false_alarms,
        "false_alarms_per_1000_meters_day": alerts_per_1000_meters_day(
            card.false_alarms, scenario.meters, scenario.end - scenario.start
        ),
        "suppressed": card.suppressed,
        "suppressed_wrongly": card.suppressed_wrongly,
        "incidents": incidents,
        "messages": dict(await stores.deliveries.counts()),
        **messages.summary(),
        "inspection_top": [line.meter_id for line in report.ranked[:10]],
        "readings_per_s": round(totals.tally.received / max(elapsed, 1e-9)),
        "alerts_per_1000_meters_day": alerts_per_1000_meters_day(
            len(anomalies), scenario.meters, scenario.end - scenario.start
        ),
    }
    write_summary(out / "summary.json", summary)
    write_lines(out / "truth.jsonl", [_truth_line(utility, truth) for truth in utility.truth])
    return DemoResult(utility, summary, card, report, messages)
