"""What a batch's report says beside its outcomes: lag, missing events, time by stage."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.errors import TransientFault
from functions.domain.outcomes import BatchReport
from functions.ports import LetterSource
from functions.services.scoring import Event

Body = Callable[..., bytes]


def at(body: bytes, number: int, enqueued_at: int | None = None, partition: str = "0") -> Event:
    return Event(body, LetterSource(partition, number), enqueued_at)


async def test_lag_is_how_long_the_newest_event_has_waited(
    application: Application, clock: SetClock, body: Body
) -> None:
    now = clock.now()
    events = [at(body(240.0), 1, now - 90), at(body(240.0), 2, now - 7), at(body(240.0), 3)]
    assert (await application.scoring.score(events)).lag_s == 7


async def test_lag_is_never_negative_when_the_clocks_differ(
    application: Application, clock: SetClock, body: Body
) -> None:
    assert (await application.scoring.score([at(body(240.0), 1, clock.now() + 3)])).lag_s == 0


async def test_lag_is_unknown_when_the_hub_did_not_say(application: Application, body: Body) -> None:
    assert (await application.scoring.score([at(body(240.0), 1)])).lag_s is None


async def test_skipped_sequence_numbers_are_counted_by_partition(application: Application, body: Body) -> None:
    score = application.scoring.score
    first = await score([at(body(240.0), 10), at(body(240.0), 12)])
    assert (first.missing_events, first.sequence_numbers) == (1, {"0": [10, 12]})
    assert (await score([at(body(240.0), 500, partition="1")])).missing_events == 0
    assert (await score([at(body(240.0), 15)])).missing_events == 2


async def test_a_batch_delivered_again_tells_its_gap_once(
    application: Application, body: Body, reports: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(packs: object) -> list[str | None]:
        raise TransientFault("throttled")

    score = application.scoring.score
    await score([at(body(240.0), 10)])
    gap = [at(body(239.0, slot=1), 14)]
    with monkeypatch.context() as patch:
        patch.setattr(application.stores.packs, "write", away)
        for _ in range(2):
            with pytest.raises(TransientFault):
                await score(gap)
    await score(gap)
    await score(gap)

    assert [report.missing_events for report in reports.batches] == [0, 3, 0]


async def test_a_batch_that_is_halved_counts_its_gap_once(
    application: Application, body: Body, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = application.states.apply

    async def fragile(feeders: Any, now: int) -> Any:
        if any(each.roster.feeder_id == "G" for each in feeders):
            raise RuntimeError("a fault of one feeder")
        return await states(feeders, now)

    monkeypatch.setattr(application.states, "apply", fragile)
    events = [at(body(240.0), 1), at(body(240.0, feeder="G"), 2), at(body(240.0), 4), at(body(240.0, slot=1), 5)]
    report = await application.scoring.score(events)

    assert report.tally.as_dict()["dead_lettered"] == 3
    assert report.missing_events == 1


async def test_time_is_told_by_stage(application: Application, body: Body, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = application.feeders.resolve

    async def slow(*args: Any) -> Any:
        await asyncio.sleep(0.03)
        return await resolve(*args)

    monkeypatch.setattr(application.feeders, "resolve", slow)
    report: BatchReport = await application.scoring.score([at(body(240.0), 1)])

    assert set(report.stage_ms) == {"decode", "roster", "apply", "letters"}
    assert report.stage_ms["roster"] >= 29
    assert all(ms >= 0 for ms in report.stage_ms.values())
