"""The scorecard: what was found, set against what is true."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from functions.domain.anomalies import Anomaly, Phase
from local.scorecard import GRACE_S, Line, Scorecard, expected_kinds, score
from simulator import Announcement, TruthEvent

FAULT, OVER = 10_000, 20_000


def truth(kind: str = "sag", *meters: int, start: int = FAULT, end: int = OVER, **fields: object) -> TruthEvent:
    values = {"truth_id": "T", "kind": kind, "start": start, "end": end, "meters": np.array(meters or (0,))}
    return TruthEvent(**{**dict.fromkeys(TruthEvent.__dataclass_fields__), **values, **fields})


def utility(*truths: TruthEvent, benign: tuple[TruthEvent, ...] = ()) -> SimpleNamespace:
    return SimpleNamespace(truth=truths, benign=benign, topology=SimpleNamespace(meter_id=np.array(["M0", "M1", "M2"])))


def anomaly(meter: str = "M0", kind: str = "sag", start: int = FAULT, end: int | None = None) -> Anomaly:
    return Anomaly(
        id=f"{meter}:{kind}:{start}:opened",
        anomaly_id=f"{meter}:{kind}:{start}",
        phase=Phase.opened,
        meter_id=meter,
        customer_id="C",
        transformer_id="T",
        feeder_id="F",
        kind=kind,
        start=start,
        end=end,
        score=5.0,
        threshold=3.0,
        why="",
        raised_at=start,
    )


def card(
    truths: list[TruthEvent], anomalies: list[Anomaly], suppressed: dict[str, str] | None = None, *benign: TruthEvent
) -> Scorecard:
    return score(utility(*truths, benign=benign), anomalies, suppressed or {})


def test_a_truth_is_detected_by_any_of_its_meters() -> None:
    found = card([truth("outage", 0, 1, cause="storm")], [anomaly("M1", "power_off")])

    assert found.lines == (Line("outage (storm)", 1, 1),)
    assert (found.truths, found.detected, found.alarms, found.false_alarms) == (1, 1, 1, 0)


def test_a_truth_that_nothing_shows_is_missed() -> None:
    found = card([truth("sag"), truth("sag", 1)], [anomaly("M0")])

    assert (found.lines[0].detected, found.lines[0].missed) == (1, 1)


def test_another_kind_does_not_detect_a_truth_but_is_no_false_alarm() -> None:
    found = card([truth("stuck")], [anomaly("M0", "swell")])

    assert (found.detected, found.false_alarms) == (0, 0)


@pytest.mark.parametrize(
    ("start", "end", "false"),
    [
        (FAULT - 900, FAULT + 1, 0),
        (FAULT - 900, None, 0),
        (FAULT - 900, FAULT, 1),
        (OVER + GRACE_S - 1, None, 0),
        (OVER + GRACE_S, None, 1),
    ],
)
def test_an_alarm_is_false_when_it_does_not_meet_a_truth_in_time(start: int, end: int | None, false: int) -> None:
    assert card([truth()], [anomaly(start=start, end=end)]).false_alarms == false


def test_an_alarm_at_another_meter_is_false() -> None:
    assert card([truth("sag", 0)], [anomaly("M2")]).false_alarms == 1


def test_suppressed_anomalies_are_no_alarms_and_wrong_without_an_announcement() -> None:
    planned = truth("outage", 0, cause="planned", announcement=Announcement(FAULT, OVER))
    anomalies = [anomaly("M0", "power_off"), anomaly("M1", "power_off"), anomaly("M2")]
    order = {each.anomaly_id: "WO-1" for each in anomalies[:2]}
    found = card([planned, truth("sag", 1)], anomalies, order)

    assert (found.alarms, found.suppressed, found.suppressed_wrongly) == (1, 2, 1)


def test_what_an_incident_shows_and_what_had_no_cause_are_not_suppressed_wrongly() -> None:
    dip = anomaly("M0", "sag")
    assert card([truth("outage", 0)], [dip], {dip.anomaly_id: "inc:M0:power_off:1"}).suppressed_wrongly == 0
    assert card([truth("outage", 0)], [dip], {dip.anomaly_id: "weather:*"}).suppressed_wrongly == 1
    assert card([], [dip], {dip.anomaly_id: "weather:*"}).suppressed_wrongly == 0


SWITCHED_OFF = truth("disconnected", 0, start=FAULT - 5_000, end=FAULT)


@pytest.mark.parametrize("end", [FAULT - 900, FAULT + 900, None])
def test_what_begins_while_the_service_is_switched_off_is_neither_found_nor_false(end: int | None) -> None:
    during = anomaly("M0", "unusual", start=FAULT - 1_800, end=end)

    found = card([truth("tamper", 0)], [during], None, SWITCHED_OFF)
    assert (found.detected, found.alarms, found.false_alarms) == (0, 1, 0)

    quiet = card([truth("tamper", 0)], [during], {during.anomaly_id: "WO-1"}, SWITCHED_OFF)
    assert (quiet.alarms, quiet.suppressed, quiet.suppressed_wrongly) == (0, 1, 0)


@pytest.mark.parametrize(("kind", "detected"), [("tamper", 1), ("unusual", 1), ("stuck", 1), ("sag", 0)])
def test_a_bridge_is_found_by_what_begins_with_it(kind: str, detected: int) -> None:
    found = card([truth("tamper", 0)], [anomaly("M0", kind, start=FAULT)], None, SWITCHED_OFF)

    assert (found.detected, found.false_alarms) == (detected, 0)


def test_an_alarm_before_the_switch_or_at_a_neighbour_is_false_all_the_same() -> None:
    anomalies = [anomaly("M0", start=FAULT - 9_000, end=FAULT - 8_000), anomaly("M1", start=FAULT - 1_800, end=FAULT)]

    assert card([], anomalies, None, SWITCHED_OFF).false_alarms == 2


def test_an_outage_of_a_meter_that_is_switched_off_is_found() -> None:
    storm = truth("outage", 0, cause="storm", start=FAULT - 3_000, end=FAULT - 1_000)
    found = card([storm], [anomaly("M0", "power_off", start=FAULT - 2_900, end=FAULT - 900)], None, SWITCHED_OFF)

    assert (found.detected, found.false_alarms) == (1, 0)


def test_nothing_wrong_and_nothing_found_is_an_empty_card() -> None:
    assert card([], []) == Scorecard((), 0, 0, 0, 0)


def test_every_kind_of_truth_has_kinds_that_show_it() -> None:
    assert expected_kinds("outage") == {"power_off", "no_reads"}
    assert expected_kinds("communication") == {"no_reads"}
    assert expected_kinds("theft_scale") == expected_kinds("tamper") == {"stuck", "unusual", "tamper"}
    assert "sag" in expected_kinds("loose_neutral")
