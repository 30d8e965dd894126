"""The expected end of an incident: of outages that are confirmed and on, never in the past, changed for a reason."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest

from functions.domain.expected_end import expected_by
from functions.domain.incidents import Incident, IncidentKind, IncidentState

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
