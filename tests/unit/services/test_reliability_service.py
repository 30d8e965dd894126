"""The incident log of a period, added up."""

from __future__ import annotations

from datetime import UTC

import pytest
from incident_records import incident

from functions.adapters.clocks import SetClock
from functions.application import Application
from functions.domain.errors import RejectedDocument
from functions.domain.incidents import Incident, Member, MemberChunk
from functions.domain.interruptions import Interrupted
from functions.domain.periods import Period, zone_of
from functions.domain.roster_row import RosterRow

START = 1_718_582_400
DAY = 86_400
WEEK = Period(START, START + 7 * DAY)


@pytest.fixture(autouse=True)
async def served(application: Application) -> None:
    """Ten customers on feeder F and ten on G."""
    rows = [
        RosterRow(meter_id=f"{feeder}{number}", feeder_id=feeder, transformer_id="T1")
        for feeder in "FG"
        for number in range(10)
    ]
    await application.feeders.load(rows, START)


def ended(name: str, minutes: float, customers: int, started_at: int = START, **fields: object) -> Incident:
    """An outage of some customers, each for so many minutes."""
    return incident(
        name,
        state="closed",
        started_at=started_at,
        restored_at=started_at + int(60 * minutes),
        meters_out=0,
        interrupted=Interrupted(sustained=customers, customer_seconds=int(60 * minutes * customers)),
        **fields,
    )


async def commit(application: Application, *incidents: Incident, feeder: str = "F") -> None:
    store = application.stores.incidents
    await store.commit(await store.board(feeder), list(incidents), [], [])


async def test_outages_of_the_period_are_added_up_by_feeder(application: Application) -> None:
    await commit(application, ended("A", 60, 4), ended("before", 60, 10, START - 1), ended("after", 60, 10, WEEK.end))
    await commit(application, ended("B", 30, 2, feeder_id="G"), feeder="G")

    found = await application.reliability.report(WEEK)
    assert found.utility.all_days.saidi_min == (4 * 60 + 2 * 30) / 20
    assert found.utility.all_days.saifi == 6 / 20
    assert {name: each.all_days.saidi_min for name, each in found.feeders.items()} == {"F": 24.0, "G": 6.0}
    assert (found.ongoing, found.threshold) == (0, None)


async def test_what_is_no_outage_counts_for_nothing(application: Application) -> None:
    await commit(application, ended("A", 60, 4, kind="communication"), ended("B", 60, 4, kind="voltage"))
    assert (await application.reliability.report(WEEK)).utility.all_days.events == 0


async def test_an_outage_that_goes_on_costs_what_it_has_cost_so_far(application: Application, clock: SetClock) -> None:
    await commit(application, incident("A", started_at=START, meters_out=3, meters_affected=5))
    day = Period(START, START + DAY)
    clock.set(START + 300)
    found = await application.reliability.so_far(day)
    assert found.utility.all_days.customer_interruptions == 0, "five minutes may still be momentary"

    clock.set(START + 3_600)
    found = await application.reliability.so_far(day)
    assert found.utility.all_days.customer_minutes == 3 * 60
    assert found.ongoing == 1


async def test_power_that_is_back_but_has_not_lasted_is_taken_from_start_to_end(application: Application) -> None:
    long = {"state": "restored", "started_at": START, "meters_affected": 5, "meters_out": 0}
    await commit(application, incident("A", **long, restored_at=START + 600))
    await commit(application, incident("B", **long, restored_at=START + 300))

    found = (await application.reliability.report(WEEK)).utility.all_days
    assert (found.customer_interruptions, found.customer_minutes, found.maifi) == (5, 50.0, 0.25)


async def test_customers_interrupted_again_are_known_by_their_members(application: Application) -> None:
    def chunk(name: str, *meters: str) -> MemberChunk:
        common = {"customer_id": "", "transformer_id": "", "kind": "power_off", "start": START}
        members = [Member(anomaly_id=each, meter_id=each, end=START + 3_600, **common) for each in meters]
        members.append(Member(anomaly_id="blink", meter_id="F9", end=START + 60, **common))
        return MemberChunk(id=name, feeder_id="F", incident_id="inc", members=tuple(members))

    first, second = ended("A", 60, 2, chunks=("c1",)), ended("B", 60, 2, chunks=("c2",))
    await commit(application, first, second)
    assert (await application.reliability.report(WEEK)).utility.all_days.caifi is None, "their documents are gone"

    await application.stores.incidents.put_chunks([chunk("c1", "F0", "F1"), chunk("c2", "F1", "F2")])
    assert (await application.reliability.report(WEEK)).utility.all_days.caifi == pytest.approx(4 / 3)


async def test_a_customer_counts_once_where_incidents_are_part_of_each_other(application: Application) -> None:
    merged = incident("part", state="closed", started_at=START, restored_at=START + 600, parent_id="inc:whole")
    await commit(application, merged, ended("whole", 60, 6), ended("child", 60, 3, parent_id="inc:above"))
    above = ended("above", 60, 3, feeder_id="substation:S", children=("inc:child",))
    await commit(application, above, feeder="substation:S")
    await commit(application, incident("never", state="false_alarm", started_at=START, restored_at=START + 9_000))

    found = await application.reliability.report(WEEK)
    assert found.utility.all_days.customer_interruptions == 6 + 3
    assert set(found.feeders) == {"F", "G"}


async def test_years_before_the_period_tell_which_of_its_days_are_major(application: Application) -> None:
    history = [ended(f"d{day}", 5.0 + day % 7, 2, START - day * DAY) for day in range(1, 61)]
    too_old = ended("old", 600, 10, START - 6 * 365 * DAY)
    week = [ended("usual", 10, 2), ended("storm", 600, 10, START + DAY)]
    for incidents in (history[:30], history[30:], [*week, too_old]):
        await commit(application, *incidents)

    found = await application.reliability.report(WEEK)
    assert found.threshold is not None
    assert found.threshold.days == 60
    assert [each.day for each in found.major_event_days] == ["2024-06-18"]
    assert found.utility.without_major_event_days.customer_minutes == 20


@pytest.mark.parametrize(
    ("start", "end", "zone", "wanted"),
    [
        ("2024-06-17", "2024-06-18", "", (START, START + DAY)),
        ("2024-06-17", "2024-06-18", "America/New_York", (START + 4 * 3_600, START + DAY + 4 * 3_600)),
        (str(START), "2024-06-17T02:00:00+01:00", "", (START, START + 3_600)),
        ("", "", "", (1_704_067_200, START + 5)),
        ("", "", "America/New_York", (1_704_067_200 + 5 * 3_600, START + 5)),
    ],
)
def test_a_period_is_told_by_days_or_moments(start: str, end: str, zone: str, wanted: tuple[int, int]) -> None:
    period = Period.of(start, end, zone, START + 5)
    assert (period.start, period.end, str(period.zone)) == (*wanted, zone or "UTC")


@pytest.mark.parametrize(
    ("start", "end", "zone", "field"),
    [
        ("yesterday", "", "", "from"),
        ("2024-06-17T00:00:00", "", "", "from"),
        ("2024-02-30", "", "", "from"),
        ("", "9" * 30, "", "to"),
        ("2024-06-17", "2024-06-17", "", "to"),
        ("", "", "Mars/Olympus", "zone"),
        ("", "", "../etc/passwd", "zone"),
    ],
)
def test_a_wrong_period_is_refused_with_its_field(start: str, end: str, zone: str, field: str) -> None:
    with pytest.raises(RejectedDocument) as fault:
        Period.of(start, end, zone, START)
    assert fault.value.field == field


def test_today_begins_at_midnight_of_the_zone() -> None:
    now = START + 3 * 3_600
    assert Period.today(now, UTC).start == START
    assert Period.today(now, zone_of("America/New_York")).start == START - 20 * 3_600


async def test_who_looks_every_minute_does_not_read_every_roster_each_time(
    application: Application, clock: SetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[dict[str, int]] = []
    feeders = application.stores.rosters.feeders

    async def counted() -> dict[str, int]:
        counts.append(await feeders())
        return counts[-1]

    monkeypatch.setattr(application.stores.rosters, "feeders", counted)
    for moment in (0, 60, 899):
        clock.set(START + moment)
        await application.reliability.so_far(Period.today(START + moment))
    assert len(counts) == 1
    clock.set(START + 900)
    await application.reliability.so_far(Period.today(START + 900))
    await application.reliability.report(WEEK)
    assert len(counts) == 3
