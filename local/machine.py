"""One machine's MeterSentry: the application over SQLite, and the embedded host that drives its triggers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import azure.functions as func
import msgspec

from functions.adapters.channels import Channels
from functions.adapters.clocks import SetClock, SystemClock
from functions.adapters.onnx_scorer import OnnxScorer
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.restoration_model import OnnxRestorationModel
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.application import Application
from functions.domain.channels import ChannelSettings
from functions.domain.incidents import Incident
from functions.domain.message_report import MessageReport
from functions.domain.outcomes import BatchReport
from functions.domain.packing import pack_columns
from functions.ports import ScoreSink
from functions.settings import Settings
from functions.triggers import register
from local.host import EmbeddedHost

PARTITIONS = 4


class Totals:
    """A `Telemetry` that adds up what became of every batch."""

    def __init__(self) -> None:
        self.report = BatchReport()
        self.told = MessageReport()

    def batch(self, report: BatchReport) -> None:
        """Add one batch."""
        self.report.events += report.events
        self.report.tally.merge(report.tally)
        self.report.reasons.update(report.reasons)
        self.report.windows += report.windows
        self.report.anomalies += report.anomalies

    def messages(self, report: MessageReport) -> None:
        """Add what became of messages."""
        self.told.outcomes.update(report.outcomes)
        self.told.accepted_s += report.accepted_s

    def incidents(self, revisions: Sequence[Incident]) -> None:
        """Nothing: they are read from the store."""

    def dead_letter(self, source: str) -> None:
        """Nothing: they are read from the store."""


@dataclass(frozen=True)
class Machine:
    """Everything that runs in one process."""

    application: Application
    host: EmbeddedHost
    clock: SetClock | SystemClock
    totals: Totals
    database: Database

    @classmethod
    def start(
        cls,
        store: Path | str,
        out: Path,
        clock: SetClock | SystemClock,
        sink: ScoreSink | None = None,
        channels: ChannelSettings | None = None,
    ) -> Machine:
        """Open the store (created when missing) and index the functions; files go to `out`.

        Messages go there, too, unless `channels` are given: whoever tries something out writes to nobody.
        """
        out.mkdir(parents=True, exist_ok=True)
        if isinstance(store, Path):
            store.parent.mkdir(parents=True, exist_ok=True)
        settings = msgspec.structs.replace(
            Settings.of(), output=out, platform_authentication=True, channels=channels or ChannelSettings()
        )
        opened = Channels.open(settings.channels, out, clock)
        database = Database(store)
        scorer = OnnxScorer.load()
        totals = Totals()
        application = Application.build(
            settings,
            sqlite_stores(database, out),
            score=scorer,
            prior=scorer.prior,
            alerts_per_window=scorer.alerts_per_window,
            notifiers=opened.notifiers,
            plans=PhoneNumbers(),
            webhooks=opened.webhooks,
            restoration=OnnxRestorationModel(),
            telemetry=totals,
            clock=clock,
            sink=sink,
        )
        host = EmbeddedHost(register(func.FunctionApp(), lambda: application), database, clock)
        return cls(application, host, clock, totals, database)


def partition_of(feeder_id: str) -> str:
    """Partition of a feeder's events: any fixed choice keeps a meter on one partition."""
    return str(sum(feeder_id.encode()) % PARTITIONS)


class Batches:
    """Event bodies by feeder, in the order they were added."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[bytes]] = {}

    def add_readings(self, feeder_id: str, interval_s: int, *columns: object) -> None:
        """Pack readings (meter ids, timestamps, volts, kWh) of one feeder into events."""
        bodies = self.bodies.setdefault(feeder_id, [])
        bodies.extend(pack_columns(feeder_id, interval_s, *columns))  # type: ignore[arg-type]

    def add_body(self, feeder_id: str, body: bytes) -> None:
        """Add one event body."""
        self.bodies.setdefault(feeder_id, []).append(body)

    async def deliver(self, host: EmbeddedHost) -> None:
        """Deliver everything, one call a partition, as a hub would hand it out; then forget it."""
        by_partition: dict[str, list[bytes]] = {}
        for feeder_id, these in self.bodies.items():
            by_partition.setdefault(partition_of(feeder_id), []).extend(these)
        self.bodies = {}
        for partition, these in sorted(by_partition.items()):
            await host.deliver(partition, these)
