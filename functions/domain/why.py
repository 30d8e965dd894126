"""Why: the sentence an anomaly carries, written for the person who is woken by it."""

from __future__ import annotations

import numpy as np

from functions.domain.anomalies import Kind, Phase
from functions.domain.detection import Judgement
from functions.domain.episodes import Change
from functions.domain.features import FEATURES
from functions.domain.limits import TOLERANCE_PU, ranges
from functions.domain.phrases import USUAL_SDS, phrase
from functions.domain.windows import Entries


def explain(change: Change, entries: Entries | None, found: Judgement | None, interval_s: int) -> str:
    """One sentence on what was seen, in volts and kWh, with what is usual for this meter."""
    if change.phase is Phase.closed:
        return f"ended after {_duration((change.end_slot or change.start_slot) - change.start_slot, interval_s)}"
    if change.entry is None or entries is None or found is None:
        return {
            Kind.power_off: "the meter sent a last gasp",
            Kind.tamper: "the meter reported tampering",
            Kind.no_reads: "no reading came within the interval and its grace",
        }[change.kind]
    entry = change.entry
    volts, nominal = float(entries.voltage_v[entry]), float(found.nominal_v[entry])
    match change.kind:
        case Kind.power_off:
            return f"voltage {volts:.1f} V" + ("" if np.isnan(nominal) else f" on a {nominal:.0f} V service")
        case Kind.sag | Kind.swell:
            return f"{_off_nominal(entries, entry, nominal, interval_s)}; {_usual_voltage(found, entry)}"
        case Kind.stuck:
            lasting = _duration(int(entries.repeats[entry]) + 1, interval_s)
            return f"voltage and energy repeat {volts:.1f} V and {entries.energy_kwh[entry]:.3f} kWh for {lasting}"
        case _:
            return _unusual(found, entry)


def _unusual(found: Judgement, entry: int) -> str:
    column = _telling_feature(found, entry)
    if column is None:
        return "no single value is far off, but voltage and energy do not usually come together like this"
    return phrase(
        FEATURES[column],
        float(found.features[entry, column]),
        float(found.usual_mean[entry, column]),
        float(found.usual_sd[entry, column]),
        float(found.nominal_v[entry]),
    )


def _off_nominal(entries: Entries, entry: int, nominal: float, interval_s: int) -> str:
    """How far a reading is off, and for how long the readings of its window have been on that side of the range."""
    pu = entries.window_v[entry] / nominal
    range_a, _ = ranges(np.array([nominal], np.float32))
    below = bool(pu[-1] < 1)
    off = pu < range_a[0, 0] - TOLERANCE_PU if below else pu > range_a[0, 1] + TOLERANCE_PU
    lasting = len(off) if off.all() else int(np.argmin(off[::-1]))
    share = abs(float(pu[-1]) - 1) * 100
    side = "below" if below else "above"
    volts = float(entries.voltage_v[entry])
    return f"voltage {volts:.1f} V, {share:.1f} % {side} nominal for {_duration(max(lasting, 1), interval_s)}"


def _telling_feature(found: Judgement, entry: int) -> int | None:
    """The feature that added most to the score among those outside their usual range; None when none is."""
    off = np.abs(found.features[entry] - found.usual_mean[entry]) > USUAL_SDS * found.usual_sd[entry]
    if not off.any():
        return None
    return int(np.argmax(np.where(off, found.contribution[entry], -np.inf)))


def _usual_voltage(found: Judgement, entry: int) -> str:
    nominal = float(found.nominal_v[entry])
    mean, sd = float(found.usual_mean[entry, 0]), float(found.usual_sd[entry, 0])
    low, high = ((mean + side * USUAL_SDS * sd) * nominal for side in (-1, 1))
    return f"usual range {low:.1f} to {high:.1f} V"


def _duration(slots: int, interval_s: int) -> str:
    minutes = round(slots * interval_s / 60)
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
