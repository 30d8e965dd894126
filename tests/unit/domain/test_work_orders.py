"""Work orders: how they are read, in our words and in others', and which version holds."""

from __future__ import annotations

import msgspec
import pytest

from functions.domain import work_order_fields
from functions.domain.errors import RejectedDocument
from functions.domain.work_order_fields import System, notice_of, systems
from functions.domain.work_orders import AssetKind, OrderNotice, WorkOrder, WorkOrderStatus, newest

START, END = 1_718_582_400, 1_718_589_600
"""2024-06-17, 00:00Z to 02:00Z."""
ORDER = {"work_order_id": "WO-1", "asset_kind": "transformer", "asset_id": "T1", "start": START, "end": END}
SAP = {
    "AUFNR": "000004001234", "EQUNR": "", "TPLNR": "T1", "GSTRP": "20240617", "GSUZP": "020000",
    "GLTRP": "20240617", "GLUZP": "040000", "STTXT": "REL  PRC SETC", "KTEXT": "Replace bushing",
    "AEDAT": "00000000", "AEZEIT": "000000", "ERDAT": "20240601", "ERFZEIT": "080000",
}  # fmt: skip
MAXIMO = {
    "wonum": "1042", "assetnum": None, "location": "T1", "status": "WSCH", "description": "Replace bushing",
    "schedstart": "2024-06-17T02:00:00+02:00", "schedfinish": "2024-06-17T04:00:00+02:00",
    "changedate": "2024-06-10T08:00:00+00:00", "siteid": "BEDFORD",
}  # fmt: skip


def order(name: str = "WO-1", end: int = END, **fields: object) -> WorkOrder:
    return WorkOrder(
        work_order_id=name,
        feeder_id="F",
        asset_kind=AssetKind.transformer,
        asset_id="T1",
        start=START,
        end=end,
        **fields,
    )


def fault_of(document: dict[str, object]) -> RejectedDocument:
    with pytest.raises(RejectedDocument) as caught:
        notice_of(document)
    return caught.value


@pytest.mark.parametrize("start", [START, "2024-06-17T00:00:00Z", "2024-06-17T02:00+02:00", str(START), START + 0.5])
def test_a_time_may_be_written_in_several_ways(start: object) -> None:
    assert notice_of({**ORDER, "start": start}).start == START


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"end": START}, "end", "not after start"),
        ({"start": "2024-06-17T00:00:00"}, "start", "has no zone"),
        ({"start": "2024-06-17"}, "start", "has no zone"),
        ({"start": "tomorrow"}, "start", "is not a time"),
        ({"end": 1_000 * END}, "end", "time"),
        ({"end": 5_000_000_000}, "end", "2100"),
        ({"issued_at": True}, "issued_at", "is not a time"),
        ({"asset_kind": "house"}, "asset_kind", "house"),
        ({"asset_id": "a/b"}, "asset_id", "no id"),
        ({"feeder_id": "F:1"}, "feeder_id", "no id"),
        ({"status": "maybe"}, "status", "maybe"),
        ({"work_order_id": 7}, "work_order_id", "str"),
    ],
)
def test_an_order_at_fault_is_refused_by_its_field(changes: dict[str, object], field: str, said: str) -> None:
    fault = fault_of({**ORDER, **changes})
    assert fault.field == field
    assert said in str(fault)


@pytest.mark.parametrize("field", ["asset_id", "start", "end", "work_order_id"])
def test_a_field_that_is_missing_is_named(field: str) -> None:
    assert fault_of({name: value for name, value in ORDER.items() if name != field}).field == field


@pytest.mark.parametrize(
    ("fields", "at_fault"),
    [({"name": " "}, "work_order_id"), ({"end": START}, "end"), ({"feeder_id": ""}, "feeder_id")],
)
def test_an_order_made_by_hand_is_checked_as_well(fields: dict[str, object], at_fault: str) -> None:
    made = msgspec.structs.replace(order(**{k: v for k, v in fields.items() if k in ("name", "end")}))
    made = msgspec.structs.replace(made, **{k: v for k, v in fields.items() if k == "feeder_id"})
    with pytest.raises(RejectedDocument) as fault:
        made.checked()
    assert fault.value.field == at_fault


def test_a_substation_has_no_feeder_and_is_its_own_scope() -> None:
    notice = notice_of({**ORDER, "asset_kind": "substation", "asset_id": "S"})
    assert notice.order(AssetKind.substation, "").scope == "S"
    assert notice_of(ORDER).order(AssetKind.transformer, "F").scope == "F"


def test_an_order_of_the_old_layout_is_still_read() -> None:
    stored = {"work_order_id": "WO-1", "feeder_id": "F", "asset_kind": "meter", "asset_id": "M", "start": 1, "end": 2}
    assert msgspec.convert(stored, WorkOrder).explains


def test_of_two_versions_the_later_change_holds_and_of_equal_ones_the_last() -> None:
    late, early = order(end=END + 60, updated_at=9), order(updated_at=8)
    assert newest([late, early]) == newest([early, late]) == {"WO-1": late}
    again = order(end=END + 120, updated_at=9)
    assert newest([late, again]) == {"WO-1": again}


@pytest.fixture
def in_berlin(monkeypatch: pytest.MonkeyPatch) -> None:
    """SAP's times are those of Berlin."""
    table = {name: msgspec.structs.replace(system, zone="Europe/Berlin") for name, system in systems().items()}
    monkeypatch.setattr(work_order_fields, "systems", lambda: table)


def test_sap_pm_is_understood(in_berlin: None) -> None:
    assert notice_of(SAP) == OrderNotice(
        work_order_id="000004001234", asset_id="T1", start=START, end=END, description="Replace bushing",
        issued_at=1_717_221_600,
    )  # fmt: skip


def test_a_time_of_sap_needs_a_zone_from_the_table() -> None:
    fault = fault_of(SAP)
    assert fault.field == "start"
    for part in ("no zone", "GSTRP+GSUZP", "work_order_fields.json"):
        assert part in str(fault)


def test_a_date_without_a_time_of_day_is_missing(in_berlin: None) -> None:
    fault = fault_of({**SAP, "GLUZP": ""})
    assert fault.field == "end"
    assert "GLTRP+GLUZP" in str(fault)


def test_equipment_is_named_before_its_location(in_berlin: None) -> None:
    assert notice_of({**SAP, "EQUNR": "T9"}).asset_id == "T9"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("CRTD MANC NMAT", "draft"),
        ("REL  PRC SETC", "planned"),
        ("REL  PCNF PRC", "in_progress"),
        ("TECO CNF  PRC", "completed"),
        ("CRTD DLFL", "cancelled"),
    ],
)
def test_of_several_statuses_the_one_furthest_on_counts(in_berlin: None, text: str, status: str) -> None:
    assert notice_of({**SAP, "STTXT": text}).status == status


def test_maximo_is_understood() -> None:
    assert notice_of(MAXIMO) == OrderNotice(
        work_order_id="1042",
        asset_id="T1",
        start=START,
        end=END,
        description="Replace bushing",
        updated_at=1_718_006_400,
    )


def test_maximo_with_the_prefixes_of_its_schema_is_the_same() -> None:
    assert notice_of({f"spi:{name}": value for name, value in MAXIMO.items()}) == notice_of(MAXIMO)


def test_a_status_nobody_knows_is_named_with_the_table() -> None:
    fault = fault_of({**MAXIMO, "status": "PONDERING"})
    assert fault.field == "status"
    assert "work_order_fields.json" in str(fault)


def test_every_status_of_ours_can_be_said_in_every_system() -> None:
    for system in systems().values():
        assert set(system.words) == set(WorkOrderStatus)
        assert isinstance(system, System)


def test_a_document_of_no_system_is_told_which_ids_are_known() -> None:
    fault = fault_of({"number": 7})
    assert fault.field == "work_order_id"
    assert "AUFNR" in str(fault)
    assert "WONUM" in str(fault)
