"""What the evaluation takes for a false alarm, for an outage that must be raised, and for the right place."""

from __future__ import annotations

import numpy as np
import pytest

from functions.domain.anomalies import Anomaly, Phase
from local.incident_evaluation.judging import Cause, Judge
from simulator import Announcement, MeterSwap, Topology, TruthEvent

T0, HOUR, BUFFER_S = 1_718_582_400, 3_600, 900


class Utility:
    """Three meters and what happened to them."""

    def __init__(self, *truth: TruthEvent, benign: tuple[TruthEvent, ...] = (), swaps: tuple[MeterSwap, ...] = ()):
        ids = np.array(["M0", "M1", "M2"])
        self.topology = Topology(*([ids] * 9))
        self.truth, self.benign, self.swaps = truth, benign, swaps


def event(
    kind: str = "outage", cause: str = "equipment", start: int = T0, end: int = T0 + HOUR, **fields
) -> TruthEvent:
    return TruthEvent("T", kind, cause, np.array([0]), start, end, **fields)


def anomaly(kind: str = "power_off", start: int = T0, end: int | None = T0 + HOUR, meter: str = "M0") -> Anomaly:
    return Anomaly(
        id=f"{meter}:{kind}:opened", anomaly_id=f"{meter}:{kind}", phase=Phase.opened, meter_id=meter, customer_id="C",
        transformer_id="T", feeder_id="F", kind=kind, start=start, end=end, score=9.0, threshold=3.0, why="",
        raised_at=start,
    )  # fmt: skip


def cause(utility: Utility, what: Anomaly, at: int = T0 + 60) -> Cause:
    return Judge(utility, BUFFER_S).judge(what, at).cause


def test_what_nobody_announced_is_real_and_what_is_not_there_is_nothing() -> None:
    assert cause(Utility(event()), anomaly()) is Cause.real
    assert cause(Utility(event()), anomaly(meter="M1")) is Cause.nothing
    assert cause(Utility(event()), anomaly(start=T0 + 4 * HOUR, end=None)) is Cause.nothing


ANNOUNCED = event(cause="planned", announcement=Announcement(T0 + 600, T0 + HOUR))
OVERRUN = event(cause="planned", end=T0 + 3 * HOUR, announcement=Announcement(T0 - HOUR, T0 + HOUR))


@pytest.mark.parametrize(
    ("truth", "at", "expected"),
    [
        (ANNOUNCED, T0 + 599, Cause.real),  # nobody could know yet
        (ANNOUNCED, T0 + 600, Cause.planned),
        (ANNOUNCED, T0 + 5 * HOUR, Cause.planned),  # raised when it was long over
        (OVERRUN, T0, Cause.planned),
        (OVERRUN, T0 + HOUR + BUFFER_S - 1, Cause.planned),
        (OVERRUN, T0 + HOUR + BUFFER_S, Cause.real),
    ],
)
def test_announced_work_is_no_news_while_the_announcement_is_known_and_holds(
    truth: TruthEvent, at: int, expected: Cause
) -> None:
    assert cause(Utility(truth), anomaly(), at) is expected


def test_announced_work_does_not_explain_tampering() -> None:
    assert cause(Utility(ANNOUNCED), anomaly("tamper"), T0 + HOUR) is Cause.real


def test_a_silent_collector_is_no_outage_but_a_dead_radio_is_a_fault() -> None:
    assert cause(Utility(event("communication", "collector")), anomaly("no_reads")) is Cause.collector
    assert cause(Utility(event("communication", "radio")), anomaly("no_reads")) is Cause.real


def test_theft_explains_what_the_register_says_and_not_darkness() -> None:
    thief = Utility(event("theft_cap", "theft", end=T0 + 99 * HOUR))
    assert cause(thief, anomaly("unusual")) is Cause.real
    assert cause(thief, anomaly("power_off")) is Cause.nothing


def test_heat_sags_and_replaced_meters_are_ordinary() -> None:
    assert cause(Utility(benign=(event("heat", "load"),)), anomaly("sag")) is Cause.heat
    assert cause(Utility(benign=(event("heat", "load"),)), anomaly("swell")) is Cause.nothing
    replaced = Utility(benign=(event("swapped", "exchange"),), swaps=(MeterSwap(0, T0, "N0", T0 + HOUR),))
    assert cause(replaced, anomaly("no_reads")) is Cause.swap
    assert cause(replaced, anomaly("unusual", meter="N0")) is Cause.nothing


def test_an_outage_after_the_swap_is_the_new_meter_s() -> None:
    replaced = Utility(
        event(start=T0 + 5 * HOUR, end=T0 + 7 * HOUR),
        benign=(event("swapped", "exchange", end=T0 + 9 * HOUR),),
        swaps=(MeterSwap(0, T0, "N0", T0 + HOUR),),
    )
    assert cause(replaced, anomaly(start=T0 + 5 * HOUR, end=None, meter="N0"), T0 + 5 * HOUR) is Cause.real
    assert cause(replaced, anomaly("no_reads", end=None)) is Cause.swap


def test_of_two_truths_the_one_under_way_counts() -> None:
    utility = Utility(ANNOUNCED, event(start=T0 + HOUR + 60, end=T0 + 2 * HOUR))
    assert cause(utility, anomaly(start=T0 + HOUR + 120, end=None), T0 + HOUR + 180) is Cause.real
