"""A process that sends the messages of a storm, to be killed at any moment: it delivers what is queued, and releases
what is due.

`python -m e2e.messages.sender_process STORE TWILIO_URL SHIFT_S COUNT CREATED_AT` prints `done` when nothing is left
that is due.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path

from emulators.twilio import ACCOUNT_SID, AUTH_TOKEN
from priors import prior

from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.adapters.telemetry import LogTelemetry
from functions.adapters.twilio.account import TwilioAccount, TwilioSenders
from functions.adapters.twilio.sms import TwilioSms
from functions.adapters.twilio.voice import TwilioVoice
from functions.adapters.twilio.webhooks import TwilioWebhooks
from functions.application import Application
from functions.domain.customers import Customer
from functions.domain.detection import Scores
from functions.domain.notifications import IntentKind, Notification, send_key
from functions.settings import Settings

PUBLIC = "https://metersentry.example"
OUR_NUMBER = "+15550100000"
INCIDENT = "inc:M1:power_off:5"
AT_ONCE = 48
PATIENCE_S = 1.0
CRITICAL_EVERY = 10


class ShiftedClock:
    """The machine's clock, set ahead: what waits minutes in truth is due at the next start."""

    def __init__(self, shift_s: float) -> None:
        self._shift_s = shift_s

    def now(self) -> int:
        return int(time.time() + self._shift_s)


def customer(number: int) -> Customer:
    """Each has a number of their own, fictional ones for the first hundred; one in ten is critical."""
    return Customer(
        customer_id=f"C{number:05}",
        phone=f"+1202{5_550_100 + number}",
        critical=number % CRITICAL_EVERY == 0,
        quiet_from=0,
        quiet_to=0,
    )


def notification(number: int, created_at: int) -> Notification:
    """The announcement of the one outage to one customer."""
    customer_id = customer(number).customer_id
    return Notification(
        key=send_key(INCIDENT, customer_id, IntentKind.outage_seen),
        customer_id=customer_id,
        incident_id=INCIDENT,
        kind=IntentKind.outage_seen,
        started_at=created_at - 300,
        restored_at=None,
        created_at=created_at,
        feeder_id="F",
    )


def build(database: Database, folder: Path, twilio_url: str, clock: ShiftedClock) -> tuple[Application, TwilioAccount]:
    """The application that sends by Twilio, and its account."""
    senders = TwilioSenders(OUR_NUMBER, status_url=f"{PUBLIC}/api/twilio/status")
    account = TwilioAccount(ACCOUNT_SID, AUTH_TOKEN, senders, twilio_url, PATIENCE_S)
    application = Application.build(
        Settings(output=folder, messages_per_minute=0, sender_messages_per_s=0),
        sqlite_stores(database, folder),
        score=lambda features, *_: Scores(features[:, 0], features),
        prior=prior(),
        notifiers={"sms": TwilioSms(account), "voice": TwilioVoice(account)},
        plans=PhoneNumbers(),
        telemetry=LogTelemetry(),
        clock=clock,
        webhooks=TwilioWebhooks(AUTH_TOKEN, PUBLIC),
    )
    return application, account


async def run(store: Path, twilio_url: str, shift_s: float, count: int, created_at: int) -> None:
    """Deliver every message of the queue, as often as it comes; then release what is due."""
    database = Database(store)
    application, account = build(database, store.parent, twilio_url, ShiftedClock(shift_s))
    slots = asyncio.Semaphore(AT_ONCE)

    async def deliver(number: int) -> None:
        async with slots:
            await application.delivery.deliver(notification(number, created_at))

    await asyncio.gather(*map(deliver, range(count)))
    while (await application.releasing.release()).handled:
        pass
    account.close()
    database.close()


if __name__ == "__main__":
    asyncio.run(run(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]), int(sys.argv[4]), int(sys.argv[5])))
    sys.stdout.write("done\n")
