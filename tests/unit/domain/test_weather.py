"""Weather: what is usual, how much it weighs, how long a spell lasts, and what is refused."""

from __future__ import annotations

import math
import time

import pytest

from functions.domain.errors import RejectedDocument
from functions.domain.weather import AlertKind, Observation, WeatherAlert, WeatherSeries

NOW = 1_718_712_000
"""2024-06-18T12:00Z."""
HOUR_S, DAY_S = 3_600, 86_400


def days(count: int, temperature: float = 20.0, swing: float = 8.0) -> list[Observation]:
    """Hourly observations before `NOW` with a day's swing, warmest at noon."""
    return [
        Observation(
            timestamp=NOW - hour * HOUR_S,
            temperature_c=temperature + swing * math.cos(hour * math.pi / 12),
            wind_mps=2.0,
        )
        for hour in range(24 * count, 0, -1)
    ]


def now(temperature: float = 28.0, wind: float | None = 2.0) -> Observation:
    return Observation(timestamp=NOW, temperature_c=temperature, wind_mps=wind)


def test_the_usual_is_that_of_the_hour_and_not_of_the_day() -> None:
    series = WeatherSeries([*days(10), now(28.0)])
    assert series.residual_c(len(series.observations) - 1) == pytest.approx(0.2, abs=0.3)
    assert series.influence(NOW).weight == 1.0


def test_the_usual_follows_the_season() -> None:
    spring = [Observation(timestamp=each.timestamp - 40 * DAY_S, temperature_c=0.0, wind_mps=2.0) for each in days(20)]
    assert WeatherSeries([*spring, *days(10), now(28.0)]).influence(NOW).weight == 1.0


def test_the_first_days_of_a_heat_wave_do_not_make_its_last_ones_usual() -> None:
    wave = NOW - 3 * DAY_S
    before = [
        each if each.timestamp < wave else Observation(timestamp=each.timestamp, temperature_c=each.temperature_c + 8)
        for each in days(10)
        if each.temperature_c is not None
    ]
    assert WeatherSeries([*before, now(36.0)]).influence(NOW).weight == pytest.approx(1.5, abs=0.05)


@pytest.mark.parametrize("known_days", [0, 1, 2])
def test_without_three_days_nothing_is_unusual(known_days: int) -> None:
    assert WeatherSeries([*days(known_days), now(45.0)]).influence(NOW).weight == 1.0


@pytest.mark.parametrize(("temperature", "name"), [(38.0, "heat"), (18.0, "cold")])
def test_heat_and_cold_weigh_alike(temperature: float, name: str) -> None:
    influence = WeatherSeries([*days(10), now(temperature)]).influence(NOW)
    assert influence.weight == pytest.approx(1.7, abs=0.05)
    assert influence.reason.startswith(f"{name}: 10 °C")


def test_weight_rises_with_wind_and_multiplies_with_heat() -> None:
    windy = WeatherSeries([*days(10), now(wind=20.0)]).influence(NOW)
    both = WeatherSeries([*days(10), now(38.0, wind=20.0)]).influence(NOW)
    hot = WeatherSeries([*days(10), now(38.0)]).influence(NOW)
    assert windy.weight == pytest.approx(1.5)
    assert both.weight == pytest.approx(hot.weight * 1.5)
    assert WeatherSeries([now(wind=10.0)]).influence(NOW).weight == 1.0


@pytest.mark.parametrize(("late_s", "weight"), [(0, 1.5), (5_400, 1.5), (5_401, 1.0), (-5_400, 1.5), (-5_401, 1.0)])
def test_an_observation_stands_for_an_hour_and_a_half(late_s: int, weight: float) -> None:
    assert WeatherSeries([now(wind=20.0)]).influence(NOW + late_s).weight == pytest.approx(weight)


def test_the_nearest_observation_counts() -> None:
    calm = Observation(timestamp=NOW + HOUR_S, wind_mps=1.0)
    series = WeatherSeries([now(wind=20.0), calm])
    assert series.influence(NOW + 1_700).weight == pytest.approx(1.5)
    assert series.influence(NOW + 1_900).weight == 1.0


def test_a_spell_holds_until_it_was_seen_to_end() -> None:
    wind = [Observation(timestamp=NOW + hour * HOUR_S, wind_mps=20.0 if hour < 3 else 2.0) for hour in range(6)]
    assert WeatherSeries(wind).influence(NOW).until == NOW + 2 * HOUR_S + 5_400
    assert WeatherSeries(wind[:2]).influence(NOW).until == NOW + HOUR_S + 5_400


def test_however_long_a_spell_it_is_looked_at_after_a_day() -> None:
    wind = [Observation(timestamp=NOW + hour * HOUR_S, wind_mps=20.0) for hour in range(48)]
    assert WeatherSeries(wind).influence(NOW).until == NOW + DAY_S


def test_an_alert_counts_until_it_ends_where_the_weather_is_milder() -> None:
    alert = WeatherAlert(alert_id="A", kind=AlertKind.lightning, start=NOW - 1, end=NOW + 900)
    mild = WeatherSeries([now(wind=12.0)], [alert]).influence(NOW)
    harsh = WeatherSeries([now(wind=30.0)], [alert]).influence(NOW)
    assert (mild.weight, mild.source_id, mild.until) == (1.3, "alert:A", NOW + 900)
    assert harsh.source_id == "weather:*"
    assert WeatherSeries([], [alert]).influence(NOW + 900).weight == 1.0


def test_fifty_thousand_questions_of_one_storm_take_two_seconds_at_most() -> None:
    series = WeatherSeries([*days(21), now(wind=25.0)])
    started = time.perf_counter()
    for second in range(50_000):
        series.influence(NOW + second % 1_800)
    assert time.perf_counter() - started < 2.0


def test_an_observation_is_read_as_people_send_it() -> None:
    told = Observation.of({"timestamp": "2024-06-18T12:00:00Z", "temperature_c": 31, "station": "north"}, NOW)
    assert told == Observation(timestamp=NOW, temperature_c=31)


@pytest.mark.parametrize(
    ("document", "field", "said"),
    [
        ({"timestamp": NOW + 3_601, "temperature_c": 20}, "timestamp", "future"),
        ({"timestamp": "2024-06-18T12:00:00", "temperature_c": 20}, "timestamp", "zone"),
        ({"temperature_c": 20}, "timestamp", "not a time"),
        ({"timestamp": 1_000 * NOW, "temperature_c": 20}, "timestamp", "time"),
        ({"timestamp": NOW}, "temperature_c", "missing"),
        ({"timestamp": NOW, "temperature_c": 70}, "temperature_c", "-90 to 60"),
        ({"timestamp": NOW, "temperature_c": float("nan")}, "temperature_c", "nan"),
        ({"timestamp": NOW, "wind_mps": -1}, "wind_mps", "0 to 120"),
        ({"timestamp": NOW, "wind_mps": "strong"}, "wind_mps", "float"),
        ({"timestamp": NOW, "wind_mps": 3, "area": "a/b"}, "area", "no id"),
    ],
)
def test_an_observation_at_fault_is_refused_by_its_field(document: dict[str, object], field: str, said: str) -> None:
    with pytest.raises(RejectedDocument, match=said) as fault:
        Observation.of(document, NOW)
    assert fault.value.field == field


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"end": NOW}, "end"),
        ({"start": "tomorrow"}, "start"),
        ({"kind": "locusts"}, "kind"),
        ({"alert_id": ""}, "alert_id"),
        ({"area": " "}, "area"),
    ],
)
def test_an_alert_at_fault_is_refused_by_its_field(changes: dict[str, object], field: str) -> None:
    document = {"alert_id": "A", "kind": "heat", "start": NOW, "end": NOW + 9 * DAY_S, "area": "S"}
    assert WeatherAlert.of(document).end == NOW + 9 * DAY_S
    with pytest.raises(RejectedDocument) as fault:
        WeatherAlert.of({**document, **changes})
    assert fault.value.field == field
