"""Evidence of power from the packs, and how much of a feeder is looked at."""

from __future__ import annotations

from collections.abc import Callable

from functions.application import Application
from functions.domain.anomalies import Anomaly, Phase
from functions.domain.board import Board, OpenIncident
from functions.domain.incidents import IncidentKind
from functions.domain.roster_row import RosterRow
from functions.domain.topology import FeederMap, Place
from functions.domain.troubles import trouble_of
from functions.ports import LetterSource
from functions.services.powered import Powered, meters_asked
from functions.services.scoring import Event

START, INTERVAL_S = 1_718_582_400, 900


def dark(meter: str, transformer: str, kind: str = "power_off") -> Anomaly:
    return Anomaly(
        id=f"{meter}:opened",
        anomaly_id=meter,
        phase=Phase.opened,
        meter_id=meter,
        customer_id=meter,
        transformer_id=transformer,
        feeder_id="F",
        kind=kind,
        start=START,
        end=None,
        score=9.0,
        threshold=0.0,
        why="",
        raised_at=START,
    )


async def test_the_newest_reading_with_voltage_is_what_counts(
    application: Application, roster_rows: list[RosterRow], body: Callable[..., bytes]
) -> None:
    await application.feeders.load(roster_rows, START)
    bodies = [body(240.0), body(240.0, "M1", slot=1), body(0.0, "M2", slot=1), body(4.0, "M3", slot=1)]
    await application.scoring.score([Event(each, LetterSource("0", nth)) for nth, each in enumerate(bodies)])
    roster = await application.feeders.roster("F", START)
    found = await Powered(application.stores.packs).of(
        Board(feeder_id="F"), [dark("M2", "T1")], roster, FeederMap.of(roster), START + 1_800
    )
    assert found == {"M1": START + INTERVAL_S, "M2": START, "M3": START}


async def test_without_anything_dark_no_pack_is_read(application: Application) -> None:
    roster = await application.feeders.roster("F", START)
    sag = dark("M1", "T1", "sag")
    assert (
        await Powered(application.stores.packs).of(Board(feeder_id="F"), [sag], roster, FeederMap.of(roster), 0) == {}
    )


def test_neighbours_are_asked_and_the_whole_feeder_only_when_much_of_it_is_dark() -> None:
    places = [
        Place(f"M{lateral}{number}{meter}", "", f"T{lateral}{number}", f"L{lateral}")
        for lateral in range(4)
        for number in range(4)
        for meter in range(2)
    ]
    layout, board = FeederMap("F", places), Board(feeder_id="F")
    few = [dark("M000", "T00")]
    assert set(meters_asked(board, few, layout, START)) == {"M000", "M001"}
    many = [dark(f"M{n}00", f"T{n}0") for n in range(4)]
    assert set(meters_asked(board, many, layout, START)) == set(layout.places)
    silent = [dark(f"M0{n}{m}", f"T0{n}", "no_reads") for n in range(3) for m in range(2)]
    assert set(meters_asked(board, silent, layout, START)) == set(layout.places)


def test_everything_below_an_outage_is_asked_while_it_is_fresh_and_silent_meters_until_they_speak() -> None:
    places = [Place(f"M0{n}{meter}", "", f"T0{n}", "L0") for n in range(8) for meter in range(2)]
    places += [Place(f"M1{n}{meter}", "", f"T1{n}", "L1") for n in range(30) for meter in range(2)]
    layout, board = FeederMap("F", places), Board(feeder_id="F")
    out = OpenIncident(incident_id="i", kind=IncidentKind.outage, device_kind="lateral", device_id="L0")
    out.started_at, out.presumed = START, {"M050": 0}
    board.incidents = [out]
    assert set(meters_asked(board, [], layout, START + 1_800)) == {each.meter_id for each in places[:16]}
    assert set(meters_asked(board, [], layout, START + 7_200)) == {"M050"}


def test_a_customer_is_asked_about_although_the_transformer_is_not_known() -> None:
    layout, board = FeederMap("F", [Place("M1", "C1", "")]), Board(feeder_id="F")
    assert set(meters_asked(board, [dark("M1", "")], layout, START)) == {"M1"}


def test_meters_that_read_every_hour_are_asked_for_as_long_as_their_readings_may_speak() -> None:
    layout = FeederMap("F", [Place("M1", "C1", "T1"), Place("M2", "C2", "T1")], interval_s=3_600)
    board = Board(feeder_id="F", troubles={"M1": trouble_of(dark("M1", "T1"), START)})
    assert set(meters_asked(board, [], layout, START + 2 * 3_600)) == {"M1", "M2"}
