"""Context: what planned work explains, and what it does not."""

from __future__ import annotations

import pytest
from correlation_bench import NOW, opened, order

from functions.domain.context import assess
from functions.domain.errors import RejectedDocument
from functions.domain.work_orders import AssetKind, WorkOrderStatus


@pytest.mark.parametrize(
    ("start", "raised"),
    [(NOW - 901, True), (NOW - 900, False), (NOW + 3600, False), (NOW + 4499, False), (NOW + 4500, True)],
)
def test_an_order_explains_what_starts_inside_it_and_its_buffer(start, raised):
    verdict = assess(opened(start=start), [order(start=NOW, end=NOW + 3600)], 900)
    assert verdict.raised is raised
    assert raised or (verdict.source_id, verdict.until) == ("WO1", NOW + 4500)


@pytest.mark.parametrize(
    ("kind", "asset", "raised"),
    [
        (AssetKind.meter, "M1", False),
        (AssetKind.meter, "M2", True),
        (AssetKind.transformer, "T1", False),
        (AssetKind.transformer, "T2", True),
        (AssetKind.feeder, "F", False),
    ],
)
def test_an_order_covers_what_hangs_below_its_asset(kind, asset, raised):
    assert assess(opened(), [order(kind=kind, asset=asset)]).raised is raised


@pytest.mark.parametrize(
    ("kind", "raised"), [("power_off", False), ("sag", False), ("no_reads", False), ("tamper", True), ("stuck", True)]
)
def test_work_does_not_explain_tampering(kind, raised):
    assert assess(opened(kind=kind), [order()]).raised is raised


def test_a_cancelled_order_explains_nothing_and_the_longest_of_several_decides():
    assert assess(opened(), [order(status=WorkOrderStatus.cancelled)]).raised
    orders = [order("WO1", end=NOW + 100), order("WO2", end=NOW + 900), order("WO3", end=NOW + 300)]
    assert assess(opened(), orders).source_id == "WO2"


@pytest.mark.parametrize(
    ("fields", "at_fault"), [({"name": " "}, "work_order_id"), ({"asset": ""}, "asset_id"), ({"end": NOW - 600}, "end")]
)
def test_an_order_at_fault_is_refused_by_its_field(fields, at_fault):
    with pytest.raises(RejectedDocument) as fault:
        order(**fields).checked()
    assert fault.value.field == at_fault
    assert order().checked() == order()
