"""Context: what planned work, weather and a feeder's history explain, and what they do not."""

from __future__ import annotations

import msgspec
import pytest

from functions.domain.alarm_profile import AlarmProfile, Subject, hour_of_week, learn
from functions.domain.anomalies import Anomaly, Kind, Phase
from functions.domain.context import GridContext, assess
from functions.domain.weather import AlertKind, Observation, WeatherAlert, WeatherSeries
from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus

NOW = 1_718_712_000
"""2024-06-18T12:00Z."""
HOUR_S, DAY_S, BUFFER_S = 3_600, 86_400, 900


def anomaly(kind: str = "power_off", start: int = NOW, score: float = 9.0, threshold: float = 4.0) -> Anomaly:
    return Anomaly(
        id="M1:opened", anomaly_id="M1", phase=Phase.opened, meter_id="M1", customer_id="C1", transformer_id="T1",
        feeder_id="F", kind=kind, start=start, end=None, score=score, threshold=threshold, why="", raised_at=start,
    )  # fmt: skip


def order(
    name: str = "WO1",
    start: int = NOW - 600,
    end: int = NOW + HOUR_S,
    kind: AssetKind = AssetKind.transformer,
    asset: str = "T1",
    **fields: object,
) -> WorkOrder:
    return WorkOrder(work_order_id=name, feeder_id="F", asset_kind=kind, asset_id=asset, start=start, end=end, **fields)


def planned(*orders: WorkOrder) -> GridContext:
    return GridContext(orders=orders, substation_id="S")


def heat(above_c: float, hours: int = 12, wind_mps: float = 3.0) -> WeatherSeries:
    """Two usual weeks at 20 °C, then `hours` hours, up to and after `NOW`, that are warmer."""
    usual = [
        Observation(timestamp=NOW - nth * HOUR_S, temperature_c=20.0, wind_mps=3.0) for nth in range(hours, 14 * 24)
    ]
    hot = [
        Observation(timestamp=NOW + nth * HOUR_S, temperature_c=20.0 + above_c, wind_mps=wind_mps)
        for nth in range(-hours + 1, hours)
    ]
    return WeatherSeries([*usual, *hot])


def noisy(verdicts: int = 60, confirmed: bool = False) -> AlarmProfile:
    profile = AlarmProfile("F")
    for _ in range(verdicts):
        for subject in Subject:
            profile = learn(profile, subject, hour_of_week(NOW), confirmed)
    return profile


@pytest.mark.parametrize(
    ("start", "raised"),
    [(NOW - 901, True), (NOW - 900, False), (NOW + 3600, False), (NOW + 4499, False), (NOW + 4500, True)],
)
def test_an_order_explains_what_starts_inside_it_and_its_buffer(start: int, raised: bool) -> None:
    verdict = assess(anomaly(start=start), planned(order(start=NOW, end=NOW + 3600)))
    assert verdict.raised is raised
    assert raised or (verdict.source_id, verdict.until) == ("WO1", NOW + 4500)


def test_the_moment_of_a_last_gasp_decides_and_not_its_interval() -> None:
    gasp = msgspec.structs.replace(anomaly(start=NOW - 1_800), at=NOW - 950)
    work = planned(order(start=NOW - 60))
    assert not assess(gasp, work).raised
    assert assess(msgspec.structs.replace(gasp, at=NOW - 970), work).raised


@pytest.mark.parametrize(
    ("kind", "asset", "raised"),
    [
        (AssetKind.meter, "M1", False),
        (AssetKind.meter, "M2", True),
        (AssetKind.transformer, "T1", False),
        (AssetKind.transformer, "T2", True),
        (AssetKind.feeder, "F", False),
        (AssetKind.substation, "S", False),
        (AssetKind.substation, "S2", True),
        (AssetKind.substation, "F", True),
    ],
)
def test_an_order_covers_what_hangs_below_its_asset(kind: AssetKind, asset: str, raised: bool) -> None:
    assert assess(anomaly(), planned(order(kind=kind, asset=asset))).raised is raised


def test_an_order_for_no_asset_in_particular_covers_no_meter_without_a_transformer() -> None:
    adrift = msgspec.structs.replace(anomaly(), transformer_id="")
    assert assess(adrift, GridContext(orders=[order(asset="")])).raised


@pytest.mark.parametrize(
    ("kind", "raised"),
    [(kind.name, kind in (Kind.tamper, Kind.stuck)) for kind in Kind],
)
def test_work_explains_supply_and_not_tampering(kind: str, raised: bool) -> None:
    assert assess(anomaly(kind), planned(order())).raised is raised


@pytest.mark.parametrize(
    ("status", "raised"),
    [
        (WorkOrderStatus.draft, True),
        (WorkOrderStatus.planned, False),
        (WorkOrderStatus.in_progress, False),
        (WorkOrderStatus.completed, False),
        (WorkOrderStatus.cancelled, True),
    ],
)
def test_only_work_that_takes_place_explains(status: WorkOrderStatus, raised: bool) -> None:
    assert assess(anomaly(), planned(order(status=status))).raised is raised


def test_work_completed_early_explains_no_longer_than_it_took() -> None:
    done = order(status=WorkOrderStatus.completed, start=NOW - HOUR_S, updated_at=NOW)
    assert assess(anomaly(start=NOW - 60), planned(done)).until == NOW + BUFFER_S
    assert assess(anomaly(start=NOW + BUFFER_S), planned(done)).raised


def test_orders_that_overlap_or_follow_one_another_act_as_one() -> None:
    first, second = order("A", end=NOW + 1_000), order("B", start=NOW + 2_000, end=NOW + 9_000)
    verdict = assess(anomaly(), planned(second, first))
    assert (verdict.source_id, verdict.reason, verdict.until) == ("B", "planned work A, B", NOW + 9_000 + BUFFER_S)
    # What begins in the second is none of the first's.
    assert assess(anomaly(start=NOW + 3_000), planned(second, first)).reason == "planned work B"


def test_orders_with_a_gap_between_them_act_each_by_itself() -> None:
    first, second = order("A", end=NOW + 1_000), order("B", start=NOW + 2_801, end=NOW + 9_000)
    assert assess(anomaly(), planned(second, first)).until == NOW + 1_000 + BUFFER_S
    assert assess(anomaly(start=NOW + 1_900), planned(second, first)).raised


def test_of_orders_that_end_together_the_last_by_name_is_the_source_whatever_their_order() -> None:
    orders = [order("A"), order("C"), order("B")]
    assert {assess(anomaly(), planned(*turned)).source_id for turned in (orders, orders[::-1])} == {"C"}


def test_of_orders_on_several_devices_the_last_to_end_decides() -> None:
    orders = [order("T", end=NOW + 300), order("F", end=NOW + 900, kind=AssetKind.feeder, asset="F")]
    assert assess(anomaly(), planned(*orders)).source_id == "F"


@pytest.mark.parametrize(("score", "raised"), [(4.1, True), (5.5, True), (5.59, True)])
def test_in_ordinary_weather_nothing_more_is_asked(score: float, raised: bool) -> None:
    assert assess(anomaly("unusual", score=score), GridContext(weather=heat(2.0))).raised is raised


@pytest.mark.parametrize(("score", "raised"), [(4.1, False), (5.5, False), (5.7, True)])
def test_heat_asks_more_of_an_unusual_pattern(score: float, raised: bool) -> None:
    verdict = assess(anomaly("unusual", score=score), GridContext(weather=heat(7.0)))
    assert verdict.raised is raised
    if not raised:
        assert verdict.reason == "heat: 7 °C above the usual, weight 1.4"
        assert verdict.source_id == "weather:*"


@pytest.mark.parametrize(("score", "raised"), [(3.0, False), (3.9, False), (4.0, True), (7.0, True)])
def test_heat_excuses_a_sag_within_range_b_and_no_deeper_one(score: float, raised: bool) -> None:
    assert assess(anomaly("sag", score=score, threshold=12.0), GridContext(weather=heat(9.0))).raised is raised


@pytest.mark.parametrize("kind", ["power_off", "no_reads", "tamper", "stuck"])
def test_no_weather_and_no_habit_excuses_darkness_silence_or_tampering(kind: str) -> None:
    hardest = GridContext(weather=heat(30.0, wind_mps=40.0), profile=noisy())
    assert assess(anomaly(kind, score=0.1), hardest).raised


def test_the_highest_score_there_is_always_counts() -> None:
    hardest = GridContext(weather=heat(30.0), profile=noisy(), weight_max=5.0)
    assert assess(anomaly("unusual", score=12.0, threshold=6.1), hardest).raised
    assert not assess(anomaly("unusual", score=11.9, threshold=6.1), hardest).raised


@pytest.mark.parametrize(("weight_max", "raised"), [(1.0, True), (1.2, False), (2.0, False)])
def test_the_weights_together_are_bounded(weight_max: float, raised: bool) -> None:
    context = GridContext(weather=heat(30.0), profile=noisy(), weight_max=weight_max)
    assert assess(anomaly("unusual", score=4.7), context).raised is raised
    assert assess(anomaly("unusual", score=4.0 * weight_max), context).raised


def test_a_noisy_feeder_needs_more_and_says_so() -> None:
    verdict = assess(anomaly("unusual", score=4.7), GridContext(profile=noisy()))
    assert verdict.source_id == "profile:F"
    assert verdict.reason.startswith("feeder F: ")
    assert verdict.until == NOW + DAY_S
    assert assess(anomaly("sag", score=3.3), GridContext(profile=noisy())).until == NOW + 2 * HOUR_S


def test_a_reliable_feeder_needs_less_in_hard_weather() -> None:
    weather = heat(7.0)
    assert not assess(anomaly("unusual", score=5.0), GridContext(weather=weather)).raised
    assert assess(anomaly("unusual", score=5.0), GridContext(weather=weather, profile=noisy(confirmed=True))).raised


def test_both_weights_multiply_and_the_heavier_is_the_source() -> None:
    both = GridContext(weather=heat(7.0), profile=noisy())
    verdict = assess(anomaly("unusual", score=7.5), both)
    assert "heat" in verdict.reason
    assert "feeder F" in verdict.reason
    assert verdict.source_id == "profile:F"


def test_planned_work_comes_before_weather() -> None:
    context = GridContext(orders=[order()], weather=heat(9.0))
    assert assess(anomaly("sag", score=3.1), context).source_id == "WO1"


def test_an_alert_weighs_where_nothing_was_measured() -> None:
    alert = WeatherAlert(alert_id="A1", kind=AlertKind.wind, start=NOW - 60, end=NOW + 600)
    verdict = assess(anomaly("unusual", score=5.0), GridContext(weather=WeatherSeries((), [alert])))
    assert (verdict.source_id, verdict.until) == ("alert:A1", NOW + 600)
    assert verdict.reason == "wind alert A1, weight 1.3"
