"""What a run leaves in its folder: scores, anomalies, incidents, messages and a summary."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from functions.domain.anomalies import KINDS, Anomaly, merge_phases
from functions.domain.incidents import OVER, Incident
from functions.ports import ScoreBatch, Stores

ROWS_A_GROUP = 250_000

_SCHEMA = pa.schema(
    [
        ("meter_id", pa.dictionary(pa.int32(), pa.string())),
        ("timestamp", pa.timestamp("s", tz="UTC")),
        ("score", pa.float32()),
        ("threshold", pa.float32()),
        ("is_anomaly", pa.bool_()),
        ("kind", pa.dictionary(pa.int32(), pa.string())),
    ]
)


class ScoresFile:
    """A `ScoreSink` that writes `scores.parquet`, a row group at a time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._writer: pq.ParquetWriter | None = None
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def take(self, scores: ScoreBatch) -> None:
        """Take one batch."""
        columns = (scores.meter_id, scores.timestamp, scores.score, scores.threshold, scores.is_anomaly, scores.kind)
        arrays = [
            pa.array(values, pa.string()).dictionary_encode()
            if pa.types.is_dictionary(field.type)
            else pa.array(values, field.type)
            for values, field in zip(columns, _SCHEMA, strict=True)
        ]
        self._waiting.append(pa.RecordBatch.from_arrays(arrays, schema=_SCHEMA))
        self._rows += len(scores.meter_id)
        if self._rows >= ROWS_A_GROUP:
            self._flush()

    def _flush(self) -> None:
        if self._writer is None:  # at the first rows: a run that cannot start leaves the last one's file alone
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = pq.ParquetWriter(self._path, _SCHEMA, compression="zstd")
        if self._waiting:
            table = pa.Table.from_batches(self._waiting).unify_dictionaries()
            self._writer.write_table(table, row_group_size=ROWS_A_GROUP)
        self._waiting, self._rows = [], 0

    def close(self) -> None:
        """Write what waits and finish the file."""
        self._flush()
        assert self._writer is not None
        self._writer.close()


def iso(moment: int | None) -> str | None:
    """Seconds since the epoch as ISO 8601 UTC."""
    return None if moment is None else datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def write_records(stores: Stores, out: Path, end: int) -> tuple[list[Anomaly], int]:
    """Write `anomalies`, `incidents` and `suppressions.jsonl`; returns the anomalies and the number of incidents."""
    anomalies = merge_phases(await stores.anomalies.between(0, end + 1, KINDS))
    write_lines(
        out / "anomalies.jsonl",
        [
            {
                "id": each.anomaly_id,
                "meter_id": each.meter_id,
                "feeder_id": each.feeder_id,
                "transformer_id": each.transformer_id,
                "kind": each.kind,
                "start": iso(each.start),
                "end": iso(each.end),
                "score": each.score,
                "threshold": each.threshold,
                "why": each.why,
            }
            for each in anomalies
        ],
    )
    incidents = await stores.incidents.latest(state=None, feeder_id=None, limit=1_000_000)
    incidents = sorted(incidents, key=lambda each: (each.started_at, each.incident_id))
    write_lines(out / "incidents.jsonl", [await _incident_line(stores, each) for each in incidents])
    ledger = await stores.incidents.suppressions(None, 1_000_000)
    write_lines(
        out / "suppressions.jsonl",
        [
            {
                "anomaly_id": each.anomaly_id,
                "meter_id": each.meter_id,
                "reason": each.reason,
                "source_id": each.source_id,
                "from": iso(each.start),
                "until": iso(each.until),
                "released_at": iso(each.released_at),
            }
            for each in sorted(ledger, key=lambda each: (each.start, each.anomaly_id))
        ],
    )
    return anomalies, len(incidents)


async def _incident_line(stores: Stores, incident: Incident) -> dict[str, object]:
    """An incident as its newest revision has it; of one that is over, `customers_out` is how many it took out."""
    chunks = await stores.incidents.chunks(incident.feeder_id, incident.chunks)
    over = incident.state in OVER
    return {
        "id": incident.incident_id,
        "kind": incident.kind,
        "state": incident.state,
        "device_kind": incident.device_kind,
        "device_id": incident.device_id,
        "feeder_id": incident.feeder_id,
        "started_at": iso(incident.started_at),
        "confirmed_at": iso(incident.confirmed_at),
        "restored_at": iso(incident.restored_at),
        "momentary": incident.momentary,
        "severity": incident.severity,
        "cause": incident.cause,
        "customers_out": incident.customers_affected if over else incident.customers_out,
        "meters_affected": incident.meters_affected,
        "customers_affected": incident.customers_affected,
        "restoration_estimate": iso(incident.restoration_estimate),
        "nested_in": incident.nested_in or None,
        "parent_id": incident.parent_id or None,
        "anomaly_ids": sorted({member.anomaly_id for chunk in chunks for member in chunk.members}),
        "revision": incident.revision,
    }


def write_lines(path: Path, lines: list[dict[str, object]]) -> None:
    """Write JSON lines."""
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def alerts_per_1000_meters_day(anomalies: int, meters: int, seconds: int) -> float:
    """Anomalies opened per 1,000 meters and day."""
    return round(anomalies / max(meters, 1) * 1000 / max(seconds / 86_400, 1e-9), 3)


def write_summary(path: Path, summary: dict[str, object]) -> None:
    """Write `summary.json`, readable by people too."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(summary), indent=2) + b"\n")
