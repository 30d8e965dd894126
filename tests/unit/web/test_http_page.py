"""docs/http.md shows what utilities copy: every example must be accepted."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from functions.domain.roster_row import RosterRow
from functions.domain.weather import Observation, WeatherAlert
from functions.domain.work_order_fields import notice_of

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "http.md").read_text(encoding="utf-8")


def test_the_examples_are_accepted() -> None:
    roster, order, weather = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [row.checked().interval_s for row in msgspec.json.decode(roster, type=list[RosterRow])] == [900]
    notice = notice_of(msgspec.json.decode(order))
    assert (notice.asset_id, notice.end - notice.start) == ("FDR-001-T001", 2 * 3_600)
    observed, warned = msgspec.json.decode(weather)
    assert Observation.of(observed, now=1_718_625_600).wind_mps == 4.0
    assert WeatherAlert.of(warned).area == "*"
