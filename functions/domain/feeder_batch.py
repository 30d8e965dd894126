"""What one event brings for one feeder: sound readings as columns, device events, and what was refused and why."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from functions.domain.device_events import DeviceEvent, code_table
from functions.domain.outcomes import RECORD_CHARACTERS, Outcome, Reason, Refusal
from functions.domain.timestamps import FUTURE_S, TOO_OLD_S, Unusable, seconds

DEFAULT_INTERVAL_S = 900
LONGEST_INTERVAL_S = 86_400
SENTINELS = (-1.0, 4294967.295)
"""4294967.295 is 2**32 − 1 thousandths, an unset unsigned register."""
HIGHEST_V = 1000.0
"""Low voltage ends at 1,000 V AC (IEC 60038)."""
HIGHEST_KWH_PER_HOUR = 5000.0
"""A 4,000 A low-voltage service at 690 V carries 4.8 MW."""


@dataclass
class FeederBatch:
    """What one event brings for one feeder: usable readings as columns, device events, and what was refused."""

    feeder_id: str
    interval_s: int = DEFAULT_INTERVAL_S
    meter_id: list[str] = field(default_factory=list)
    timestamp: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    voltage_v: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    energy_kwh: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    device_events: list[DeviceEvent] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def records(self) -> int:
        """How many records the event brought, refused ones included."""
        return len(self.meter_id) + len(self.device_events) + len(self.refusals)

    def refuse(self, reason: Reason, meter_id: object, record: object, outcome: Outcome = Outcome.quarantined) -> None:
        """Note a record that cannot be used."""
        text = record if isinstance(record, str) else _as_json(record, self.interval_s)
        self.refusals.append(
            Refusal(
                feeder_id=self.feeder_id,
                meter_id=_storable(meter_id) if isinstance(meter_id, str) else "",
                reason=reason.name,
                outcome=outcome.name,
                record=_storable(text),
            )
        )

    def keep_sound(
        self,
        meter_id: list[str],
        timestamp: NDArray[np.int64],
        voltage: NDArray[np.float64],
        energy: NDArray[np.float64],
        now: int,
    ) -> None:
        """Keep what a low-voltage meter can have measured lately; refuse the rest, each with the first reason found."""
        highest_kwh = HIGHEST_KWH_PER_HOUR * self.interval_s / 3600
        has_voltage, has_energy = ~np.isnan(voltage), ~np.isnan(energy)
        # Written so that NaN passes; a sentinel lies outside what is possible, and is told apart only when refused.
        possible = ~((voltage < 0) | (voltage > HIGHEST_V) | (energy < 0) | (energy > highest_kwh))
        in_time = (timestamp <= now + FUTURE_S) & (timestamp >= now - TOO_OLD_S)
        sound = possible & in_time & (has_voltage | has_energy)
        if not sound.all():
            for place in np.flatnonzero(~sound).tolist():
                reason = _first_fault(timestamp[place] - now, voltage[place], energy[place], bool(possible[place]))
                record = reading_record(meter_id[place], timestamp[place], voltage[place], energy[place])
                self.refuse(reason, meter_id[place], record)
            meter_id = [meter for meter, keep in zip(meter_id, sound.tolist(), strict=True) if keep]
            timestamp, voltage, energy = timestamp[sound], voltage[sound], energy[sound]
        self.meter_id, self.timestamp = meter_id, timestamp
        self.voltage_v, self.energy_kwh = voltage + 0.0, energy + 0.0  # −0 becomes 0: one value, one bit pattern

    def keep_event(self, event: object, now: int) -> None:
        """Keep a device event whose code is known and whose time is near; refuse any other."""
        if not isinstance(event, dict) or not isinstance(event.get("meter_id"), str):
            self.refuse(Reason.bad_record, "", event)
            return
        meaning = code_table().get(str(event.get("code")))
        try:
            at = seconds(event.get("timestamp"))
        except Unusable as fault:
            self.refuse(fault.reason, event["meter_id"], event)
            return
        if meaning is None:
            self.refuse(Reason.bad_event_code, event["meter_id"], event)
        elif at > now + FUTURE_S:
            self.refuse(Reason.future_timestamp, event["meter_id"], event)
        elif at < now - TOO_OLD_S:
            self.refuse(Reason.too_old, event["meter_id"], event)
        else:
            self.device_events.append(DeviceEvent(event["meter_id"], at, meaning))


def _first_fault(ahead_s: int, voltage: float, energy: float, possible: bool) -> Reason:
    if ahead_s > FUTURE_S:
        return Reason.future_timestamp
    if ahead_s < -TOO_OLD_S:
        return Reason.too_old
    if voltage in SENTINELS or energy in SENTINELS:
        return Reason.sentinel
    return Reason.no_value if possible else Reason.impossible_value


def reading_record(meter_id: str, timestamp: int, voltage_v: float, energy_kwh: float) -> dict[str, object]:
    """A reading as a producer writes it; NaN stands for what was not measured."""
    return {
        "meter_id": meter_id,
        "timestamp": int(timestamp),
        "voltage_v": None if voltage_v != voltage_v else float(voltage_v),
        "energy_kwh": None if energy_kwh != energy_kwh else float(energy_kwh),
    }


def _as_json(record: object, interval_s: int) -> str:
    """A record with the interval of its event, so that it can be replayed; a meter's bare NaN stays what it was."""
    return json.dumps({**record, "interval_s": interval_s} if isinstance(record, dict) else record)


def _storable(text: str) -> str:
    # JSON can escape half a surrogate pair, which no store takes.
    return text[:RECORD_CHARACTERS].encode("utf-8", "replace").decode()
