"""The expected end of an incident: of outages that are confirmed and on, never past, changed only for a reason."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from functions.domain import actions
from functions.domain.board import Board, OpenIncident, PastIncident
from functions.domain.expected_end import NOTHING, STALE_S, expected_by
from functions.domain.incidents import Incident, IncidentKind, IncidentState
from functions.domain.restoration_calibration import Calibration, Lesson
from functions.domain.restoration_features import FEATURES
from functions.domain.restoration_learning import Crowd, Learnt
from functions.domain.restoration_levels import ENOUGH, Levels
from functions.domain.topology import FeederMap, Place

NOW = 1_700_000_000
OUTAGE = Incident(
    id="inc:A:r1", incident_id="inc:A", revision=1, feeder_id="F", kind=IncidentKind.outage,
    state=IncidentState.confirmed, device_kind="transformer", device_id="T", started_at=NOW - 900, restored_at=None,
    meters_out=5, meters_affected=5, customers_affected=5, chunks=(), updated_at=NOW, confirmed_at=NOW - 600,
    customers_out=5,
)  # fmt: skip


def in_hours(*hours: float):
    return lambda features: np.log(np.tile(np.array(hours, np.float32), (len(features), 1)))


def with_(**fields: object) -> Incident:
    return msgspec.structs.replace(OUTAGE, **fields)


def test_it_is_the_80_percent_quantile_rounded_up() -> None:
    found = expected_by(in_hours(0.5, 1.0, 1.6, 4.0))(OUTAGE, NOW)
    assert found is not None
    assert found.quantiles == pytest.approx((0.5, 1.0, 1.6, 4.0), abs=0.01)
    assert 0 <= found.estimate - (NOW + 1.6 * 3600) < 1_800


def test_a_promise_stands_while_it_moves_by_less_than_half_an_hour() -> None:
    before = expected_by(in_hours(0.5, 1.0, 2.0, 4.0))(OUTAGE, NOW).estimate
    again = expected_by(in_hours(0.5, 1.0, 1.9, 4.0))(with_(restoration_estimate=before), NOW + 600)
    assert again.estimate == before
    moved = expected_by(in_hours(0.5, 1.0, 5.0, 9.0))(with_(restoration_estimate=before), NOW + 600)
    assert moved.estimate > before + 1_800


def test_a_promise_that_has_passed_is_made_anew() -> None:
    found = expected_by(in_hours(0.1, 0.2, 0.3, 0.4))(with_(restoration_estimate=NOW - 60), NOW)
    assert found.estimate > NOW


@pytest.mark.parametrize(
    "incident",
    [
        with_(confirmed_at=None, state=IncidentState.suspected),
        with_(state=IncidentState.restored),
        with_(state=IncidentState.closed),
        with_(state=IncidentState.false_alarm),
        with_(kind=IncidentKind.communication),
    ],
)
def test_nothing_is_said_of_what_is_not_a_confirmed_outage(incident: Incident) -> None:
    assert expected_by(in_hours(1, 2, 3, 4))(incident, NOW) is None


def test_a_clock_before_the_start_is_no_fault() -> None:
    assert expected_by(in_hours(1, 2, 3, 4))(OUTAGE, NOW - 3_600) is not None


# --- what is put to the model ---------------------------------------------------------------------------------------


class Asked:
    """A model that remembers what it was asked, by the names of the features."""

    def __init__(self) -> None:
        self.features: dict[str, float] = {}

    def __call__(self, features):
        self.features = dict(zip(FEATURES, features[0].tolist(), strict=True))
        return np.zeros((len(features), 4), np.float32)

    def __getitem__(self, name: str) -> float | None:
        value = self.features[name]
        return None if np.isnan(value) else round(value, 3)


def asked(incident: Incident = OUTAGE, learnt: Learnt = NOTHING, now: int = NOW, **around: object) -> Asked:
    model = Asked()
    assert expected_by(model, learnt, **around)(incident, now) is not None
    return model


def lateral_feeder() -> FeederMap:
    """Three laterals of two transformers of two meters."""
    names = [(f"M{n}{m}{k}", f"T{n}{m}", f"L{n}") for n in range(3) for m in range(2) for k in range(2)]
    return FeederMap("F", [Place(meter, f"C-{meter}", transformer, lateral) for meter, transformer, lateral in names])


def on_board(name: str, kind: str = "transformer", device: str = "T00", **fields: object) -> OpenIncident:
    values = {"started_at": NOW - 900, "confirmed_at": NOW - 800, "kind": IncidentKind.outage, **fields}
    return OpenIncident(incident_id=f"inc:{name}", device_kind=kind, device_id=device, **values)


def over(name: str, device: str, start: int, end: int) -> PastIncident:
    return PastIncident(
        incident_id=f"inc:{name}", kind=IncidentKind.outage, device_kind="transformer", device_id=device, start=start,
        end=end,
    )  # fmt: skip


def test_what_nobody_has_told_is_not_known() -> None:
    model = asked()
    unknown = (
        *("crew_age", "crew_changes", "hour", "weekday", "area_pace", "estimate_remaining", "estimate_moved"),
        *("revisions", "revision_age", "near_open", "near_restored", "circuit_open", "area_open", "all_open"),
    )
    assert {name: model[name] for name in unknown} == dict.fromkeys(unknown)
    assert (model["planned"], model["customers_left"], model["seen_after"]) == (0, 0, pytest.approx(0.08, abs=0.01))


def test_planned_work_is_told_by_its_cause() -> None:
    assert asked(with_(cause="planned"))["planned"] == 1


def test_nights_are_local() -> None:
    assert asked(utc_offset_s=-5 * 3_600)["hour"] == pytest.approx((NOW - 5 * 3_600) % 86_400 / 3_600, abs=0.01)
    nepal = 20_700
    found = expected_by(in_hours(1, 2, 20, 30), utc_offset_s=nepal)(OUTAGE, NOW)
    assert (found.estimate + nepal) % 3_600 == 0


def test_what_the_utility_says_is_known_with_its_history() -> None:
    board = Board(feeder_id="F", incidents=[on_board("A")])
    actions.inform(board, "inc:A", crew_status="assigned", at=NOW - 3_000)
    actions.inform(board, "inc:A", utility_estimate=NOW + 3_600, at=NOW - 2_400)
    actions.inform(board, "inc:A", crew_status="on site", at=NOW - 1_800)
    actions.inform(board, "inc:A", crew_status="on site", cause="equipment", at=NOW - 900)
    actions.inform(board, "inc:A", utility_estimate=NOW + 7_200, at=NOW - 600)
    (course,) = board.incidents
    told = with_(crew_status="on site", cause="equipment", utility_estimate=course.utility_estimate)
    levels = Levels()
    for _ in range(ENOUGH):
        levels.estimated(False, 0.0, 0.0)
    model = asked(told, Learnt(levels=levels), board=board)
    assert (model["crew_on_site"], model["cause_equipment"], model["crew_changes"], model["revisions"]) == (1, 1, 2, 1)
    assert model["crew_age"] == pytest.approx(np.log1p(0.5), abs=0.001)
    assert model["revision_age"] == pytest.approx(np.log1p(1 / 6), abs=0.001)
    assert model["estimate_moved"] == pytest.approx(np.log1p(1), abs=0.001)
    assert model["estimate_remaining"] == pytest.approx(np.log(2), abs=0.001)


def test_neighbours_are_those_of_the_lateral_and_the_circuit_is_the_board() -> None:
    here, feeder = on_board("A"), lateral_feeder()
    others = [
        on_board("B", device="T01", confirmed_at=NOW - 60),
        on_board("C", kind="meter", device="M000"),
        on_board("D", device="T10"),
        on_board("E", device="T20", confirmed_at=None),
        on_board("F", device="T21", kind="transformer", merged_into="inc:D"),
        on_board("G", device="T11", last=with_(state=IncidentState.restored)),
        OpenIncident(incident_id="inc:H", kind=IncidentKind.voltage, confirmed_at=NOW),
    ]
    past = [over("X", "T01", NOW - 9_000, NOW - 1_800), over("Y", "T10", NOW - 9_000, NOW - 60)]
    board = Board(feeder_id="F", incidents=[here, *others], past=past)
    model = asked(with_(device_id="T00"), board=board, feeder=feeder)
    assert model["near_open"] == pytest.approx(np.log1p(2), abs=0.001)  # B and C
    assert model["circuit_open"] == pytest.approx(np.log1p(3), abs=0.001)  # D too
    assert model["circuit_new"] == pytest.approx(np.log1p(2), abs=0.001)  # B and itself
    assert model["near_restored"] == pytest.approx(np.log1p(1), abs=0.001)
    assert model["near_restored_h"] == pytest.approx(np.log1p(0.5), abs=0.001)
    assert model["near_pace"] == pytest.approx(np.log(2), abs=0.001)

    whole = asked(with_(device_kind="feeder", device_id="F"), board=board, feeder=feeder)
    assert whole["near_open"] == pytest.approx(np.log1p(3), abs=0.001)
    alone = asked(with_(device_id="T30"), board=Board(feeder_id="F", incidents=[here]), feeder=feeder)
    assert (alone["near_open"], alone["near_restored"], alone["near_pace"]) == (0, 0, None)


def test_other_outages_are_counted_without_it_among_those_open_and_with_it_among_the_new() -> None:
    learnt = Learnt(at=NOW - 120, crowd=Crowd(9, 4, 3), crowds={"S": Crowd(5, 2, 1)})
    model = asked(with_(substation_id="S"), learnt)
    counts = ("area_open", "area_new", "area_restored", "all_open", "all_new", "all_restored")
    assert [round(np.expm1(model[name])) for name in counts] == [4, 2, 1, 8, 4, 3]
    not_counted_yet = asked(with_(substation_id="S", confirmed_at=NOW), learnt)
    assert [round(np.expm1(not_counted_yet[name])) for name in counts] == [5, 3, 1, 9, 5, 3]
    assert asked(learnt=learnt)["area_open"] is None  # of no substation
    assert asked(with_(substation_id="S"), learnt, now=NOW + STALE_S)["all_open"] is None


def test_a_slow_area_is_told() -> None:
    levels = Levels()
    for _ in range(60):
        levels.restored(False, "S", 1.5)
        levels.restored(False, "R", 0.5)
    assert asked(with_(substation_id="S"), Learnt(levels=levels))["area_pace"] > 0.3


def test_what_recent_outages_have_shown_shifts_the_answer() -> None:
    late = Calibration().after([Lesson(0, nth, over=False) for nth in range(4)] * 60)
    plain = expected_by(in_hours(0.5, 1.0, 2.0, 4.0))(OUTAGE, NOW)
    shifted = expected_by(in_hours(0.5, 1.0, 2.0, 4.0), Learnt(calibration=late))(OUTAGE, NOW)
    assert shifted.quantiles[2] == pytest.approx(plain.quantiles[2] * np.exp(60 * 0.004), abs=0.01)
