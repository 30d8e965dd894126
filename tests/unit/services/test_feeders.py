"""Feeders: enrolment of unknown meters, and rosters that somebody else changes."""

from __future__ import annotations

import json

import pytest

from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.errors import Conflict, TransientFault
from functions.domain.readings import decode
from functions.domain.roster import PROVISIONAL_PER_HOUR
from functions.domain.roster_row import RosterRow
from functions.services.feeders import Feeders

NOW = 1_700_000_000


@pytest.fixture
def rosters(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path).rosters
    database.close()


def batch(*meters, at=NOW):
    rows = [{"meter_id": meter, "timestamp": at, "voltage_v": 230} for meter in meters]
    return decode(json.dumps({"feeder_id": "F", "readings": rows}).encode(), at)


def row(meter):
    return RosterRow(meter_id=meter, feeder_id="F")


async def test_unknown_meters_are_enrolled_and_keep_their_places(rosters):
    first = await Feeders(rosters).resolve("F", [batch("b", "a")], NOW)
    again = await Feeders(rosters).resolve("F", [batch("a", "c", "b")], NOW)
    assert first.readings.place.tolist() == [1, 0]
    assert again.readings.place.tolist() == [0, 2, 1]
    assert again.roster.is_provisional(2)


async def test_a_wrong_feeder_cannot_enrol_without_limit(rosters):
    feeders = Feeders(rosters)
    flood = batch(*[f"m{n:04}" for n in range(PROVISIONAL_PER_HOUR + 7)])
    resolved = await feeders.resolve("F", [flood], NOW)
    assert len(resolved.readings.place) == PROVISIONAL_PER_HOUR
    assert [refusal.reason for refusal in flood.refusals] == ["roster_full"] * 7
    assert len((await feeders.resolve("F", [batch("late", at=NOW + 3601)], NOW + 3601)).readings.place) == 1


async def test_a_bad_id_is_refused_without_asking_the_store(rosters, monkeypatch):
    feeders = Feeders(rosters)
    await feeders.resolve("F", [batch("a")], NOW)
    monkeypatch.setattr(rosters, "read", None)
    bad = batch("a", "x/y")
    assert (await feeders.resolve("F", [bad], NOW)).readings.place.tolist() == [0]
    assert [refusal.reason for refusal in bad.refusals] == ["bad_id"]
    assert bad.records == 2


async def test_a_provisional_meter_that_reports_for_a_day_is_confirmed(rosters):
    feeders = Feeders(rosters)
    await feeders.resolve("F", [batch("a", "gone")], NOW)
    later = NOW + 86_400
    resolved = await feeders.resolve("F", [batch("a", at=later)], later)
    assert [resolved.roster.is_provisional(place) for place in (0, 1)] == [False, True]


async def test_a_roster_changed_by_another_process_is_read_and_changed_again(rosters):
    one, other = Feeders(rosters), Feeders(rosters)
    await one.roster("F", NOW)
    await other.load([row("a")], NOW)
    await one.load([row("b")], NOW)
    assert (await Feeders(rosters).roster("F", NOW)).places(["a", "b"]).tolist() == [0, 1]


async def test_a_roster_that_is_never_free_is_tried_again_later(rosters, monkeypatch):
    async def taken(shard):
        raise Conflict("somebody else")

    monkeypatch.setattr(rosters, "write", taken)
    with pytest.raises(TransientFault, match="roster of feeder F"):
        await Feeders(rosters).load([row("a")], NOW)
