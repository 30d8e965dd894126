from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from functions.adapters.reports.folder import ReportFolder
from functions.adapters.storage.blobs import BlobContainer
from functions.adapters.storage.reports import BlobReports
from functions.domain.risk import InspectionReport, MeterRisk
from functions.ports import ReportStore

START = 1_718_582_400


class Shelf(NamedTuple):
    """A store, and a way to see what lies in it."""

    store: ReportStore
    read: Callable[[str], Awaitable[bytes | None]]


@pytest.fixture(params=["folder", "blobs"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    if request.param == "folder":
        folder = tmp_path / "made"

        async def read(name: str) -> bytes | None:
            return (folder / name).read_bytes() if (folder / name).exists() else None

        yield Shelf(ReportFolder(folder), read)
        return
    blobs = BlobContainer(request.getfixturevalue("storage"), f"reports-{uuid.uuid4().hex}")
    for _ in range(2):  # the second time it is there
        await blobs.create()
    yield Shelf(BlobReports(blobs), blobs.read)
    await blobs.close()


def report(*meters: str) -> InspectionReport:
    return InspectionReport(
        period_start=START,
        period_end=START + 30 * 86_400,
        generated_at=START + 30 * 86_400,
        meters_watched=3,
        ranked=tuple(line(meter) for meter in meters),
    )


def line(meter: str) -> MeterRisk:
    return MeterRisk(
        meter_id=meter, customer_id="C1", transformer_id="T1", feeder_id="F", risk=70, level="High",
        anomalous_days=5, longest_streak_days=3, worst_score=6.5, kinds=("tamper",), why="The cover was opened.",
    )  # fmt: skip


async def test_a_report_lies_there_as_list_and_page(shelf: Shelf) -> None:
    await shelf.store.write(report("Zähler-1"))

    listing, page = await shelf.read("risk_report.csv"), await shelf.read("risk_report.html")
    assert listing is not None
    assert page is not None
    header, first, end = listing.split(b"\r\n")
    assert header.startswith(b"rank,meter_id,")
    assert first.startswith("1,Zähler-1,".encode())
    assert end == b""
    assert b"<html" in page
    assert "Zähler-1".encode() in page


async def test_a_report_replaces_the_one_before(shelf: Shelf) -> None:
    await shelf.store.write(report("M1", "M2"))
    await shelf.store.write(report("M3"))

    listing = await shelf.read("risk_report.csv")
    assert listing is not None
    assert listing.count(b"\r\n") == 2
    assert b"M1" not in listing
    assert b"M1" not in (await shelf.read("risk_report.html") or b"M1")
