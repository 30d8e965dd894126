"""Looking for incidents, one page after the other, and looking back."""

from __future__ import annotations

import pytest
from incident_records import OPEN_STATE, incident

from functions.domain.incident_search import Cursor, IncidentSearch
from functions.domain.incidents import Incident
from functions.ports import Stores

ANY = IncidentSearch()


async def commit(stores: Stores, feeder: str, *incidents: Incident) -> None:
    await stores.incidents.commit(await stores.incidents.board(feeder), list(incidents), [], [])


async def page(stores: Stores, search: IncidentSearch = ANY, after: Cursor | None = None, limit: int = 10) -> list[str]:
    return [each.incident_id.removeprefix("inc:") for each in await stores.incidents.page(search, after, limit)]


@pytest.fixture
async def six(stores: Stores) -> None:
    """A to D of feeder F, of which A is closed and B, C and D began together; E and Z of feeder G."""
    closed = incident("A", 2, state="closed", restored_at=1_000)
    together = [incident(name, started_at=2_000) for name in "DBC"]
    await commit(stores, "F", incident("A"), closed, *together)
    other = [incident(name, feeder_id="G", started_at=at) for name, at in (("E", 1_500), ("Z", 2_000))]
    await commit(stores, "G", *other)


async def test_a_page_has_the_newest_revision_of_each_latest_start_first(stores: Stores, six: None) -> None:
    assert await page(stores) == ["B", "C", "D", "Z", "E", "A"]
    (closed,) = await stores.incidents.page(IncidentSearch(states=frozenset({"closed"})), None, 10)
    assert (closed.revision, closed.restored_at) == (2, 1_000)


@pytest.mark.parametrize(
    ("search", "wanted"),
    [
        (IncidentSearch(states=frozenset({OPEN_STATE})), "BCDZE"),
        (IncidentSearch(states=frozenset({OPEN_STATE, "closed"})), "BCDZEA"),
        (IncidentSearch(feeder_id="G"), "ZE"),
        (IncidentSearch(feeder_id="H"), ""),
        (IncidentSearch(since=1_500), "BCDZE"),
        (IncidentSearch(until=1_500), "A"),
        (IncidentSearch(since=1_500, until=2_000), "E"),
        (IncidentSearch(feeder_id="F", states=frozenset({OPEN_STATE}), since=0, until=9_000), "BCD"),
    ],
)
async def test_a_page_can_be_narrowed(stores: Stores, six: None, search: IncidentSearch, wanted: str) -> None:
    assert await page(stores, search) == list(wanted)


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
async def test_pages_follow_each_other_without_a_gap(stores: Stores, six: None, size: int) -> None:
    seen: list[str] = []
    after = None
    while found := await stores.incidents.page(ANY, after, size):
        assert len(found) <= size
        seen += [each.incident_id[-1] for each in found]
        after = Cursor.of(found[-1])
    assert seen == list("BCDZEA")


async def test_an_incident_is_found_on_whatever_feeder(stores: Stores, six: None) -> None:
    found = await stores.incidents.find("inc:E")
    assert found == incident("E", feeder_id="G", started_at=1_500)
    assert await stores.incidents.find("inc:E:r1") is None
    assert await stores.incidents.find("inc:none") is None


async def test_history_has_every_revision_oldest_first(stores: Stores) -> None:
    revisions = [incident("A", number) for number in range(1, 13)]
    await commit(stores, "F", *revisions, incident("AB"))

    assert await stores.incidents.history("F", "inc:AB") == [incident("AB")]
    assert await stores.incidents.history("F", "inc:A") == revisions
    assert await stores.incidents.history("G", "inc:A") == []


async def test_the_log_has_the_incidents_that_began_in_a_period_earliest_first(stores: Stores, six: None) -> None:
    async def log(start: int, end: int) -> list[tuple[str, int]]:
        return [(each.incident_id[-1], each.revision) for each in await stores.incidents.log(start, end)]

    assert await log(0, 9_000) == [("A", 2), ("E", 1), ("B", 1), ("C", 1), ("D", 1), ("Z", 1)]
    assert await log(1_500, 2_000) == [("E", 1)]
