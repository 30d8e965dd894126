"""Announcements: what is told of an order, and when, however its versions come."""

from __future__ import annotations

import itertools

import msgspec
import pytest

from functions.domain.announcements import Announcement, begun, concerned, heard, intent_of, told_next_feeder
from functions.domain.topology import FeederMap, Place
from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus

HOUR, MINUTE = 3_600, 60
START = 1_718_625_600
"""When the work is to begin."""
AHEAD, MOVED, OFF = "planned_ahead", "planned_changed", "planned_cancelled"


def order(**fields: object) -> WorkOrder:
    known = WorkOrder(
        work_order_id="WO-1", asset_kind=AssetKind.transformer, asset_id="T1", feeder_id="F", start=START,
        end=START + 3 * HOUR,
    )  # fmt: skip
    return msgspec.structs.replace(known, **fields)


def told(*versions: tuple[float, WorkOrder], until: float = 4) -> list[tuple[float, str, int, int]]:
    """What is told of versions heard so many hours from `START`: (hours, kind, start, end), by the minute."""
    words: list[tuple[float, str, int, int]] = []
    known: Announcement | None = None
    coming = sorted(versions, key=lambda each: each[0])
    for now in range(int(START + coming[0][0] * HOUR), int(START + until * HOUR), MINUTE):
        while coming and START + coming[0][0] * HOUR <= now:
            known = heard(known, coming.pop(0)[1], ["F"], now)
        if known is None or known.look_at is None or known.look_at > now:
            continue
        known = begun(known, now)
        if known.word is not None:
            words.append(((now - START) / HOUR, known.word.kind.value, known.word.order.start, known.word.order.end))
            known = told_next_feeder(known, now)
        assert known.look_at is None or known.look_at >= now
    return words


def whens(*versions: tuple[float, WorkOrder], until: float = 4) -> list[tuple[float, str]]:
    return [(hours, kind) for hours, kind, *_ in told(*versions, until=until)]


@pytest.mark.parametrize(
    ("heard_at", "wanted"),
    [
        (-72, [-48, -2]),
        (-48, [-48, -2]),
        (-20, [-20, -2]),
        (-3, [-3, -2]),
        (-2, [-2]),
        (-0.5, [-0.5]),
        (0, []),
        (1, []),
    ],
)
def test_work_is_told_two_days_and_two_hours_ahead_and_what_is_known_later_at_once(heard_at, wanted):
    assert whens((heard_at, order())) == [(hours, AHEAD) for hours in wanted]


def test_the_same_version_again_tells_nothing_more_and_an_older_one_neither():
    newer, older = order(updated_at=5), order(updated_at=4, start=START + 9 * HOUR, end=START + 10 * HOUR)
    assert whens((-50, newer), (-49, newer), (-40, older), (-40, newer), (-1, newer)) == [(-48, AHEAD), (-2, AHEAD)]


@pytest.mark.parametrize("status", [WorkOrderStatus.in_progress, WorkOrderStatus.completed, WorkOrderStatus.cancelled])
def test_an_emergency_and_what_is_off_are_not_announced(status):
    assert whens((-1, order(status=status)), (-0.5, order(status=status, end=START + 9 * HOUR))) == []
    late = order(status=WorkOrderStatus.in_progress)
    assert whens((-1, late), (-0.9, order()), (-0.5, order(start=START + 9 * HOUR, end=START + 12 * HOUR))) == []


def test_a_crew_that_sets_out_early_changes_nothing_of_what_is_told():
    assert whens((-50, order()), (-3, order(status=WorkOrderStatus.in_progress))) == [(-48, AHEAD), (-2, AHEAD)]


@pytest.mark.parametrize(("issued", "wanted"), [(-50, [-48, -2]), (-30, [-30, -2]), (-1, [-1]), (1, [])])
def test_nobody_is_told_before_the_order_is_issued(issued, wanted):
    assert whens((-60, order(issued_at=START + issued * HOUR))) == [(hours, AHEAD) for hours in wanted]


def test_a_draft_is_told_when_it_is_approved():
    assert whens((-50, order(status=WorkOrderStatus.draft)), (-30, order())) == [(-30, AHEAD), (-2, AHEAD)]


@pytest.mark.parametrize(
    ("start", "end", "news"), [(30, 0, False), (31, 0, True), (-31, 0, True), (0, 30, False), (0, 31, True)]
)
def test_a_move_by_more_than_half_an_hour_is_told_at_once(start, end, news):
    later = order(start=START + start * MINUTE, end=START + 3 * HOUR + end * MINUTE)
    words = told((-60, order()), (-20, later))
    assert [(hours, kind) for hours, kind, *_ in words if kind == MOVED] == ([(-20, MOVED)] if news else [])
    # Whatever was small is right by the time it is told again.
    assert words[-1][1:] == (AHEAD, later.start, later.end)


def test_moves_too_small_to_tell_are_told_when_they_add_up():
    versions = [(-40 + nth, order(start=START + nth * 15 * MINUTE, end=START + 9 * HOUR)) for nth in range(5)]
    assert [hours for hours, kind in whens((-60, order(end=START + 9 * HOUR)), *versions) if kind == MOVED] == [-37]


def test_work_that_moves_away_is_told_ahead_again():
    away = order(start=START + 100 * HOUR, end=START + 102 * HOUR)
    assert whens((-60, order()), (-1, away), until=110) == [
        (-48, AHEAD), (-2, AHEAD), (-1, MOVED), (52, AHEAD), (98, AHEAD),
    ]  # fmt: skip


def test_work_that_lasts_longer_is_told_while_it_lasts_and_not_when_it_is_over():
    longer = order(end=START + 5 * HOUR, status=WorkOrderStatus.in_progress)
    assert whens((-60, order()), (2, longer))[-1] == (2, MOVED)
    assert MOVED not in {kind for _, kind in whens((-60, order()), (3.5, longer))}
    assert MOVED not in {kind for _, kind in whens((-60, order()), (2, order(end=START + HOUR)))}


@pytest.mark.parametrize("status", [WorkOrderStatus.cancelled, WorkOrderStatus.draft])
def test_a_cancellation_is_told_once_with_the_hours_that_were_told(status):
    off = order(status=status, start=START + 20 * HOUR, end=START + 21 * HOUR)
    words = told((-60, order()), (-10, off), (-9, msgspec.structs.replace(off, description="again")), until=30)
    assert words[1:] == [(-10, OFF, START, START + 3 * HOUR)]


def test_a_cancellation_before_anybody_was_told_or_after_the_work_is_not_told():
    off = order(status=WorkOrderStatus.cancelled)
    assert whens((-60, order()), (-50, off)) == []
    assert OFF not in {kind for _, kind in whens((-60, order()), (3.1, off))}


def test_what_is_planned_again_after_its_cancellation_is_told_again():
    off, again = (order(status=WorkOrderStatus.cancelled, updated_at=nth) for nth in (1, 3)), order(updated_at=2)
    first, last = off
    assert whens((-60, order()), (-30, first), (-20, again), (-10, last)) == [
        (-48, AHEAD), (-30, OFF), (-20, AHEAD), (-10, OFF),
    ]  # fmt: skip


def test_work_whose_hours_have_passed_is_new_when_it_is_planned_anew():
    again = order(start=START + 50 * HOUR, end=START + 52 * HOUR)
    assert whens((-60, order()), (5, again), until=60)[2:] == [(5, AHEAD), (48, AHEAD)]


def test_work_on_another_device_is_off_at_the_first_and_coming_at_the_second():
    elsewhere = order(asset_id="T2", feeder_id="G")
    known = told_next_feeder(begun(heard(None, order(), ["F"], START - 40 * HOUR), START - 40 * HOUR), START)
    known = begun(heard(known, elsewhere, ["G"], START - 30 * HOUR), START - 30 * HOUR)
    assert (known.word.kind, known.word.order, known.word.feeders) == (OFF, order(), ("F",))
    known = begun(told_next_feeder(known, START - 30 * HOUR), START - 30 * HOUR)
    assert (known.word.kind, known.word.order, known.word.feeders) == (AHEAD, elsewhere, ("G",))


def test_what_is_being_told_is_told_to_all_before_anything_else():
    """A change halfway through the feeders of a substation reaches those who were told before it, too."""
    wide = order(asset_kind=AssetKind.substation, asset_id="S", feeder_id="")
    moved = msgspec.structs.replace(wide, start=START + HOUR, end=START + 4 * HOUR)
    now, words = START - 40 * HOUR, []
    known = heard(None, wide, ["G", "F"], now)
    for version in (moved, moved, moved, moved):
        known = begun(known, now)
        words.append(intent_of(known, known.word.feeders[known.word.done], [], now))
        known = heard(told_next_feeder(known, now), version, ["F", "G"], now)
    assert [(each.kind.value, each.revision, each.work_start) for each in words] == [
        (AHEAD, 1, START), (AHEAD, 1, START), (MOVED, 2, START + HOUR), (MOVED, 2, START + HOUR),
    ]  # fmt: skip
    assert [each.id.rpartition(":")[2] for each in words] == ["F", "G", "F", "G"]
    assert len({each.id for each in words}) == 4
    assert known.word is None


PLACES = [
    Place("M1", "C1", "T1", "L1", "F", "S"),
    Place("M2", "C1", "T1", "L1", "F", "S"),
    Place("M3", "C3", "T2", "L1", "F", "S"),
    Place("M4", "C4", "T3", "", "F", "S2"),
]


@pytest.mark.parametrize(
    ("kind", "asset", "customers"),
    [
        (AssetKind.meter, "M3", ["C3"]),
        (AssetKind.meter, "M9", []),
        (AssetKind.transformer, "T1", ["C1"]),
        (AssetKind.feeder, "F", ["C1", "C3", "C4"]),
        (AssetKind.substation, "S", ["C1", "C3"]),
        (AssetKind.substation, "S9", []),
    ],
)
def test_customers_below_the_asset_are_told_each_once(kind, asset, customers):
    below = order(asset_kind=kind, asset_id=asset, feeder_id="" if kind is AssetKind.substation else "F")
    word = begun(heard(None, below, ["F"], START - HOUR), START - HOUR).word
    assert [each.customer_id for each in concerned(word, FeederMap("F", PLACES))] == customers
    spared = msgspec.structs.replace(word, spared=order(asset_id="T1"))
    assert [each.customer_id for each in concerned(spared, FeederMap("F", PLACES))] == [
        each for each in customers if each != "C1"
    ]


def test_versions_in_any_order_end_in_the_newest():
    versions = [order(updated_at=nth, start=START + nth * HOUR, end=START + 9 * HOUR) for nth in range(4)]
    for some in itertools.permutations(versions):
        known = None
        for each in some:
            known = heard(known, each, ["F"], START - 60 * HOUR)
        assert known.order == versions[-1]
        assert known.look_at == versions[-1].start - 48 * HOUR
