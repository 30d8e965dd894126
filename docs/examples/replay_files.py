"""Write the files of the replay example into a folder: two days of a utility of 48 meters.

Day 2 has announced work on transformer T11, an order for T12 that was withdrawn and a fuse there that blew all the
same, a fault on T21 that nobody announced, and a collector that nobody could hear for some hours.
"""

from __future__ import annotations

import csv
import math
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2024, 6, 17, tzinfo=UTC)
INTERVAL = timedelta(minutes=15)
SLOTS = 2 * 96
METERS_A_TRANSFORMER = 4
TRANSFORMERS = [f"T{feeder}{number}" for feeder in (1, 2) for number in range(1, 7)]
GASPING = 3  # of the four meters of a transformer say when they lose power; the fourth lives on and reads zero


def at(hour: int, minute: int = 0, second: int = 0) -> datetime:
    """A time on the second day."""
    return START + timedelta(days=1, hours=hour, minutes=minute, seconds=second)


OUTAGES = {"T11": (at(9), at(10, 45)), "T12": (at(13, 10), at(14, 25)), "T21": (at(16, 4, 30), at(18, 21))}
UNHEARD = ("K2B", at(19), at(22, 30))
"""A collector, and when nothing came through it."""

Row = tuple[object, ...]


def meters() -> list[tuple[str, str, str, str]]:
    """Meter, transformer, feeder and collector."""
    found = []
    for nth, transformer in enumerate(TRANSFORMERS):
        for number in range(METERS_A_TRANSFORMER):
            collector = f"K{transformer[1]}{'A' if number % 2 else 'B'}"
            found.append((f"M{nth + 1:02d}{number + 1}", transformer, f"F{transformer[1]}", collector))
    return found


def readings() -> Iterable[Row]:
    """What came in: nothing from a meter that is dark and mute, or behind a collector that is not heard."""
    for slot in range(SLOTS):
        begins = START + slot * INTERVAL
        for number, (meter, transformer, _, collector) in enumerate(meters()):
            dark_from, dark_until = OUTAGES.get(transformer, (START, START))
            dark = max(timedelta(), min(begins + INTERVAL, dark_until) - max(begins, dark_from))
            lit = 1 - dark / INTERVAL
            mute = number % METERS_A_TRANSFORMER < GASPING
            unheard = collector == UNHEARD[0] and UNHEARD[1] <= begins < UNHEARD[2]
            if unheard or (mute and lit < 1 and dark_until >= begins + INTERVAL):
                continue
            swing = math.sin(2 * math.pi * (slot - 60) / 96)
            ripple = math.sin(1.7 * slot + 2.3 * number)
            volts = 241.0 - 1.5 * swing + 0.6 * ripple
            energy = 0.30 + 0.15 * swing + 0.05 * math.sin(0.9 * slot + number)
            seen = volts if mute and lit else volts * lit
            yield meter, f"{begins:%Y-%m-%dT%H:%M:%SZ}", f"{seen:.1f}", f"{energy * lit:.3f}"


def device_events() -> Iterable[Row]:
    """Last gasps within seconds, and restorations within two minutes."""
    for number, (meter, transformer, _, _) in enumerate(meters()):
        if transformer in OUTAGES and number % METERS_A_TRANSFORMER < GASPING:
            out, back = OUTAGES[transformer]
            yield meter, iso(out + timedelta(seconds=2 + number % 5)), "last_gasp"
            yield meter, iso(back + timedelta(seconds=30 + 7 * (number % 5))), "power_restored"


def work_orders() -> Iterable[Row]:
    """Two orders of the day before; one of them was withdrawn in the morning."""
    yesterday = iso(START + timedelta(hours=8))
    yield "WO-17", "transformer", "T11", iso(at(9)), iso(at(11)), "planned", yesterday
    yield "WO-18", "transformer", "T12", iso(at(13)), iso(at(15)), "planned", yesterday
    yield "WO-18", "transformer", "T12", iso(at(13)), iso(at(15)), "cancelled", iso(at(7, 30))


def weather() -> Iterable[Row]:
    """Every hour: mild days with a breeze."""
    for hour in range(49):
        warm = 19 + 5 * math.sin(2 * math.pi * (hour - 9) / 24)
        yield iso(START + timedelta(hours=hour)), f"{warm:.1f}", f"{3 + hour % 4 * 0.5:.1f}", "0.0"


def roster() -> Iterable[Row]:
    """A meter a customer; one of them needs life support."""
    for meter, transformer, feeder, collector in meters():
        customer, critical = meter.replace("M", "C"), meter == "M082"
        yield meter, customer, transformer, feeder, "S1", collector, 240, str(critical).lower()


FILES = {
    "readings.csv": ("meter_id,timestamp,voltage_v,energy_kwh", readings),
    "roster.csv": (
        "meter_id,customer_id,transformer_id,feeder_id,substation_id,collector_id,nominal_voltage_v,critical",
        roster,
    ),
    "work-orders.csv": ("work_order_id,asset_kind,asset_id,start,end,status,issued_at", work_orders),
    "weather.csv": ("timestamp,temperature_c,wind_mps,precipitation_mm", weather),
    "device-events.csv": ("meter_id,timestamp,code", device_events),
}


def iso(moment: datetime) -> str:
    """As the files have it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def main(folder: Path) -> None:
    """Write every file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (header, rows) in FILES.items():
        with (folder / name).open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(header.split(","))
            writer.writerows(rows())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
