"""docs/http.md shows what utilities copy: every example must be accepted."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from functions.domain.roster import RosterRow
from functions.domain.work_orders import WorkOrder

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "http.md").read_text(encoding="utf-8")


def test_the_examples_are_accepted() -> None:
    roster, order = re.findall(r"```json\n(.*?)```", PAGE, flags=re.DOTALL)
    assert [row.checked().interval_s for row in msgspec.json.decode(roster, type=list[RosterRow])] == [900]
    assert msgspec.json.decode(order, type=WorkOrder).checked().asset_id == "FDR-001-T001"
