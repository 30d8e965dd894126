"""Desks: control rooms that look at the same anomalies, each with another part of what the utility knows.

A desk is the product from the change feed of anomalies on, over a store of its own; readings, rosters and the state of
meters are shared by all desks.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import azure.functions as func

from functions.adapters.onnx_scorer import OnnxScorer
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.application import Application
from functions.domain.anomalies import Anomaly
from functions.domain.incidents import Incident
from functions.domain.notifications import Customer, Notification
from functions.triggers import register
from local.host import EmbeddedHost
from local.machine import Machine, Totals
from local.office import Office
from simulator import SimulatedUtility

JUDGED_AFTER_S = 4 * 3_600
"""A crew has looked by then, and the operator says what was the matter."""
JUDGED_SHARE = 0.7
"""Of the incidents; about the others nobody writes anything down."""
Verdict = Callable[[Incident, Sequence[str]], bool]
"""Whether an incident with these anomalies was real."""


@dataclass(frozen=True)
class Knowledge:
    """What one desk is told."""

    name: str
    orders: bool = False
    weather: bool = False
    verdicts: bool = False


EVERYTHING = Knowledge("all of it", orders=True, weather=True, verdicts=True)
INCIDENTS = Knowledge("known incidents and collectors")
ABLATION = (
    INCIDENTS,
    Knowledge("planned work", orders=True),
    Knowledge("weather", weather=True),
    Knowledge("feeder history", verdicts=True),
    EVERYTHING,
)
"""What is known of incidents cannot be taken away; the others are known besides."""


@dataclass
class Told:
    """A `Notifier` that remembers whom it told what."""

    name: str = "evaluation"
    sent: list[Notification] = field(default_factory=list)

    async def send(self, notification: Notification, customer: Customer, body: str) -> str:  # noqa: ARG002
        """Take a message."""
        self.sent.append(notification)
        return str(len(self.sent))

    async def find(self, claim: object) -> str | None:  # noqa: ARG002
        """Nothing is ever interrupted here."""
        return None


class Desk:
    """One desk beside the machine that scores."""

    def __init__(self, knowledge: Knowledge, utility: SimulatedUtility, machine: Machine, out: Path) -> None:
        self.knowledge = knowledge
        self.told = Told()
        self._database = Database(":memory:")
        shared, scorer = machine.application, OnnxScorer.load()
        self.stores = sqlite_stores(self._database, out)._replace(
            packs=shared.stores.packs, rosters=shared.stores.rosters
        )
        self.application = Application.build(
            shared.settings,
            self.stores,
            score=scorer,
            prior=scorer.prior,
            notifiers={self.told.name: self.told},
            plans=PhoneNumbers(),
            telemetry=Totals(),
            clock=machine.clock,
        )
        self._clock = machine.clock
        self._host = EmbeddedHost(register(func.FunctionApp(), lambda: self.application), self._database, machine.clock)
        self._office = Office(
            utility, self.application, orders=knowledge.orders, weather=knowledge.weather, swaps=False
        )
        self._judged_until = utility.scenario.start

    async def learn(self) -> None:
        """Be told what is new, of what this desk is told at all."""
        await self._office.tell(self._clock.now())

    async def hear(self, anomalies: Sequence[Anomaly]) -> None:
        """Take in anomalies that were just raised."""
        await self.stores.anomalies.insert(anomalies)
        await self._host.settle()

    async def pass_minute(self) -> None:
        """Do what is due by the clock."""
        if await self.stores.incidents.due_boards(self._clock.now(), 1):
            await self.application.correlation.release()
            await self._host.settle()

    async def judge(self, verdict: Verdict) -> None:
        """Let the operator say of incidents of some hours ago whether they were real."""
        until = self._clock.now() - JUDGED_AFTER_S
        began = await self.stores.incidents.log(self._judged_until, until) if until > self._judged_until else []
        for incident in began:
            if self.knowledge.verdicts and _lot(incident.incident_id) < JUDGED_SHARE:
                real = verdict(incident, await self.anomaly_ids(incident))
                word = "confirmed" if real else "false_alarm"
                await self.application.correlation.judge(
                    incident.feeder_id, incident.incident_id, word, "operator", self._clock.now()
                )
        self._judged_until = max(until, self._judged_until)

    async def anomaly_ids(self, incident: Incident) -> list[str]:
        """Ids of everything an incident has taken in."""
        chunks = await self.stores.incidents.chunks(incident.feeder_id, incident.chunks)
        return [member.anomaly_id for chunk in chunks for member in chunk.members]

    def close(self) -> None:
        """Forget everything."""
        self._database.close()


def _lot(incident_id: str) -> float:
    """A number from 0 to 1 that stays the same for an incident."""
    return zlib.crc32(incident_id.encode()) / 2**32
