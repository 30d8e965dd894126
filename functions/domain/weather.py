"""Weather: observations and alerts of an area, and how much of an anomaly they explain.

Heat and cold move load, and load moves voltage; wind makes contacts flicker. What counts is not how warm it is but how
far the temperature lies from what the area has had at that hour lately. The weight is 1 in ordinary weather, and rises
by a tenth a degree beyond three degrees and by a twentieth a metre per second beyond ten, about where a fresh breeze
ends on Beaufort's scale; an alert alone weighs 1.3.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import msgspec
import numpy as np

from functions.domain.documents import Document, moment, past_moment, read_as
from functions.domain.errors import RejectedDocument
from functions.domain.ids import checked_id

EVERYWHERE = "*"
"""The area of the whole utility."""
ORDINARY_RESIDUAL_C, WEIGHT_PER_C = 3.0, 0.1
ORDINARY_WIND_MPS, WEIGHT_PER_MPS = 10.0, 0.05
ALERT_WEIGHT = 1.3
USUAL_DAYS, LEAST_DAYS = 14, 3
"""The usual temperature of an hour is the median over the days before it, so that a heat wave's first days do not make
its last ones usual; fewer than three tell nothing."""
NEAR_S = 90 * 60
"""An observation stands for this long on both sides: stations report every hour, and late."""
MOST_HOLD_S = 24 * 3_600
"""What outlasts a day of the hardest weather is worth a look all the same."""
_DAY_S, _HOUR_S = 86_400, 3_600


class AlertKind(StrEnum):
    """What a weather service warns of."""

    heat = "heat"
    cold = "cold"
    wind = "wind"
    lightning = "lightning"
    precipitation = "precipitation"


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What one station measured; `timestamp` is seconds since the epoch. What it did not measure is None."""

    timestamp: int
    area: str = EVERYWHERE
    """A substation, or `*` for the whole utility."""
    temperature_c: float | None = None
    wind_mps: float | None = None
    precipitation_mm: float | None = None
    lightning: float | None = None
    """Strokes counted."""

    @classmethod
    def of(cls, document: Document, now: int) -> Observation:
        """Read and check one; raises `RejectedDocument`, also for one of the future."""
        at = past_moment("timestamp", document.get("timestamp"), now)
        told = read_as(cls, {**document, "timestamp": at})
        _check_area(told.area)
        for field, (low, high) in MEASURABLE.items():
            value = getattr(told, field)
            if value is not None and not low <= value <= high:
                raise RejectedDocument(field, f"{value:g} cannot be measured; send a number from {low} to {high}")
        if all(getattr(told, field) is None for field in MEASURABLE):
            raise RejectedDocument("temperature_c", f"is missing, and so are all others; send one of {_FIELDS}")
        return told


MEASURABLE = {
    "temperature_c": (-90, 60),
    "wind_mps": (0, 120),
    "precipitation_mm": (0, 500),
    "lightning": (0, 1_000_000),
}
"""Range of each field: what has ever been measured in an hour, with room."""
_FIELDS = ", ".join(MEASURABLE)


class WeatherAlert(msgspec.Struct, frozen=True, kw_only=True):
    """A warning for an area, which may lie ahead. Times are seconds since the epoch; `end` is exclusive."""

    alert_id: str
    kind: AlertKind
    start: int
    end: int
    area: str = EVERYWHERE

    @classmethod
    def of(cls, document: Document) -> WeatherAlert:
        """Read and check one; raises `RejectedDocument`."""
        times = {field: moment(field, document[field]) for field in ("start", "end") if field in document}
        alert = read_as(cls, {**document, **times})
        checked_id("alert_id", alert.alert_id)
        _check_area(alert.area)
        if alert.end <= alert.start:
            raise RejectedDocument("end", "is not after start; send the times in order")
        return alert


def _check_area(area: str) -> None:
    if area != EVERYWHERE:
        checked_id("area", area)


class Influence(NamedTuple):
    """How much more than usual an anomaly must show, why, by what, and until when that is known to hold."""

    weight: float
    reason: str = ""
    source_id: str = ""
    until: int = 0


CALM = Influence(1.0)


class WeatherSeries:
    """The weather one substation has had and is warned of. Never changed; what was asked for is remembered."""

    def __init__(self, observations: Sequence[Observation] = (), alerts: Sequence[WeatherAlert] = ()) -> None:
        self.observations = tuple(sorted(observations, key=lambda each: each.timestamp))
        self.alerts = tuple(sorted(alerts, key=lambda each: (-each.end, each.alert_id)))
        self._times = [each.timestamp for each in self.observations]
        self._at = np.array(self._times, np.int64)
        self._temperature = np.array(
            [np.nan if each.temperature_c is None else each.temperature_c for each in self.observations], np.float64
        )
        self._weights: dict[int, Influence] = {}
        self._seen: dict[int, Influence] = {}

    def influence(self, moment: int) -> Influence:
        """What the weather of a moment weighs: the stronger of what was measured and what was warned of."""
        near = self._nearest(moment)
        measured = CALM if near is None else self._measured(near)
        if measured.weight > 1.0:
            measured = measured._replace(until=min(measured.until, moment + MOST_HOLD_S))
        warned = next((each for each in self.alerts if each.start <= moment < each.end), None)
        if warned is None or measured.weight >= ALERT_WEIGHT:
            return measured
        reason = f"{warned.kind} alert {warned.alert_id}, weight {ALERT_WEIGHT:g}"
        return Influence(ALERT_WEIGHT, reason, f"alert:{warned.alert_id}", min(warned.end, moment + MOST_HOLD_S))

    def residual_c(self, nth: int) -> float:
        """How far an observation's temperature lies above the usual of its hour, °C; NaN while that is unknown."""
        at, day = self._at[nth], self._at[nth] // _DAY_S
        apart = (self._at - at) % _DAY_S
        same_hour = np.minimum(apart, _DAY_S - apart) <= _HOUR_S
        days = self._at // _DAY_S
        before = same_hour & (days < day) & (days >= day - USUAL_DAYS) & ~np.isnan(self._temperature)
        if len(np.unique(days[before])) < LEAST_DAYS:
            return float("nan")
        return float(self._temperature[nth] - np.median(self._temperature[before]))

    def _nearest(self, moment: int) -> int | None:
        after = bisect_left(self._times, moment)
        near = [nth for nth in (after - 1, after) if 0 <= nth < len(self._times)]
        best = min(near, key=lambda nth: abs(self._times[nth] - moment), default=None)
        return best if best is not None and abs(self._times[best] - moment) <= NEAR_S else None

    def _measured(self, nth: int) -> Influence:
        """What an observation weighs, until the spell it belongs to is over as far as has been observed."""
        if nth not in self._seen:
            weighed = self._weighed(nth)
            self._seen[nth] = weighed._replace(until=self._spell_end(nth)) if weighed.weight > 1.0 else weighed
        return self._seen[nth]

    def _weighed(self, nth: int) -> Influence:
        if nth not in self._weights:
            self._weights[nth] = self._weigh(nth)
        return self._weights[nth]

    def _weigh(self, nth: int) -> Influence:
        told, residual = self.observations[nth], self.residual_c(nth)
        weight, reasons = 1.0, []
        if abs(residual) > ORDINARY_RESIDUAL_C:
            weight += WEIGHT_PER_C * (abs(residual) - ORDINARY_RESIDUAL_C)
            name, side = ("heat", "above") if residual > 0 else ("cold", "below")
            reasons.append(f"{name}: {abs(residual):.0f} °C {side} the usual")
        if told.wind_mps is not None and told.wind_mps > ORDINARY_WIND_MPS:
            weight *= 1.0 + WEIGHT_PER_MPS * (told.wind_mps - ORDINARY_WIND_MPS)
            reasons.append(f"wind: {told.wind_mps:.0f} m/s")
        if not reasons:
            return CALM
        reasons.append(f"weight {weight:.1f}")
        return Influence(weight, ", ".join(reasons), f"weather:{told.area}")

    def _spell_end(self, nth: int) -> int:
        last, latest = nth, self._times[nth] + MOST_HOLD_S
        for following in range(nth + 1, len(self._times)):
            at = self._times[following]
            if at > min(latest, self._times[last] + 2 * NEAR_S) or self._weighed(following).weight <= 1.0:
                break
            last = following
        return self._times[last] + NEAR_S
