"""Soak: readings without a pause through two consumers, something going wrong every few seconds, and no difference.

`PYTHONPATH=tests:. python -m e2e.cloud.soak --minutes 10` ends with 1 when the end differs from the oracle's, or when
the memory of the consumer that nobody kills has grown.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from e2e.cloud.endpoints import COSMOS, EVENT_HUBS, Endpoints, endpoints
from e2e.cloud.oracle import Oracle
from e2e.cloud.reading_back import batches, end_of
from e2e.cloud.seat import Seat
from e2e.cloud.stories import Story
from e2e.cloud.told_story import Telling, begin
from e2e.cloud.weather import Weather
from e2e.cloud.world import World, world
from emulators.azurite import PROGRAM
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

SHORT_MIN = 0.5
FEEDERS = 4
REPEATS = 10
"""Each chapter is sent again so often, as by a producer that hears no replies: load that changes nothing."""
WARM = 0.25
"""Of the time: then everything is loaded, and memory must stay where it is."""
GROWTH_MB = 30.0
CALM_WITHIN_S = 120.0


@dataclass
class Report:
    """What a soak came to."""

    seed: int
    seconds: float = 0.0
    chapters: int = 0
    readings: int = 0
    delivered_again: int = 0
    messages: int = 0
    struck: dict[str, int] = field(default_factory=dict)
    memory_mb: list[tuple[float, float]] = field(default_factory=list)
    """Seconds since the beginning, and resident memory of the consumer that nobody kills."""
    differences: list[str] = field(default_factory=list)

    @property
    def growth_mb(self) -> float:
        """Memory at the end over that when everything was loaded."""
        warm = [mb for at, mb in self.memory_mb if at >= WARM * self.seconds]
        return max(warm[-len(warm) // 4 :]) - max(warm[: max(1, len(warm) // 4)])

    @property
    def passed(self) -> bool:
        """Whether all was as undisturbed."""
        return not self.differences and self.growth_mb < GROWTH_MB


async def soak(
    at: Endpoints, output: Path, seats: tuple[Seat, Seat], seconds: float, seed: int, progress: Progress
) -> Report:
    """Tell a story through bad weather, then wait for calm and compare."""
    report = Report(seed=seed)
    with Oracle() as oracle:
        async with world(at, output) as here:
            steady, victim = seats
            telling = await begin(here, oracle, Story(FEEDERS))
            orders = [here.order(owner, alone=False, timers=True) for owner in ("a", "b")]
            for seat, order in zip(seats, orders, strict=True):
                seat.start(order)
            weather = Weather(here, victim, orders[1], seed)
            blowing = asyncio.create_task(weather.blow())
            try:
                await _tell(telling, report, steady, seconds, progress)
            finally:
                blowing.cancel()
                with suppress(asyncio.CancelledError):
                    await blowing
            assert at.cosmos_server is not None
            at.cosmos_server.clear_faults()
            await here.drained(CALM_WITHIN_S)
            await _sum_up(here, oracle, report)
            report.readings, report.struck = telling.records, dict(sorted(weather.struck.items()))
            for seat in seats:
                await seat.kill()
    return report


async def _tell(telling: Telling, report: Report, steady: Seat, seconds: float, progress: Progress) -> None:
    bar = progress.add_task("soaking", total=seconds)
    began = time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        events = (await telling.send()).events
        await telling.world.hub.send(events * REPEATS)
        await telling.world.drained(CALM_WITHIN_S)
        report.chapters += 1
        report.memory_mb.append((passed, steady.memory_mb()))
        told = f"soaking: {telling.records:,} readings, {report.memory_mb[-1][1]:.0f} MB"
        progress.update(bar, completed=min(time.monotonic() - began, seconds), description=told)
    report.seconds = time.monotonic() - began


async def _sum_up(here: World, oracle: Oracle, report: Report) -> None:
    end = await end_of(here)
    report.differences = end.differences(await oracle.end())
    report.messages = len(end.told)
    for each in batches(here):
        report.delivered_again += each.tally["duplicate"] + each.tally["late"]
        if sum(each.tally.values()) != each.records:
            report.differences.append(f"batch of partition {each.partition} at {each.first}: counts do not add up")


def table(report: Report) -> Table:
    """The report for people."""
    rows = Table(title="soak", show_header=False)
    quarter = max(1, len(report.memory_mb) // 8)
    for name, value in (
        ("time", f"{report.seconds:.0f} s, weather of seed {report.seed}"),
        ("chapters", f"{report.chapters:,}"),
        ("readings", f"{report.readings:,}, {report.delivered_again:,} delivered again"),
        ("messages", f"{report.messages:,}"),
        ("faults", ", ".join(f"{name} {count}" for name, count in report.struck.items())),
        ("memory", ", ".join(f"{mb:.0f} MB at {at:.0f} s" for at, mb in report.memory_mb[::quarter])),
        ("growth", f"{report.growth_mb:+.1f} MB, at most {GROWTH_MB:.0f}"),
        ("differences", f"{len(report.differences):,}"),
    ):
        rows.add_row(name, value)
    return rows


def main() -> int:
    """Read the command line; 1 when something differs."""
    parser = argparse.ArgumentParser(prog="python -m e2e.cloud.soak", description=__doc__.partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=10.0, help="how long (default: 10)")
    parser.add_argument("--short", action="store_true", help=f"{SHORT_MIN * 60:.0f} seconds, as the tests run it")
    parser.add_argument("--seed", type=int, default=random.randrange(1_000), help="of the weather (default: any)")
    options = parser.parse_args()
    if not PROGRAM.exists():
        sys.exit("Azurite is not installed; run `make setup-emulators`")
    minutes = SHORT_MIN if options.short else options.minutes
    console, output = Console(), Path(tempfile.mkdtemp(prefix="soak-"))
    with Progress(console=console) as progress, endpoints() as at, Seat() as one, Seat() as other:
        if at.cosmos_server is None or at.event_hubs:
            sys.exit(f"a given service cannot be made to fail; unset {COSMOS} and {EVENT_HUBS}")
        report = asyncio.run(soak(at, output, (one, other), 60 * minutes, options.seed, progress))
    console.print(table(report))
    for line in report.differences[:20]:
        console.print(line)
    console.print(f"logs and messages are in {output}")
    return 0 if report.passed else 1


if __name__ == "__main__":
    sys.exit(main())
