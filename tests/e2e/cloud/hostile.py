"""Hostile bodies: valid ones of meters that no story tells of, spoiled in every way, the same for a seed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

from functional.promise_house import FIRST_SLOT, INTERVAL_S

METER = "X{:02}v9"
"""Several letters away from any meter of a story, so that none is mistaken for one."""
VALUES = (
    *(None, True, -1, 4294967.295, 1e308, -0.0, 10**400, 5000, 0.0, "", "M", "a/b", "\ud800", "2023-11-14T22:13:20"),
    *([], {}, [[]], {"meter_id": 1}, "1700000000", FIRST_SLOT * INTERVAL_S, 2**63, "x" * 70),
)


def bodies(seed: int, count: int, feeders: list[str]) -> Iterator[bytes]:
    """So many bodies for these feeders, some of them as bad as they can be, some merely odd."""
    rng = random.Random(seed)
    for _ in range(count):
        body = _valid(rng, rng.choice(feeders))
        for _ in range(rng.choice([0, 1, 1, 2])):
            _replace_some_value(body, rng)
        encoded = json.dumps(body, allow_nan=True).encode()
        yield _broken(encoded, rng) if rng.random() < 0.6 else encoded


def _valid(rng: random.Random, feeder: str) -> dict[str, object]:
    rows = [
        {
            "meter_id": METER.format(rng.randrange(50)),
            "timestamp": (FIRST_SLOT - rng.randrange(8)) * INTERVAL_S,
            "voltage_v": rng.choice([230.0, 0.0, 200.0, float("nan")]),
            "energy_kwh": rng.choice([0.2, None]),
        }
        for _ in range(rng.randint(1, 4))
    ]
    event = {"meter_id": rows[0]["meter_id"], "timestamp": rows[0]["timestamp"], "code": rng.choice(["last_gasp", "?"])}
    columns = {name: [row[name] for row in rows] for name in rows[0]}
    return {
        "feeder_id": feeder,
        "interval_s": INTERVAL_S,
        "readings": rng.choice([rows, columns, rows[0]]),
        "end_device_events": rng.choice([[], [event]]),
    }


def _replace_some_value(body: dict[str, object], rng: random.Random) -> None:
    """A value at any depth becomes another, or goes."""
    place: dict[str, object] | list[object] = body
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = rng.choice(keys)
        inner = place[key]  # type: ignore[index]
        if isinstance(inner, dict | list) and inner and rng.random() < 0.8:
            place = inner
        elif rng.random() < 0.2:
            del place[key]  # type: ignore[arg-type]
            return
        else:
            place[key] = rng.choice(VALUES)  # type: ignore[index]
            return


def _broken(body: bytes, rng: random.Random) -> bytes:
    """Bytes cut off, turned, doubled or put in."""
    at, to = sorted(rng.randrange(len(body) + 1) for _ in range(2))
    noise = rng.choice([b"NaN", b"{", b"]", b'"', b"\x00", b"\xff\xfe", rng.randbytes(3), b""])
    return rng.choice(
        [body[:at], body[at:], body[:at] + noise + body[to:], body[:at] + noise + body[at:], body[:to] + body[at:]]
    )
