"""The real services over SQLite in memory, a scorer that is exact in any batch, and stories of a small utility."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from priors import prior

from functions.adapters.clocks import SetClock
from functions.adapters.phone_numbers import PhoneNumbers
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.application import Application
from functions.domain.anomalies import Anomaly
from functions.domain.detection import Scores
from functions.domain.features import LEVELS
from functions.domain.packs import METER, METERS_PER_PACK
from functions.domain.roster_row import RosterRow
from functions.ports import LetterSource
from functions.services.scoring import Event
from functions.settings import Settings

INTERVAL_S = 900
FIRST_SLOT = 1_888_888
NOW = (FIRST_SLOT + 13) * INTERVAL_S
PRIOR = prior(**dict.fromkeys(LEVELS, 0.01), energy_log=0.2)
METERS = {"F1": [f"M{n:02}" for n in range(66)], "F2": ["N0", "N1"]}
FEEDER_OF = {meter: feeder for feeder, meters in METERS.items() for meter in meters}


def score(features, usual_mean, usual_sd):
    z = np.abs(features - usual_mean) / usual_sd
    z = np.minimum(np.where(np.isnan(z), np.float32(0), z), np.float32(12))
    return Scores(z.max(axis=1, initial=0), z)


class Silent:
    name = "console"

    def batch(self, report):
        pass

    def messages(self, report):
        pass

    def incidents(self, revisions):
        pass

    def dead_letter(self, source):
        pass

    async def send(self, notification, customer, body):
        return "ref"


class House:
    """One process over a database; several may share one."""

    def __init__(self, database=None, clock=None, scorer=score, **wrapped):
        self.database = database or Database(":memory:")
        self.clock = clock or SetClock(NOW)
        stores = sqlite_stores(self.database, Path("reports"))
        self.stores = stores._replace(**{name: wrap(getattr(stores, name)) for name, wrap in wrapped.items()})
        self.application = Application.build(
            Settings(messages_per_minute=0, sender_messages_per_s=0),
            self.stores,
            score=scorer,
            prior=PRIOR,
            notifiers={"console": Silent()},
            plans=PhoneNumbers(),
            telemetry=Silent(),
            clock=self.clock,
        )

    async def load(self, meters=METERS):
        rows = [
            RosterRow(meter_id=meter, feeder_id=feeder, transformer_id=f"T{meter[:2]}", nominal_voltage_v=230.0)
            for feeder, these in meters.items()
            for meter in these
        ]
        await self.application.feeders.load(rows, self.clock.now())
        return self

    async def score(self, bodies, first=0):
        events = [Event(body, LetterSource("7", first + nth)) for nth, body in enumerate(bodies)]
        return await self.application.scoring.score(events)

    def meters(self) -> dict[str, bytes]:
        """State of every meter that has any, bit for bit."""
        rosters = self.database.connection.execute("SELECT body FROM documents WHERE container = 'rosters'")
        ids = {}
        for (body,) in rosters.fetchall():
            document = msgspec.json.decode(body)
            for place, meter in enumerate(document["meter_id"]):
                index, position = divmod(place, METERS_PER_PACK)
                ids[f"{document['id']}:{index}", position] = meter
        packs = self.database.connection.execute("SELECT id, data FROM packs").fetchall()
        return {
            ids[pack, position]: data[position * METER.itemsize : (position + 1) * METER.itemsize]
            for pack, data in packs
            for position in range(len(data) // METER.itemsize)
        }

    def packs(self) -> list[tuple]:
        """What is stored of every pack, versions and outboxes aside."""
        return self.database.connection.execute("SELECT id, data, due_at FROM packs ORDER BY id").fetchall()

    def anomalies(self) -> list[tuple]:
        """Identity and times of every anomaly record, in the order of their ids."""
        rows = self.database.connection.execute("SELECT body FROM documents WHERE container = 'anomalies'").fetchall()
        records = [msgspec.json.decode(body, type=Anomaly) for (body,) in rows]
        return sorted((each.id, each.start, each.end) for each in records)

    def told(self) -> int:
        """How many anomaly records the change feed has seen."""
        (count,) = self.database.connection.execute(
            "SELECT count(*) FROM feed WHERE container = 'anomalies'"
        ).fetchone()
        return count

    def letters(self) -> list[dict]:
        rows = self.database.connection.execute(
            "SELECT body FROM documents WHERE container = 'dead_letters' ORDER BY partition, sort"
        )
        return [msgspec.json.decode(body) for (body,) in rows.fetchall()]


@dataclass(frozen=True, order=True)
class Record:
    """One reading (`code` empty) or device event. Of a slot, what a meter says comes before its reading."""

    slot: int
    is_reading: bool
    meter: str
    at: int
    code: str = ""
    volts: float | None = None
    kwh: float | None = None


def reading(meter, slot, volts, kwh):
    return Record(slot, True, meter, slot * INTERVAL_S, "", volts, kwh)


def device_event(meter, at, code):
    return Record(at // INTERVAL_S, False, meter, at, code)


def bodies(records, rng: random.Random, size: int = 40) -> list[bytes]:
    """Event bodies in the forms of the wire, each of one feeder, in the order of the records as far as that goes."""
    events = []
    for begin in range(0, len(records), size):
        part = records[begin : begin + size]
        for feeder in METERS:
            mine = [record for record in part if FEEDER_OF[record.meter] == feeder]
            if mine:
                events.append(msgspec.json.encode(_envelope(feeder, mine, columns=rng.random() < 0.5)))
    return events


def _envelope(feeder, records, *, columns):
    rows = [record for record in records if record.is_reading]
    listed = [
        {"meter_id": row.meter, "timestamp": row.at, "voltage_v": row.volts, "energy_kwh": row.kwh} for row in rows
    ]
    joined = {name: [row[name] for row in listed] for name in ("meter_id", "timestamp", "voltage_v", "energy_kwh")}
    told = [
        {"meter_id": each.meter, "timestamp": each.at, "code": each.code} for each in records if not each.is_reading
    ]
    return {
        "feeder_id": feeder,
        "interval_s": INTERVAL_S,
        "readings": joined if columns else listed,
        "end_device_events": told,
    }


def story(seed: int, slots: int = 12) -> tuple[list[Record], list[Record]]:
    """What was delivered before, with holes, and the batch under test in time order: fills first, then what is new.

    Healthy meters and such with gaps, outages, sags, rest voltages, unmeasured values and device events.
    """
    rng = random.Random(seed)
    before, batch = [], []
    for meter in FEEDER_OF:
        fate = rng.choice(["healthy"] * 4 + ["gaps", "outage", "sag", "odd", "gasp", "flicker", "mixed"])
        start, length = rng.randrange(slots), rng.randrange(1, 6)
        for nth in range(slots):
            volts, kwh = 230 + rng.randrange(-20, 20) / 10, rng.randrange(1, 40) / 100
            hit = start <= nth < start + length
            if (fate == "gaps" and rng.random() < 0.4) or (fate == "gasp" and hit):
                continue
            if fate == "outage" and hit:
                volts, kwh = rng.choice([0.0, 0.0, 4.5]), 0.0
            if fate == "sag" and hit:
                volts = rng.choice([190.0, 206.0, 260.0])
            if fate == "odd" and hit:
                kwh = rng.choice([30.0, None])
            if fate == "flicker" and rng.random() < 0.5:
                volts, kwh = 0.0, 0.0
            if fate == "mixed":
                volts, kwh = rng.choice([(None, kwh), (volts, None), (0.0, 0.0), (200.0, kwh), (volts, kwh)])
            old = nth < slots - 4
            late = old and nth >= slots - 7 and rng.random() < 0.2
            (before if old and not late else batch).append(reading(meter, FIRST_SLOT + nth, volts, kwh))
        if fate in ("gasp", "outage", "flicker"):
            at = (FIRST_SLOT + start) * INTERVAL_S + rng.randrange(900)
            batch.append(device_event(meter, at, "last_gasp"))
            if rng.random() < 0.7:
                back = min(at + rng.randrange(length * 900 + 900), (FIRST_SLOT + slots) * INTERVAL_S)
                batch.append(device_event(meter, back, "power_restored"))
        if rng.random() < 0.05:
            batch.append(device_event(meter, (FIRST_SLOT + start) * INTERVAL_S, "cover_opened"))
    rng.shuffle(before)
    return before, sorted(batch)
