"""A storm against the clock: the processor time of correlating what it breaks, with everything that is committed."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np

from functions.adapters.clocks import SetClock
from functions.domain.anomalies import Anomaly, Kind, Phase, Signal, anomaly_id
from functions.domain.limits import POWER_OFF_SCORE
from functions.domain.roster_row import RosterRow
from local.incident_evaluation.figures import StormFigures
from local.machine import Machine

SIZES = (6_250, 12_500, 25_000, 50_000)
FEEDERS = 25
DARK_SHARE = 0.8
"""Of a feeder's transformers; the others keep their power, and say so by their silence."""
TRANSFORMER_METERS = 8
LATERAL_TRANSFORMERS = 10
FEED_BATCH = 1_000
"""Records that the change feed hands over at once; in a storm they are of all feeders."""
START = 1_718_582_400
MINUTE_S, INTERVAL_S = 60, 900


async def time_storms(progress: Callable[[int], None], sizes: Sequence[int] = SIZES) -> StormFigures:
    """Correlate storms of growing size, each on a store of its own, everything within one minute."""
    seconds, incidents = [], []
    for number, size in enumerate(sizes, 1):
        with TemporaryDirectory() as folder:
            took, found = await _storm(size, Path(folder))
        seconds.append(round(took, 3))
        incidents.append(found)
        progress(number)
    return StormFigures(anomalies=tuple(sizes), seconds=tuple(seconds), incidents=tuple(incidents))


async def _storm(size: int, out: Path) -> tuple[float, int]:
    machine = Machine.start(":memory:", out, SetClock(START))
    rows = _roster(int(size / FEEDERS / DARK_SHARE))
    await machine.application.feeders.load(rows, START)
    dark = [row for row in rows if _is_dark(row)]
    random = np.random.default_rng(1)
    documents = [msgspec.to_builtins(_gasp(dark[place], random)) for place in random.permutation(len(dark)).tolist()]
    correlation = machine.application.correlation
    started = time.process_time()
    for first in range(0, len(documents), FEED_BATCH):
        machine.clock.set(START + MINUTE_S * first // len(documents))
        await correlation.correlate(documents[first : first + FEED_BATCH])
    for minute in range(1, 8):  # until customers may be told
        machine.clock.set(START + minute * MINUTE_S)
        await correlation.release()
    took = time.process_time() - started
    found = await machine.application.stores.incidents.latest(state=None, feeder_id=None, limit=1_000_000)
    machine.database.close()
    return took, len(found)


def _roster(meters_a_feeder: int) -> list[RosterRow]:
    return [
        RosterRow(
            meter_id=f"M-{feeder:02d}-{meter:05d}",
            feeder_id=f"F-{feeder:02d}",
            customer_id=f"C-{feeder:02d}-{meter:05d}",
            transformer_id=f"T-{feeder:02d}-{meter // TRANSFORMER_METERS:04d}",
            lateral_id=f"L-{feeder:02d}-{meter // TRANSFORMER_METERS // LATERAL_TRANSFORMERS:03d}",
            substation_id=f"S-{feeder // 5}",
            collector_id=f"K-{feeder:02d}",
            nominal_voltage_v=240.0,
            interval_s=INTERVAL_S,
        )
        for feeder in range(FEEDERS)
        for meter in range(meters_a_feeder)
    ]


def _is_dark(row: RosterRow) -> bool:
    """Whole transformers, spread over the feeder."""
    return int(row.transformer_id[-4:]) % 10 < round(10 * DARK_SHARE)


def _gasp(row: RosterRow, random: np.random.Generator) -> Anomaly:
    at = START + int(random.integers(MINUTE_S // 2))
    name = anomaly_id(row.meter_id, Kind.power_off, at // INTERVAL_S)
    return Anomaly(
        id=f"{name}:{Phase.opened}",
        anomaly_id=name,
        phase=Phase.opened,
        meter_id=row.meter_id,
        customer_id=row.customer_id,
        transformer_id=row.transformer_id,
        feeder_id=row.feeder_id,
        kind=Kind.power_off.name,
        start=at // INTERVAL_S * INTERVAL_S,
        end=None,
        score=POWER_OFF_SCORE,
        threshold=0.0,
        why="the meter said it lost power",
        raised_at=at,
        signal=Signal.last_gasp,
        at=at,
    )
