from __future__ import annotations

import msgspec
import pytest

from functions.domain.board import Board, OpenIncident, PastIncident
from functions.domain.context import Suppression
from functions.domain.errors import Conflict
from functions.domain.incidents import Incident, IncidentKind, IncidentState, Member, MemberChunk, Severity
from functions.domain.notifications import Intent, IntentKind
from functions.domain.troubles import Trouble
from functions.ports import Stores

TROUBLE = Trouble(
    anomaly_id="M1:power_off:1",
    meter_id="M1",
    customer_id="C1",
    transformer_id="T1",
    kind="power_off",
    start=900,
    heard_at=1_000,
    score=9.0,
    threshold=3.0,
    signal="last_gasp",
    incident_id="inc:A",
    told=True,
)
MEMBER = Member(
    anomaly_id="M1:power_off:1", meter_id="M1", customer_id="C1", transformer_id="T1", kind="power_off", start=900
)


def incident(
    name: str = "A",
    revision: int = 1,
    state: IncidentState = IncidentState.confirmed,
    started_at: int = 900,
    feeder: str = "F",
) -> Incident:
    return Incident(
        id=f"inc:{name}:r{revision}",
        incident_id=f"inc:{name}",
        revision=revision,
        feeder_id=feeder,
        kind=IncidentKind.outage,
        state=state,
        device_kind="meter",
        device_id="M1",
        started_at=started_at,
        restored_at=None,
        meters_out=1,
        meters_affected=1,
        customers_affected=1,
        chunks=(f"inc:{name}:m1.0",),
        updated_at=1_000,
    )


def suppression(name: str = "S", until: int = 2_000, feeder: str = "F", **fields: object) -> Suppression:
    return Suppression(
        anomaly_id=name,
        meter_id="M1",
        feeder_id=feeder,
        reason="planned work WO-1",
        source_id="WO-1",
        start=900,
        until=until,
        suppressed_at=fields.pop("suppressed_at", 1_000),
        **fields,
    )


INTENT = Intent(
    id="inc:A:r1:outage_seen",
    kind=IntentKind.outage_seen,
    incident_id="inc:A",
    revision=1,
    feeder_id="F",
    chunks=("inc:A:m1.0",),
    created_at=1_000,
)


def chunk(number: int = 0, members: tuple[Member, ...] = (MEMBER,)) -> MemberChunk:
    return MemberChunk(id=f"inc:A:m1.{number}", feeder_id="F", incident_id="inc:A", members=members)


def holding(ledger: Suppression) -> Board:
    trouble = msgspec.structs.replace(TROUBLE, release_at=ledger.until + 1_800)
    return Board(feeder_id=ledger.feeder_id, suppressed={ledger.anomaly_id: (ledger, trouble)})


async def test_a_feeder_begins_with_an_empty_board(stores: Stores) -> None:
    assert await stores.incidents.board("F") == Board(feeder_id="F")


async def test_a_board_is_read_as_it_was_committed(stores: Stores) -> None:
    opened = OpenIncident(
        incident_id="inc:A",
        kind=IncidentKind.outage,
        device_kind="transformer",
        device_id="T1",
        started_at=900,
        revision=1,
        chunks=("inc:A:m1.0",),
        confirmed_at=960,
        severity=Severity.high,
        look_at=5_000,
        last=incident(),
    )
    board = Board(
        feeder_id="F",
        incidents=[opened],
        troubles={TROUBLE.anomaly_id: TROUBLE},
        suppressed={"S": (suppression(), TROUBLE)},
        handled={19_000: ["fingerprint"]},
        live={"T1": [("M2", 1_800)]},
        past=[
            PastIncident(
                incident_id="inc:B", kind=IncidentKind.voltage, device_kind="feeder", device_id="F", start=100, end=200
            )
        ],
        retired={"inc:C": 4},
        context_mark="orders",
        children={"inc:D": incident("D")},
    )
    await stores.incidents.commit(board, [incident()], [suppression()], [INTENT])

    stored = await stores.incidents.board("F")
    assert stored.etag is not None
    stored.etag = None
    assert stored == board


async def test_a_board_is_replaced_only_while_it_is_unchanged(stores: Stores) -> None:
    await stores.incidents.commit(Board(feeder_id="F"), [], [], [])
    mine, theirs = await stores.incidents.board("F"), await stores.incidents.board("F")
    theirs.handled[1] = ["theirs"]
    await stores.incidents.commit(theirs, [], [], [])

    mine.handled[1] = ["mine"]
    with pytest.raises(Conflict):
        await stores.incidents.commit(mine, [], [], [])
    with pytest.raises(Conflict):
        await stores.incidents.commit(Board(feeder_id="F"), [], [], [])
    assert (await stores.incidents.board("F")).handled == {1: ["theirs"]}


async def test_a_refused_board_takes_its_records_with_it(stores: Stores) -> None:
    await stores.incidents.commit(Board(feeder_id="F"), [], [], [])

    with pytest.raises(Conflict):
        await stores.incidents.commit(Board(feeder_id="F"), [incident()], [suppression()], [INTENT])
    assert await stores.incidents.latest(state=None, feeder_id=None, limit=10) == []
    assert await stores.incidents.suppressions(None, 10) == []


async def test_a_revision_that_exists_takes_the_whole_commit_with_it(stores: Stores) -> None:
    await stores.incidents.commit(Board(feeder_id="F"), [incident()], [], [INTENT])
    board = await stores.incidents.board("F")
    board.handled[1] = ["later"]

    with pytest.raises(Conflict):
        await stores.incidents.commit(board, [incident("B"), incident("A")], [suppression()], [])
    assert (await stores.incidents.board("F")).handled == {}
    assert [each.incident_id for each in await stores.incidents.latest(state=None, feeder_id=None, limit=10)] == [
        "inc:A"
    ]
    assert await stores.incidents.suppressions(None, 10) == []


async def test_member_chunks_of_an_attempt_that_failed_are_overwritten(stores: Stores) -> None:
    await stores.incidents.put_chunks([chunk(0), chunk(1)])
    other = msgspec.structs.replace(MEMBER, meter_id="M2")
    await stores.incidents.put_chunks([chunk(0, (MEMBER, other))])

    found = await stores.incidents.chunks("F", ["inc:A:m1.0", "inc:A:m1.1", "inc:A:m1.9"])
    assert found == [chunk(0, (MEMBER, other)), chunk(1)]
    assert await stores.incidents.chunks("G", ["inc:A:m1.0"]) == []


async def test_due_boards_are_those_with_a_suppression_that_has_ended(stores: Stores) -> None:
    for feeder, until in (("F", 2_000), ("G", 1_500), ("H", 3_000)):
        await stores.incidents.commit(holding(suppression(until=until, feeder=feeder)), [], [], [])
    await stores.incidents.commit(Board(feeder_id="I"), [], [], [])

    assert await stores.incidents.due_boards(1_499 + 1_800, 10) == []
    assert await stores.incidents.due_boards(2_000 + 1_800, 10) == ["G", "F"]
    assert await stores.incidents.due_boards(9_000, 1) == ["G"]


async def test_a_board_is_due_when_one_of_its_incidents_is_to_be_looked_at(stores: Stores) -> None:
    opened = OpenIncident(incident_id="inc:A", kind=IncidentKind.outage, look_at=1_200)
    await stores.incidents.commit(Board(feeder_id="F", incidents=[opened]), [], [], [])

    assert await stores.incidents.due_boards(1_199, 10) == []
    assert await stores.incidents.due_boards(1_200, 10) == ["F"]


async def test_a_board_is_no_longer_due_when_its_suppression_is_gone(stores: Stores) -> None:
    await stores.incidents.commit(holding(suppression()), [], [], [])
    board = await stores.incidents.board("F")
    board.suppressed.clear()
    await stores.incidents.commit(board, [], [], [])

    assert await stores.incidents.due_boards(9_000, 10) == []


async def test_latest_gives_the_newest_revision_of_each_incident_latest_start_first(stores: Stores) -> None:
    revisions = [incident("A", revision) for revision in range(1, 10)]
    revisions.append(incident("A", 10, IncidentState.closed))
    await stores.incidents.commit(Board(feeder_id="F"), [*revisions, incident("B", started_at=1_800)], [], [])
    await stores.incidents.commit(Board(feeder_id="G"), [incident("C", feeder="G", started_at=100)], [], [])

    found = await stores.incidents.latest(state=None, feeder_id=None, limit=10)
    assert [(each.incident_id, each.revision) for each in found] == [("inc:B", 1), ("inc:A", 10), ("inc:C", 1)]


async def test_the_head_of_an_incident_is_its_newest_revision(stores: Stores) -> None:
    await stores.incidents.commit(Board(feeder_id="F"), [incident("A"), incident("A", 2), incident("B")], [], [])

    head = await stores.incidents.head("F", "inc:A")
    assert head is not None
    assert head.revision == 2
    assert await stores.incidents.head("F", "inc:C") is None
    assert await stores.incidents.head("G", "inc:A") is None


async def test_latest_can_be_narrowed(stores: Stores) -> None:
    closed = incident("A", 2, IncidentState.closed)
    await stores.incidents.commit(Board(feeder_id="F"), [incident("A"), closed, incident("B")], [], [])
    await stores.incidents.commit(Board(feeder_id="G"), [incident("C", feeder="G")], [], [])

    async def names(state: str | None, feeder_id: str | None, limit: int = 10) -> list[str]:
        found = await stores.incidents.latest(state=state, feeder_id=feeder_id, limit=limit)
        return [each.incident_id for each in found]

    assert await names("confirmed", None) == ["inc:B", "inc:C"]
    assert await names("closed", None) == ["inc:A"]
    assert await names("confirmed", "F") == ["inc:B"]
    assert await names(None, "G") == ["inc:C"]
    assert len(await names(None, None, limit=1)) == 1


async def test_a_line_of_the_ledger_is_kept_up_to_date(stores: Stores) -> None:
    await stores.incidents.commit(Board(feeder_id="F"), [], [suppression()], [])
    board = await stores.incidents.board("F")
    await stores.incidents.commit(board, [], [suppression(released_at=2_000)], [])

    (line,) = await stores.incidents.suppressions("F", 10)
    assert line.released_at == 2_000


async def test_the_ledger_comes_newest_first_and_by_feeder(stores: Stores) -> None:
    old, new = suppression("old", suppressed_at=100), suppression("new", suppressed_at=200)
    await stores.incidents.commit(Board(feeder_id="F"), [], [old, new], [])
    await stores.incidents.commit(Board(feeder_id="G"), [], [suppression("other", feeder="G", suppressed_at=150)], [])

    assert [each.anomaly_id for each in await stores.incidents.suppressions(None, 10)] == ["new", "other", "old"]
    assert [each.anomaly_id for each in await stores.incidents.suppressions("F", 10)] == ["new", "old"]
    assert [each.anomaly_id for each in await stores.incidents.suppressions(None, 1)] == ["new"]
    newest = (await stores.incidents.suppressions(None, 1))[0].suppressed_at
    for feeder in (None, "F"):
        assert [each.anomaly_id for each in await stores.incidents.suppressions(feeder, 10, newest)] == ["new"]
        assert await stores.incidents.suppressions(feeder, 10, newest + 1) == []
