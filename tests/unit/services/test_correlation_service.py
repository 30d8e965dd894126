"""The correlation service over a real store: committed once, released in time, and expanded to customers."""

from __future__ import annotations

import msgspec
import pytest
from message_office import Office

from functions.adapters.clocks import SetClock
from functions.adapters.sqlite.composition import sqlite_stores
from functions.adapters.sqlite.database import Database
from functions.domain.anomalies import Anomaly, Phase
from functions.domain.board import BOARD_VERSION
from functions.domain.errors import Conflict, RejectedDocument, TransientFault
from functions.domain.notifications import DeliveryState
from functions.domain.publication import MOST_OPERATIONS
from functions.domain.restoration_learning import Learnt
from functions.domain.work_orders import AssetKind, WorkOrder, WorkOrderStatus
from functions.services.correlation import CorrelationService
from functions.services.expectations import ExpectationService
from functions.services.fan_out import FanOutService
from functions.services.feeders import Feeders
from functions.services.grid_context import ContextService

NOW = 1_700_000_000
DARK = Anomaly(
    id="M1:power_off:1:opened", anomaly_id="M1:power_off:1", phase=Phase.opened, meter_id="M1", customer_id="C1",
    transformer_id="T1", feeder_id="F", kind="power_off", start=NOW, end=None, score=9.0, threshold=4.0, why="",
    raised_at=NOW, signal="zero_voltage",
)  # fmt: skip
LIGHT = msgspec.structs.replace(DARK, id="M1:power_off:1:closed", phase=Phase.closed, end=NOW + 900)
WORK = WorkOrder(
    work_order_id="WO", feeder_id="F", asset_kind=AssetKind.feeder, asset_id="F", start=NOW - 60, end=NOW + 3600
)


def fed(*records):
    """Records as a change feed brings them, with the store's own fields."""
    return [{"_rid": "x", **msgspec.to_builtins(record)} for record in records]


@pytest.fixture
def stores(tmp_path):
    database = Database(":memory:")
    yield sqlite_stores(database, tmp_path)
    database.close()


@pytest.fixture
def clock():
    return SetClock(NOW)


@pytest.fixture
def service(stores, clock):
    context, feeders = ContextService(stores.context, buffer_s=900), Feeders(stores.rosters)
    return CorrelationService(stores.incidents, context, feeders, stores.packs, stores.letters, clock)


async def pass_time(service, clock, until, every=60):
    """The timer, every minute."""
    while clock.now() < until:
        clock.set(min(clock.now() + every, until))
        await service.release()


async def test_a_record_delivered_again_commits_nothing(service, clock):
    assert len(await service.correlate(fed(DARK))) == 1
    assert await service.correlate(fed(DARK)) == []
    assert [incident.state for incident in await service.correlate(fed(DARK, LIGHT))] == ["restored"]
    assert await service.correlate(fed(DARK, LIGHT)) == []
    await pass_time(service, clock, NOW + 3600)
    assert await service.correlate(fed(DARK, LIGHT)) == []


async def test_what_planned_work_explained_is_raised_when_it_lasts_longer(service, stores, clock):
    await stores.context.put_orders([WORK])
    assert await service.correlate(fed(DARK)) == []
    clock.set(NOW + 6299)
    assert await service.release() == 0
    clock.set(NOW + 6300)
    assert await service.release() == 1
    (incident,) = await stores.incidents.latest(state="confirmed", feeder_id="F", limit=10)
    assert (incident.meters_out, incident.cause) == (1, "planned")
    assert await service.release() == 0
    (line,) = await stores.incidents.suppressions("F", 10)
    assert line.released_at == NOW + 6300


async def test_orders_that_change_take_effect_when_they_are_reconsidered(service, stores, clock):
    await stores.context.put_orders([WORK])
    await service.correlate(fed(DARK))
    cancelled = msgspec.structs.replace(WORK, status=WorkOrderStatus.cancelled, updated_at=NOW)
    await stores.context.put_orders([cancelled])
    assert [each.state for each in await service.reconsider(["F"])] == ["confirmed"]
    await stores.context.put_orders([msgspec.structs.replace(WORK, updated_at=NOW + 1)])
    assert [each.state for each in await service.reconsider(["F"])] == ["closed"]


async def test_what_ended_in_time_is_never_raised(service, stores, clock):
    await stores.context.put_orders([WORK])
    await service.correlate(fed(DARK))
    await service.correlate(fed(LIGHT))
    clock.set(NOW + 18000)
    assert await service.release() == 0


async def test_an_extended_order_holds_further(service, stores, clock):
    await stores.context.put_orders([WORK])
    await service.correlate(fed(DARK))
    await stores.context.put_orders([msgspec.structs.replace(WORK, end=NOW + 7200)])
    clock.set(NOW + 6300)
    assert await service.release() == 0
    clock.set(NOW + 9900)
    assert await service.release() == 1


async def test_a_board_that_is_never_free_is_given_back(service, stores, monkeypatch):
    async def taken(*records):
        raise Conflict("somebody else")

    monkeypatch.setattr(stores.incidents, "commit", taken)
    with pytest.raises(TransientFault, match="board of feeder F"):
        await service.correlate(fed(DARK))


async def test_a_customer_is_told_once_however_often_the_message_comes(service, stores, clock, monkeypatch):
    intents: list[object] = []
    commit = stores.incidents.commit

    async def watched(board, incidents, suppressions, new):
        intents.extend(new)
        await commit(board, incidents, suppressions, new)

    monkeypatch.setattr(stores.incidents, "commit", watched)
    second = msgspec.structs.replace(DARK, id="M2:power_off:1:opened", anomaly_id="M2:power_off:1", meter_id="M2")
    await service.correlate(fed(DARK, second))
    assert intents == []
    await pass_time(service, clock, NOW + 600)
    documents = [{**each, "type": "intent"} for each in fed(*intents, *intents)]
    messages = (await FanOutService(stores.incidents, stores.customers, stores.letters).expand(documents)).notifications
    office = Office(stores, clock)
    assert [await office.delivery.deliver(message) for message in messages] == [DeliveryState.sent, None]
    assert [customer for customer, _ in office.channels["console"].sent] == ["C1"]
    assert await stores.deliveries.counts() == {"sent": 1}


async def test_when_an_outage_could_first_be_told_is_carried_to_its_messages(service, stores, clock, monkeypatch):
    intents: list[object] = []
    commit = stores.incidents.commit

    async def watched(board, incidents, suppressions, new):
        intents.extend(new)
        await commit(board, incidents, suppressions, new)

    monkeypatch.setattr(stores.incidents, "commit", watched)
    clock.set(NOW + 40)
    await service.correlate(fed(DARK))
    await pass_time(service, clock, NOW + 600)
    fan_out = FanOutService(stores.incidents, stores.customers, stores.letters)
    (told,) = (await fan_out.expand([{**each, "type": "intent"} for each in fed(*intents)])).notifications
    # Heard of after 40 s, it may be momentary for seven minutes.
    assert told.noticed_at == NOW + 420
    assert NOW + 420 <= told.created_at <= NOW + 480


async def test_a_record_that_cannot_be_taken_in_goes_to_the_dead_letters_alone(service, stores):
    of_tomorrow = msgspec.structs.replace(DARK, id="M3:arcing:1:opened", anomaly_id="M3:arcing:1", kind="arcing")
    elsewhere = msgspec.structs.replace(DARK, id="M9:power_off:1:opened", anomaly_id="M9:power_off:1", feeder_id="G")
    revisions = await service.correlate([*fed(DARK, of_tomorrow, elsewhere), {"id": "nonsense"}])
    assert sorted(revision.feeder_id for revision in revisions) == ["F", "G"]
    letters = await stores.letters.letters(10)
    assert [letter.partition for letter in letters] == ["anomalies", "anomalies"]
    assert any("arcing" in letter.reason for letter in letters)


async def test_an_intent_that_cannot_be_expanded_goes_to_the_dead_letters_alone(stores):
    fan_out = FanOutService(stores.incidents, stores.customers, stores.letters)
    out = await fan_out.expand([{"type": "intent", "id": "broken"}, {"type": "board", "id": "board"}])
    assert (out.notifications, out.revisions) == ([], [])
    (letter,) = await stores.letters.letters(10)
    assert letter.partition == "incidents"


async def test_a_step_of_a_feeder_that_fails_does_not_hold_up_another(service, stores, clock, monkeypatch):
    other = msgspec.structs.replace(DARK, id="M9:power_off:1:opened", anomaly_id="M9:power_off:1", feeder_id="G")
    await stores.context.put_orders([WORK, msgspec.structs.replace(WORK, feeder_id="G", asset_id="G")])
    await service.correlate(fed(DARK, other))
    board = stores.incidents.board

    async def broken(feeder_id):
        if feeder_id == "F":
            raise RuntimeError("layout of tomorrow")
        return await board(feeder_id)

    monkeypatch.setattr(stores.incidents, "board", broken)
    clock.set(NOW + 18000)
    assert await service.release() == 1


def odd(meter: str, start: int = NOW, **fields: object) -> Anomaly:
    """An anomaly that is an incident of its own."""
    name = f"{meter}:stuck:{start}"
    values = {"id": f"{name}:opened", "anomaly_id": name, "meter_id": meter, "transformer_id": f"T-{meter}"}
    return msgspec.structs.replace(DARK, **{**values, "kind": "stuck", "start": start, **fields})


async def test_a_step_too_large_for_one_commit_is_cut_into_several(service, stores, monkeypatch):
    commits, commit = [], stores.incidents.commit

    async def counted(board, incidents, suppressions, intents):
        commits.append(1 + 2 * len(incidents) + len(intents) + bool(suppressions))
        await commit(board, incidents, suppressions, intents)

    monkeypatch.setattr(stores.incidents, "commit", counted)
    records = [odd(f"M{number}") for number in range(130)]
    revisions = await service.correlate(fed(*records))
    assert max(commits) <= MOST_OPERATIONS
    assert len(commits) > 2
    assert len({each.incident_id for each in revisions}) == 130
    assert await service.correlate(fed(*records)) == []


async def test_a_storm_is_few_commits_however_many_meters_are_dark(service, stores, monkeypatch):
    commits, commit = [], stores.incidents.commit

    async def counted(*records):
        commits.append(records)
        await commit(*records)

    monkeypatch.setattr(stores.incidents, "commit", counted)
    dark = [
        msgspec.structs.replace(DARK, id=f"M{n}:power_off:1:opened", anomaly_id=f"M{n}:power_off:1", meter_id=f"M{n}")
        for n in range(3_000)
    ]
    (revision,) = await service.correlate(fed(*dark))
    assert len(commits) == 1
    assert revision.meters_out == 3_000


async def test_everything_that_planned_work_held_is_released_in_one_run(service, stores, clock):
    await stores.context.put_orders([WORK])
    held = [odd(f"M{number}", kind="sag") for number in range(150)]
    assert await service.correlate(fed(*held)) == []
    clock.set(WORK.end + 900 + 3600 + 1800)  # a sag is over when an hour has passed without one
    assert await service.release() == 150
    assert all(line.released_at for line in await stores.incidents.suppressions("F", 1_000))
    assert await service.release() == 0


# --- operators ------------------------------------------------------------------------------------------------------


async def test_what_an_operator_does_is_a_revision(service, stores, clock):
    (incident,) = await service.correlate(fed(DARK))
    name = incident.incident_id
    seen = await service.acknowledge("F", name, "anna", NOW + 60)
    assert (seen.revision, seen.acknowledged_by, seen.acknowledged_at) == (2, "anna", NOW + 60)
    assert await service.acknowledge("F", name, "bert", NOW + 90) == seen
    told = await service.inform("F", name, cause="tree", crew_status="on site", utility_estimate=NOW + 7200)
    assert (told.cause, told.crew_status, told.utility_estimate) == ("tree", "on site", NOW + 7200)
    later = await service.inform("F", name, crew_status="done")
    assert (later.cause, later.crew_status) == ("tree", "done")


async def test_a_false_alarm_leaves_the_board_and_its_feeder_learns_from_it(service, stores, clock):
    (incident,) = await service.correlate(fed(odd("M1", kind="unusual", score=9.0)))
    judged = await service.judge("F", incident.incident_id, "false_alarm", "anna", NOW + 60)
    assert (judged.state, judged.acknowledged_by) == ("false_alarm", "anna")
    assert (await stores.incidents.board("F")).incidents == []
    assert sum((await stores.context.profile("F")).pattern.raised) == 1
    again = await service.judge("F", incident.incident_id, "confirmed", "bert", NOW + 90)
    assert (again.state, again.revision) == ("closed", judged.revision + 1)
    assert sum((await stores.context.profile("F")).pattern.confirmed) == 1


async def test_a_verdict_on_an_outage_teaches_nothing_of_what_habits_bear_on(service, stores, clock):
    (incident,) = await service.correlate(fed(DARK))
    await service.judge("F", incident.incident_id, "confirmed", "anna", NOW + 60)
    assert (await stores.context.profile("F")).etag is None


async def test_an_action_on_what_is_not_open_says_so(service):
    with pytest.raises(RejectedDocument, match="names no open incident of feeder F"):
        await service.acknowledge("F", "inc:nobody", "anna", NOW)
    with pytest.raises(RejectedDocument, match="names no incident of feeder F"):
        await service.judge("F", "inc:nobody", "confirmed", "anna", NOW)
    (incident,) = await service.correlate(fed(DARK))
    with pytest.raises(RejectedDocument, match="verdict"):
        await service.judge("F", incident.incident_id, "maybe", "anna", NOW)


async def test_an_incident_judged_after_its_end_goes_on_counting_should_it_come_back(service, stores, clock):
    (first,) = await service.correlate(fed(DARK))
    await service.correlate(fed(LIGHT))
    await pass_time(service, clock, NOW + 3600)
    (over,) = await stores.incidents.latest(state="closed", feeder_id="F", limit=10)
    board = await stores.incidents.board("F")
    board.retired[first.incident_id] = over.revision  # as when it was merged into another that is still on
    await stores.incidents.commit(board, [], [], [])

    judged = await service.judge("F", first.incident_id, "false_alarm", "anna", clock.now())
    assert judged.revision == over.revision + 1
    assert (await stores.incidents.board("F")).retired[first.incident_id] == judged.revision


async def test_a_board_of_a_newer_release_costs_its_own_feeder_alone(service, stores, clock):
    elsewhere = msgspec.structs.replace(DARK, id="M9:power_off:1:opened", anomaly_id="M9:power_off:1", feeder_id="G")
    await service.correlate(fed(DARK, elsewhere))
    database = stores.incidents._incidents.database
    ((body,),) = database.rows("SELECT body FROM documents WHERE partition = 'F' AND id = 'board'")
    newer = msgspec.json.encode(msgspec.json.decode(body) | {"version": BOARD_VERSION + 1, "incidents": "elsewhere"})
    with database.transaction() as connection:
        connection.execute("UPDATE documents SET body = ? WHERE partition = 'F' AND id = 'board'", (newer,))
    ends = [msgspec.structs.replace(LIGHT, id="M9:power_off:1:closed", anomaly_id="M9:power_off:1", feeder_id="G")]
    revisions = await service.correlate(fed(LIGHT, *ends))
    assert {each.feeder_id for each in revisions} == {"G"}
    (letter,) = await stores.letters.letters(10)
    assert "feeder F has version 3" in letter.reason
    assert "deploy the newer release" in letter.reason
    clock.set(NOW + 7200)
    await service.release()
    assert (await stores.incidents.head("G", "inc:M9:power_off:1")).state == "closed"


async def test_a_verdict_given_twice_teaches_once_and_is_published_once(service, stores, clock):
    (incident,) = await service.correlate(fed(odd("M1", kind="unusual", score=9.0)))
    first = await service.judge("F", incident.incident_id, "false_alarm", "anna", NOW + 60)
    again = await service.judge("F", incident.incident_id, "false_alarm", "bert", NOW + 90)
    assert (again.revision, again.acknowledged_by) == (first.revision, "anna")
    assert sum((await stores.context.profile("F")).pattern.raised) == 1


async def test_lessons_that_cannot_be_read_cost_the_estimate_and_no_incident(service, stores, clock, monkeypatch):
    class Unreadable:
        async def read(self):
            return msgspec.json.decode(b'{"calibration": "v2"}', type=Learnt)

    expectations = ExpectationService(Unreadable(), stores.incidents, lambda features: features, "UTC", clock)
    monkeypatch.setattr(service, "_expectations", expectations)
    (incident,) = await service.correlate(fed(DARK))
    assert (incident.kind, incident.restoration_estimate) == ("outage", None)
    assert await stores.letters.letters(10) == []
