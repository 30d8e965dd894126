"""Scoring: event bodies in, committed state and anomalies out. The first service a reading meets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from functions.domain.errors import TransientFault
from functions.domain.feeder_batch import FeederBatch
from functions.domain.outcomes import BatchReport, Outcome
from functions.domain.readings import decode
from functions.ports import Clock, DeadLetters, LetterSource, Telemetry
from functions.services.feeders import Feeders
from functions.services.states import States


class Event(NamedTuple):
    """One event as the hub delivered it."""

    body: bytes
    source: LetterSource


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

    async def score(self, events: Sequence[Event]) -> BatchReport:
        """Apply the events of one batch; every record ends in exactly one outcome of the report.

        Raises `TransientFault` when a store cannot be reached: then the batch should be delivered again. Any other
        fault is traced to the event that causes it, by halving; that event alone is dead-lettered.
        """
        report = BatchReport(events=len(events))
        await self._score(events, report)
        self._telemetry.batch(report)
        return report

    async def _score(self, events: Sequence[Event], report: BatchReport) -> None:
        now, records = self._clock.now(), 1
        try:
            batches = [decode(event.body, now) for event in events]
            records = sum(batch.records for batch in batches)
            await self._apply(batches, report, now)
        except TransientFault:
            raise
        except Exception as fault:  # noqa: BLE001  # whatever it is, it must not take the other events down
            await self._isolate(events, records, report, fault)
            return
        for event, batch in zip(events, batches, strict=True):
            if batch.refusals:
                await self._letters.keep(event.source, batch.refusals)

    async def _isolate(self, events: Sequence[Event], records: int, report: BatchReport, fault: Exception) -> None:
        if len(events) == 1:
            reason = f"{type(fault).__name__}: {fault}"
            await self._letters.keep_event(events[0].source, reason, events[0].body)
            report.tally.add(Outcome.dead_lettered, records)
            return
        middle = len(events) // 2
        await self._score(events[:middle], report)
        await self._score(events[middle:], report)

    async def _apply(self, batches: list[FeederBatch], report: BatchReport, now: int) -> None:
        by_feeder: dict[str, list[FeederBatch]] = defaultdict(list)
        for batch in batches:
            if batch.meter_id or batch.device_events:
                by_feeder[batch.feeder_id].append(batch)
        known = [await self._feeders.resolve(feeder_id, these, now) for feeder_id, these in by_feeder.items()]
        applied = await self._states.apply(known, now)
        report.tally.merge(applied.tally)
        for batch in batches:
            for refusal in batch.refusals:
                report.tally.add(Outcome[refusal.outcome])
        report.windows += applied.windows
        report.anomalies += applied.anomalies
