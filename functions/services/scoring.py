"""Scoring: event bodies in, committed state and anomalies out. The first service a reading meets."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from functions.domain.feeder_batch import FeederBatch
from functions.domain.outcomes import BatchReport, Outcome
from functions.domain.readings import decode
from functions.domain.sequences import SequenceWatch
from functions.ports import Clock, DeadLetters, LetterSource, Telemetry
from functions.services.feeders import Feeders
from functions.services.isolation import isolate
from functions.services.states import States

MOST_REFUSALS = 500
"""Above this, the event is kept instead of its refusals, which would be larger than any document may be."""


class Event(NamedTuple):
    """One event as the hub delivered it."""

    body: bytes
    source: LetterSource
    enqueued_at: int | None = None
    """When the hub took it, epoch seconds; None when the hub did not say."""


class ScoringService:
    """Decode, look up, apply, commit."""

    def __init__(
        self, feeders: Feeders, states: States, letters: DeadLetters, telemetry: Telemetry, clock: Clock
    ) -> None:
        self._feeders = feeders
        self._states = states
        self._letters = letters
        self._telemetry = telemetry
        self._clock = clock
        self._sequences = SequenceWatch()

    async def score(self, events: Sequence[Event]) -> BatchReport:
        """Apply the events of one batch; every record ends in exactly one outcome of the report.

        Raises `TransientFault` when a store cannot be reached: then the batch should be delivered again. Any other
        fault is traced to the event that causes it, by halving; that event alone is dead-lettered.
        """
        now = self._clock.now()
        report = BatchReport(events=len(events), lag_s=_lag_s(events, now))

        async def handle(some: Sequence[Event]) -> None:
            with _timed(report, "decode"):
                batches = await asyncio.to_thread(lambda: [decode(event.body, now) for event in some])
            await self._apply(batches, report, now)
            with _timed(report, "letters"):
                await self._keep_refused(some, batches)

        async def bury(event: Event, fault: Exception) -> None:
            with _timed(report, "letters"):
                await self._letters.keep_event(event.source, f"{type(fault).__name__}: {fault}", event.body)
            report.tally.add(Outcome.dead_lettered, _records(event, now))

        await isolate(events, handle, bury)
        # Only now: a batch that is to be delivered again is not told of, and its gap must not be forgotten.
        self._follow(events, report)
        self._telemetry.batch(report)
        return report

    def _follow(self, events: Sequence[Event], report: BatchReport) -> None:
        for event in events:
            report.sequence_numbers.setdefault(event.source.partition, []).append(event.source.sequence_number)
        for partition, numbers in report.sequence_numbers.items():
            report.missing_events += self._sequences.missing(partition, numbers)

    async def _keep_refused(self, events: Sequence[Event], batches: Sequence[FeederBatch]) -> None:
        """Keep refused records one by one, and the whole body where it could not be read or most of it is refused."""
        for event, batch in zip(events, batches, strict=True):
            whole = any(refusal.outcome == Outcome.dead_lettered.name for refusal in batch.refusals)
            if whole or len(batch.refusals) > MOST_REFUSALS:
                reasons = ", ".join(sorted({refusal.reason for refusal in batch.refusals}))
                await self._letters.keep_event(event.source, reasons, event.body)
            elif batch.refusals:
                await self._letters.keep(event.source, batch.refusals)

    async def _apply(self, batches: list[FeederBatch], report: BatchReport, now: int) -> None:
        by_feeder: dict[str, list[FeederBatch]] = defaultdict(list)
        for batch in batches:
            if batch.meter_id or batch.device_events:
                by_feeder[batch.feeder_id].append(batch)
        with _timed(report, "roster"):
            known = [await self._feeders.resolve(feeder_id, these, now) for feeder_id, these in by_feeder.items()]
        with _timed(report, "apply"):
            applied = await self._states.apply(known, now)
        report.tally.merge(applied.tally)
        for batch in batches:
            for refusal in batch.refusals:
                report.tally.add(Outcome[refusal.outcome])
                report.reasons[refusal.reason] += 1
        report.windows += applied.windows
        report.anomalies += applied.anomalies


def _records(event: Event, now: int) -> int:
    try:
        return decode(event.body, now).records
    except Exception:  # noqa: BLE001  # a body that decoding fails on is one record nobody can read
        return 1


@contextmanager
def _timed(report: BatchReport, stage: str) -> Iterator[None]:
    """Add the time of a block to a stage; one that raises counts too, for it was spent."""
    started = time.perf_counter()
    try:
        yield
    finally:
        report.stage_ms[stage] += round((time.perf_counter() - started) * 1_000)


def _lag_s(events: Sequence[Event], now: int) -> int | None:
    """How long the newest event has waited; never negative, for the clocks of hub and process differ a little."""
    times = [event.enqueued_at for event in events if event.enqueued_at is not None]
    return max(0, now - max(times)) if times else None
