"""A storm over Twilio with faults of every kind and a sender that is killed: nobody is told twice, nobody is forgotten.

`METERSENTRY_STORM=20000` makes it as large as one likes.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn
from e2e.messages.sender_process import PUBLIC, ShiftedClock, build, customer
from emulators.twilio import TwilioServer
from emulators.twilio.faults import Rule

from functions.adapters.sqlite.database import Database
from functions.application import Application
from functions.domain.customers import ConsentState
from functions.domain.notifications import Delivery, DeliveryState
from functions.web.app import create_app

ROOT = Path(__file__).resolve().parents[3]
COUNT = int(os.environ.get("METERSENTRY_STORM", "300"))
KILLS = 5
SEED = 6
ROUND_S = 130
"""How far the clocks go on from one start of the sender to the next."""
MOST_ROUNDS = 40
RARE = 0.05
STRIKES = ("throttle", "error", "unavailable", "unauthenticated", "bad_number", "opted_out", "cut", "drop_reply")
AFTERWARDS = ("error_after", "late", "undelivered", "failed", "no_reports", "repeat_reports", "reverse_reports")
ENDS = {DeliveryState.sent, DeliveryState.delivered, DeliveryState.failed, DeliveryState.undelivered}
STOPPED = range(3, COUNT, 20)
"""Customers who wrote STOP before, to us; and those who did so where only Twilio heard it."""
STOPPED_UNHEARD = range(4, COUNT, 20)


@pytest.fixture
def twilio() -> Iterator[TwilioServer]:
    with TwilioServer() as running:
        yield running


@asynccontextmanager
async def served(application: Application) -> AsyncIterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(lambda: application), port=0, log_level="error"))
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  # it offers nothing to wait for
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    await task


def rules() -> list[Rule]:
    effects = (*STRIKES, *AFTERWARDS)
    return [
        Rule(effect, times=None, probability=RARE, seed=SEED + number, delay_s=1.5)
        for number, effect in enumerate(effects)
    ] + [Rule("cut", method="GET", times=None, probability=RARE, seed=SEED)]


def start(store: Path, url: str, shift_s: float, created_at: int) -> subprocess.Popen[str]:
    """A sender over the store; it is given the messages anew each time, as a queue gives what was not taken off it."""
    arguments = [str(store), url, str(shift_s), str(COUNT), str(created_at)]
    return subprocess.Popen(
        [sys.executable, "-m", "e2e.messages.sender_process", *arguments],
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'tests'}:{ROOT}"},
        stdout=subprocess.PIPE,
        text=True,
    )


class Told(NamedTuple):
    """How a storm went."""

    rounds: int
    kills: int
    """How often the sender was killed before it was done."""
    took_s: float


async def storm(store: Path, twilio: TwilioServer, created_at: int) -> Told:
    """Send until nothing is left to do."""
    chance, started, kills = random.Random(SEED), time.monotonic(), 0
    for number in range(MOST_ROUNDS):
        shift_s = number * ROUND_S
        twilio.shift_clock(shift_s)
        sender = start(store, twilio.url, shift_s, created_at)
        if number < KILLS:
            await asyncio.sleep(0.8 + chance.random() * max(1.0, COUNT / 400))
            sender.kill()
        said, _ = await asyncio.to_thread(sender.communicate)
        await asyncio.to_thread(twilio.wait, 60.0)
        done = said.strip() == "done"
        kills += not done
        if done and not waiting(store):
            return Told(number + 1, kills, time.monotonic() - started)
    raise AssertionError(f"{waiting(store)} messages still wait after {MOST_ROUNDS} rounds")


async def ask(database: Database, folder: Path, twilio: TwilioServer, shift_s: float) -> None:
    """Let the minutes of the next hour pass, in which Twilio is asked about messages whose reports it never sent."""
    twilio.set_faults()
    later, account = build(database, folder, twilio.url, ShiftedClock(shift_s + 3_600))
    while (await later.advancing.advance()).messages:
        await asyncio.to_thread(twilio.wait, 60.0)
    account.close()


def waiting(store: Path) -> int:
    """Messages that have not come to their end."""
    with closing(Database(store)) as database:
        states = "SELECT count(*) FROM documents WHERE container = 'deliveries' AND state IN (?, ?, ?)"
        found: int = database.rows(states, ("held", "claimed", "unknown"))[0][0]
        return found


async def test_in_a_storm_nobody_is_told_twice_and_nobody_forgotten(tmp_path: Path, twilio: TwilioServer) -> None:
    store, created_at = tmp_path / "store.db", int(time.time())
    with closing(Database(store)) as database:
        here, account = build(database, tmp_path, twilio.url, ShiftedClock(0))
        await here.stores.customers.put([customer(number) for number in range(COUNT)])
        async with served(here) as url:
            twilio.deliver_to(url)
            for number in STOPPED:
                await asyncio.to_thread(twilio.write, f"{PUBLIC}/api/twilio/inbound", customer(number).phone, "STOP")
            twilio.deliver_to("http://127.0.0.1:9")
            for number in STOPPED_UNHEARD:
                await asyncio.to_thread(twilio.hear, customer(number).phone, "STOP")
            twilio.deliver_to(url)
            twilio.set_faults(*rules())
            told = await storm(store, twilio, created_at)
            unreported = await here.stores.deliveries.counts()
        await ask(database, tmp_path, twilio, told.rounds * ROUND_S)
        account.close()
        deliveries = here.stores.deliveries
        records = [each for n in range(COUNT) for each in await deliveries.of_customer(customer(n).customer_id)]
        heard = [await here.stores.deliveries.consent(customer(number).phone) for number in STOPPED]

    texts = Counter(each["to"] for each in twilio.messages())
    by_state = Counter(each.state for each in records)
    print(f"\n{COUNT} messages, {told.rounds} rounds, {told.kills} kills, {told.took_s:.0f} s")
    print(f"{unreported.get('sent', 0)} unreported, {by_state[DeliveryState.sent]} after Twilio was asked")
    print({state.value: count for state, count in by_state.items()}, twilio.report())
    assert told.kills
    assert unreported.get("sent", 0) > by_state[DeliveryState.sent] == 0
    firsts = {each.customer_id: each for each in records if each.notification and each.notification.attempt == 1}
    assert set(firsts) == {customer(number).customer_id for number in range(COUNT)}
    for number in range(COUNT):
        check(customer(number).phone, firsts[customer(number).customer_id], texts)
    assert all(consent is not None and consent.state is ConsentState.opted_out for consent in heard)
    assert not {customer(number).phone for number in (*STOPPED, *STOPPED_UNHEARD)}.intersection(texts)
    calls = Counter(each["to"] for each in twilio.calls())
    assert max(calls.values(), default=0) <= 1
    assert set(calls) <= {customer(number).phone for number in range(0, COUNT, 10)}


def check(phone: str, text: Delivery, texts: Counter[str]) -> None:
    """One text at most; where one was made, its record says so, and where none was, why."""
    assert texts[phone] <= 1, (phone, text)
    assert text.state in ENDS | {DeliveryState.dropped, DeliveryState.expired}, text
    if texts[phone]:
        assert text.reference, text
    else:
        assert text.state not in ENDS - {DeliveryState.failed}, text
        assert text.reason, text
