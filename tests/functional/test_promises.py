"""The promises: nothing lost, nothing twice, nobody's fault becomes a neighbour's."""

from __future__ import annotations

import asyncio
import json
import random

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from promise_house import FIRST_SLOT, INTERVAL_S, METERS, NOW, House, bodies, device_event, reading, score, story

from functions.domain.errors import TransientFault
from functions.domain.features import FEATURES
from functions.domain.packs import METER, CustomerType, describe
from functions.domain.readings import decode
from functions.domain.roster_row import RosterRow
from functions.services import scoring

settings.register_profile(
    "promises", deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), print_blob=False
)
FEW = settings(settings.get_profile("promises"), max_examples=30)
MANY = settings(settings.get_profile("promises"), max_examples=120)

seeds = st.integers(0, 10_000)


async def told_before(seed: int, **wrapped) -> tuple[House, list]:
    """A house that has heard the first part of a story, and the records of the second."""
    before, batch = story(seed)
    house = await House().load()
    await house.score(bodies(before, random.Random(seed)))
    if wrapped:
        house = House(house.database, **wrapped)
    return house, batch


def same(one: House, other: House) -> None:
    assert one.meters() == other.meters()
    assert one.packs() == other.packs()
    assert one.anomalies() == other.anomalies()
    assert one.told() == other.told() == len(one.anomalies())


# --- hostile input -------------------------------------------------------------------------------------------------

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-(10**400), 10**400),
    st.floats(),
    st.text(max_size=80),
    st.sampled_from([-1, 4294967.295, 1e308, -0.0, "", "M00", "a/b", "\ud800", "2023-11-14T22:13:20", NOW, 230.0]),
)
anything = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)
names = st.sampled_from(["feeder_id", "interval_s", "readings", "end_device_events", "meter_id", "timestamp", "code"])
envelopes = st.dictionaries(
    st.one_of(names, st.text(max_size=5)), st.one_of(anything, st.just("F1"), st.just(900)), max_size=6
)
bytes_of_bodies = st.one_of(
    st.binary(max_size=300),
    anything.map(lambda value: json.dumps(value).encode()),
    envelopes.map(lambda value: json.dumps(value).encode()),
)
GOOD = [reading("M00", FIRST_SLOT + n, 231.0 + n, 0.2) for n in range(4)] + [reading("N0", FIRST_SLOT, 0.0, 0.0)]


async def undisturbed() -> dict[str, bytes]:
    house = await House().load({"F1": ["M00", "M01"], "F2": ["N0"]})
    await house.score(bodies(GOOD, random.Random(1)))
    return house.meters()


@MANY
@given(st.lists(bytes_of_bodies, min_size=1, max_size=3), st.integers(0, 3))
def test_any_body_is_counted_and_harms_no_neighbour(hostile, at):
    async def run():
        house = await House().load({"F1": ["M00", "M01"], "F2": ["N0"]})
        good = bodies(GOOD, random.Random(1))
        events = [*good[:at], *hostile, *good[at:]]
        report = await house.score(events)
        assert report.tally.received == sum(decode(body, NOW).records for body in hostile) + len(GOOD)
        assert report.tally.received == sum(report.tally.as_dict().values())
        now, clean = house.meters(), await undisturbed()
        assert all(now[meter] == clean[meter] for meter in ("M00", "N0"))

    asyncio.run(run())


@MANY
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["meter_id", "timestamp", "voltage_v", "energy_kwh"]), scalars, min_size=1),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 4),
)
def test_a_mutated_record_in_a_list_harms_no_neighbour(mutations, at):
    valid = {"meter_id": "M01", "timestamp": NOW - 900, "voltage_v": 230.0, "energy_kwh": 0.1}
    broken = [{**valid, **mutation} for mutation in mutations]
    broken = [record for record in broken if record["meter_id"] != "M00"]
    good = [{"meter_id": "M00", "timestamp": row.at, "voltage_v": row.volts, "energy_kwh": row.kwh} for row in GOOD[:4]]

    async def run():
        house = await House().load({"F1": ["M00", "M01"], "F2": ["N0"]})
        records = [*good[:at], *broken, *good[at:]]
        report = await house.score([json.dumps({"feeder_id": "F1", "readings": records}).encode()])
        assert report.tally.received == len(records)
        assert house.meters()["M00"] == (await undisturbed())["M00"]
        kept = sum(len(letter["refusals"]) for letter in house.letters())
        counts = report.tally.as_dict()
        assert kept == counts["quarantined"] + counts["dead_lettered"]

    asyncio.run(run())


@MANY
@given(st.text('{}[]",:NaN0', max_size=30), st.integers(0, 200))
def test_text_broken_anywhere_never_raises_and_always_counts(noise, place):
    body = json.dumps({"feeder_id": "F1", "readings": [{"meter_id": "M01", "timestamp": NOW, "voltage_v": 230}] * 3})
    broken = (body[:place] + noise + body[place:]).encode()

    async def run():
        house = await House().load({"F1": ["M00", "M01"], "F2": ["N0"]})
        report = await house.score([broken])
        assert report.tally.received == decode(broken, NOW).records

    asyncio.run(run())


async def test_what_was_refused_leaves_the_state_as_it_was():
    house, _ = await told_before(1)
    before = house.packs()
    record = {"meter_id": "M00", "timestamp": NOW}
    refused = [
        {**record, "voltage_v": -1},
        {**record, "voltage_v": 5000},
        {**record, "timestamp": NOW + 7200, "voltage_v": 230},
        {**record, "timestamp": NOW - 8 * 86_400, "voltage_v": 230},
        record,
        {**record, "meter_id": "a/b", "voltage_v": 230},
    ]
    report = await house.score([json.dumps({"feeder_id": "F1", "readings": refused}).encode()])
    assert report.tally.as_dict()["quarantined"] == len(refused)
    assert house.packs() == before
    other = json.dumps({"feeder_id": "F1", "interval_s": 300, "readings": [{**record, "voltage_v": 230}]}).encode()
    report = await house.score([other], first=50)
    assert report.tally.as_dict()["quarantined"] == 1
    assert house.packs() == before
    assert house.letters()[-1]["reason"] == "interval_changed"


# --- replays, cuts, orders -----------------------------------------------------------------------------------------


@FEW
@given(seeds, st.integers(1, 400))
def test_a_replayed_batch_changes_nothing(seed, size):
    async def run():
        house, batch = await told_before(seed)
        events = bodies(batch, random.Random(seed), size)
        first = await house.score(events)
        state, anomalies, told = house.packs(), house.anomalies(), house.told()
        again = await house.score(events)
        elsewhere = await House(house.database).score(events)
        assert (house.packs(), house.anomalies(), house.told()) == (state, anomalies, told)
        for report in (again, elsewhere):
            assert report.tally.as_dict()["applied"] == 0
            assert report.tally.received == first.tally.received == len(batch)

    asyncio.run(run())


@FEW
@given(seeds, st.data())
def test_a_batch_cut_in_two_anywhere_gives_the_same(seed, data):
    async def run():
        whole, batch = await told_before(seed)
        pieces, _ = await told_before(seed)
        cut = data.draw(st.integers(0, len(batch)))
        rng = random.Random(seed)
        await whole.score(bodies(batch, rng))
        for part in (batch[:cut], batch[cut:]):
            await pieces.score(bodies(part, rng))
        same(whole, pieces)

    asyncio.run(run())


@FEW
@given(seeds, st.randoms(use_true_random=False), st.integers(1, 400))
def test_a_shuffled_batch_gives_the_same(seed, rng, size):
    async def run():
        whole, batch = await told_before(seed)
        shuffled, _ = await told_before(seed)
        # Two values for one slot as well: which of them counts does not depend on the order.
        twice = [reading(each.meter, each.slot, 211.0, each.kwh) for each in batch if each.is_reading][::9]
        batch += twice
        await whole.score(bodies(batch, random.Random(seed)))
        mixed = rng.sample(batch, len(batch))
        events = bodies(mixed, random.Random(seed), size)
        await shuffled.score(rng.sample(events, len(events)))
        same(whole, shuffled)

    asyncio.run(run())


@FEW
@given(seeds)
def test_the_whole_stream_delivered_again_later_is_duplicate_or_late(seed):
    async def run():
        house, batch = await told_before(seed)
        await house.score(bodies(batch, random.Random(seed)))
        state, anomalies = house.packs(), house.anomalies()
        house.clock.set(NOW + 3 * 86_400)
        stream = [*story(seed)[0], *batch]
        report = await house.score(bodies(stream, random.Random(seed + 1)))
        counts = report.tally.as_dict()
        assert counts["duplicate"] + counts["late"] == len(stream)
        assert (house.packs(), house.anomalies()) == (state, anomalies)

    asyncio.run(run())


# --- stores that fail ----------------------------------------------------------------------------------------------


class Failing:
    """A store whose chosen calls fail: before they are made, or after."""

    def __init__(self, store, fails):
        self._store = store
        self._fails = fails

    def __getattr__(self, name):
        method = getattr(self._store, name)

        async def call(*arguments, **keywords):
            if self._fails(name, before=True):
                raise TransientFault(f"{name} is throttled")
            result = await method(*arguments, **keywords)
            if self._fails(name, before=False):
                raise TransientFault(f"{name} timed out")
            return result

        return call


class Once:
    """Fails the n-th call of all stores, once."""

    def __init__(self, nth, before):
        self.left = nth
        self.before = before
        self.fired = False

    def __call__(self, name, before):
        if before is not self.before or self.fired:
            return False
        self.left -= 1
        self.fired = self.left < 0
        return self.fired


@pytest.mark.parametrize("before", [True, False], ids=["throttled", "timed out"])
@pytest.mark.parametrize("survives", [True, False], ids=["same process", "new process"])
async def test_after_a_transient_fault_the_next_delivery_gives_the_undisturbed_result(before, survives):
    clean, batch = await told_before(3)
    events = bodies(batch, random.Random(3))
    undisturbed = await clean.score(events)
    failures = 0
    for nth in range(50):
        fault = Once(nth, before)
        wrapped = {
            name: lambda store, fault=fault: Failing(store, fault)
            for name in ("packs", "anomalies", "rosters", "letters")
        }
        house, _ = await told_before(3, **wrapped)
        if not fault.fired:
            try:
                await house.score(events)
            except TransientFault:
                failures += 1
                assert fault.fired
                report = await (house if survives else House(house.database)).score(events)
                assert report.tally.received == undisturbed.tally.received
        same(house, clean)
        if not fault.fired:
            break
    assert failures >= 4
    assert not fault.fired


class Rival:
    """A pack store in front of which somebody else writes first, once."""

    def __init__(self, store, first):
        self._store = store
        self._first = first

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def write(self, packs):
        if self._first is not None:
            first, self._first = self._first, None
            return await first(self._store, packs)
        return await self._store.write(packs)


@FEW
@given(seeds, st.data())
def test_when_somebody_else_wrote_first_the_result_is_a_serial_order(seed, data):
    async def run():
        serial, batch = await told_before(seed)
        cut = data.draw(st.integers(0, len(batch)))
        theirs, ours = bodies(batch[:cut], random.Random(seed)), bodies(batch[cut:], random.Random(seed))
        await serial.score(theirs)
        await serial.score(ours)

        async def interrupt(store, packs):
            await House(rivals.database).score(theirs)
            return await store.write(packs)

        rivals, _ = await told_before(seed, packs=lambda store: Rival(store, interrupt))
        report = await rivals.score(ours)
        assert report.tally.received == len(batch) - cut
        if ours and cut:
            same(rivals, serial)

    asyncio.run(run())


@FEW
@given(seeds, st.integers(0, 2))
def test_a_lost_write_is_applied_again(seed, lost):
    async def run():
        clean, batch = await told_before(seed)
        events = bodies(batch, random.Random(seed))
        expected = await clean.score(events)

        async def lose(store, packs):
            kept = [pack for nth, pack in enumerate(packs) if nth != lost]
            etags = await store.write(kept)
            return [*etags[:lost], None, *etags[lost:]] if lost < len(packs) else etags

        house, _ = await told_before(seed, packs=lambda store: Rival(store, lose))
        report = await house.score(events)
        assert report.tally.as_dict() == expected.tally.as_dict()
        assert (report.windows, report.anomalies) == (expected.windows, expected.anomalies)
        same(house, clean)

    asyncio.run(run())


async def test_a_pack_that_is_never_free_is_given_back_to_the_hub():
    class Never:
        def __init__(self, store):
            self._store = store

        def __getattr__(self, name):
            return getattr(self._store, name)

        async def write(self, packs):
            return [None] * len(packs)

    house, batch = await told_before(2, packs=Never)
    with pytest.raises(TransientFault, match="changes faster than it can be written"):
        await house.score(bodies(batch, random.Random(2)))


async def test_the_last_attempt_counts():
    class Seventh(Rival):
        calls = 0

        async def write(self, packs):
            self.calls += 1
            return await self._store.write(packs) if self.calls == 8 else [None] * len(packs)

    house, batch = await told_before(2, packs=lambda store: Seventh(store, None))
    report = await house.score(bodies(batch, random.Random(2)))
    assert report.tally.received == len(batch)


# --- poison --------------------------------------------------------------------------------------------------------

POISON_KWH = 1111.0


def poisoned(features, usual_mean, usual_sd):
    if (features[:, FEATURES.index("energy_log")] > np.log1p(np.float32(1000))).any():
        raise ZeroDivisionError("the model cannot do this")
    return score(features, usual_mean, usual_sd)


@pytest.mark.parametrize("position", [0, 3, 6])
async def test_only_the_event_a_scorer_fails_on_is_dead_lettered(position):
    good = [reading(meter, FIRST_SLOT + 12, 231.0, 0.2) for meter in METERS["F1"][:60]]
    events = bodies(good, random.Random(5), 10)
    poison = bodies([reading("M61", FIRST_SLOT + 12, 230.0, POISON_KWH)], random.Random(5))
    clean = await House().load()
    await clean.score(events)
    house = await House(scorer=poisoned).load()
    report = await house.score([*events[:position], *poison, *events[position:]], first=100)
    assert report.tally.as_dict() == {
        "applied": 60, "duplicate": 0, "late": 0, "quarantined": 0, "dead_lettered": 1,
    }  # fmt: skip
    (letter,) = house.letters()
    assert (letter["partition"], letter["sequence_number"]) == ("7", 100 + position)
    assert letter["reason"] == "ZeroDivisionError: the model cannot do this"
    states, expected = house.meters(), clean.meters()
    assert all(states[meter] == expected[meter] for meter in METERS["F1"][:60])
    assert states["M61"] == expected["M61"]


async def test_an_event_that_breaks_the_decoder_is_dead_lettered_alone(monkeypatch):
    def fragile(body, now):
        if b"M03" in body:
            raise RuntimeError("no")
        return decode(body, now)

    monkeypatch.setattr(scoring, "decode", fragile)
    good = [reading(meter, FIRST_SLOT + 12, 231.0, 0.2) for meter in METERS["F1"][:5]]
    house = await House().load()
    report = await house.score(bodies(good, random.Random(5), 1))
    assert report.tally.as_dict()["applied"] == 4
    assert report.tally.as_dict()["dead_lettered"] == 1
    assert [letter["sequence_number"] for letter in house.letters()] == [3]


# --- the outbox ----------------------------------------------------------------------------------------------------


class DiesAfterCommit:
    """The first insert of anomalies after a commit fails, once."""

    def __init__(self):
        self.committed = self.fired = False

    def __call__(self, name, before):
        self.committed |= name == "write" and not before
        fails = name == "insert" and self.committed and not self.fired
        self.fired |= fails
        return fails


@pytest.mark.parametrize("way", ["next load", "advance"])
async def test_anomalies_of_a_process_that_died_after_its_commit_are_told_exactly_once(way):
    clean, batch = await told_before(4)
    events = bodies(batch, random.Random(4))
    await clean.score(events)
    died = DiesAfterCommit()
    failing = {name: lambda store: Failing(store, died) for name in ("packs", "anomalies")}
    house, _ = await told_before(4, **failing)
    with pytest.raises(TransientFault):
        await house.score(events)
    assert len(house.anomalies()) < len(clean.anomalies())
    heir = House(house.database)
    if way == "advance":
        heir.clock.set(NOW + 301)
        await heir.application.advancing.advance()
    else:
        await heir.score(events)
    opened = {record for record in heir.anomalies() if "no_reads" not in record[0]}
    assert opened == {record for record in clean.anomalies() if "no_reads" not in record[0]}
    assert heir.told() == len(heir.anomalies())
    await heir.score(events)
    await heir.application.advancing.advance()
    assert heir.told() == len(heir.anomalies())
    (pending,) = heir.database.connection.execute(
        "SELECT count(*) FROM packs WHERE outbox_pending IS NOT NULL AND outbox <> '[]'"
    ).fetchone()
    assert pending == 0 or way == "next load"


async def test_advance_delivers_an_outbox_that_was_left_behind_and_says_so():
    died = Once(0, before=True)
    house = await House(anomalies=lambda store: Failing(store, died)).load({"F1": ["M00"]})
    with pytest.raises(TransientFault):
        await house.score(bodies([reading("M00", FIRST_SLOT + 12, 0.0, 0.0)], random.Random(1)))
    heir = House(house.database)
    heir.clock.set(NOW + 301)
    assert (await heir.application.advancing.advance()).flushed == 1
    assert heir.told() == 1
    assert (await heir.application.advancing.advance()).flushed == 0


# --- time passes ---------------------------------------------------------------------------------------------------


async def test_a_silent_meter_is_told_once_and_ends_with_its_next_reading():
    house = await House().load({"F1": ["M00", "M01"]})
    for slot in (FIRST_SLOT, FIRST_SLOT + 1):
        await house.score(bodies([reading(meter, slot, 230.0, 0.1) for meter in ("M00", "M01")], random.Random(1)))
    house.clock.set((FIRST_SLOT + 3) * INTERVAL_S + 45 * 60 + 1)
    assert (await house.application.advancing.advance()).silent == 2
    assert (await house.application.advancing.advance()).silent == 0
    await house.score(bodies([reading("M00", FIRST_SLOT + 6, 230.0, 0.1)], random.Random(1)))
    start, end = (FIRST_SLOT + 2) * INTERVAL_S, (FIRST_SLOT + 6) * INTERVAL_S
    assert house.anomalies() == [
        (f"M00:no_reads:{FIRST_SLOT + 2}:closed", start, end),
        (f"M00:no_reads:{FIRST_SLOT + 2}:opened", start, None),
        (f"M01:no_reads:{FIRST_SLOT + 2}:opened", start, None),
    ]


async def test_a_retired_meter_is_waited_for_no_longer_and_its_silence_ends():
    house = await House().load({"F1": ["M00", "M01", "M02"]})
    await house.score(bodies([reading(f"M0{n}", FIRST_SLOT, 230.0, 0.1) for n in range(3)], random.Random(1)))
    await retire(house, "M02")
    await house.score(bodies([reading("M00", FIRST_SLOT + 12, 230.0, 0.1)], random.Random(1)))
    assert (await house.application.advancing.advance()).silent == 1
    await retire(house, "M01")
    await house.score(bodies([reading("M00", FIRST_SLOT + 13, 230.0, 0.1)], random.Random(1)))
    name, start = f"M01:no_reads:{FIRST_SLOT + 1}", (FIRST_SLOT + 1) * INTERVAL_S
    assert house.anomalies() == [(f"{name}:closed", start, start + INTERVAL_S), (f"{name}:opened", start, None)]


async def retire(house: House, meter: str) -> None:
    await house.application.feeders.load([RosterRow(meter_id=meter, feeder_id="F1", retired=True)], house.clock.now())


async def test_a_meter_nobody_announced_is_never_swept_for_silence():
    house = House()
    await house.score(bodies([reading("M00", FIRST_SLOT, 230.0, 0.1)], random.Random(1)))
    house.clock.set(NOW + 6 * 3600)
    assert (await house.application.advancing.advance()).silent == 0
    await house.load({"F1": ["M00"]})
    await house.score(bodies([reading("M00", FIRST_SLOT + 1, 230.0, 0.1)], random.Random(1)))
    assert (await house.application.advancing.advance()).silent == 1


async def test_a_process_with_an_old_roster_mixes_no_meters_up():
    old = await House().load({"F1": ["M00"], "F2": ["N0"]})
    await old.score(bodies([reading("M00", FIRST_SLOT, 230.0, 0.1), reading("N0", FIRST_SLOT, 230.0, 0.1)], random))
    new = await House(old.database).load({"F1": ["M01", "M02"]})
    await new.score(bodies([reading(meter, FIRST_SLOT, 231.0, 0.1) for meter in ("M01", "M02")], random))
    known = new.meters()
    old.application.states._cache.clear()
    await old.score(
        bodies([reading("M00", FIRST_SLOT + 1, 230.0, 0.1), reading("N0", FIRST_SLOT + 1, 230.5, 0.1)], random)
    )
    assert {meter: old.meters()[meter] for meter in ("M01", "M02")} == {m: known[m] for m in ("M01", "M02")}
    old.clock.set(NOW + 86_400 - 100)
    await old.application.advancing.advance()
    assert sum("no_reads" in record[0] for record in old.anomalies()) == 4


async def test_a_changed_interval_on_the_roster_ends_what_was_open_and_starts_afresh():
    house = await House().load({"F1": ["M00", "M01"]})
    await house.score(bodies([reading("M00", FIRST_SLOT, 0.0, 0.0), reading("M01", FIRST_SLOT, 230.0, 0.1)], random))
    rows = [house.application.feeders._cache["F1"][0].row(0)]
    await house.application.feeders.load([msgspec.structs.replace(rows[0], interval_s=300)], NOW)
    neighbour = house.meters()["M01"]
    at = NOW - 300
    body = {"feeder_id": "F1", "interval_s": 300, "readings": [{"meter_id": "M00", "timestamp": at, "voltage_v": 230}]}
    report = await house.score([json.dumps(body).encode()])
    assert report.tally.as_dict()["applied"] == 1
    assert [record[0].rsplit(":", 1)[1] for record in house.anomalies()] == ["closed", "opened"]
    assert house.meters()["M01"] == neighbour
    assert (await house.score([json.dumps(body).encode()])).tally.as_dict()["duplicate"] == 1
    old = bodies([reading("M00", FIRST_SLOT + 1, 230.0, 0.1)], random)
    assert (await house.score(old)).tally.as_dict()["quarantined"] == 1


async def test_a_roster_that_names_a_customer_type_later_tells_the_pack_and_starts_nothing_afresh():
    house = await House().load({"F1": ["M00", "M01"]})
    for nth in range(12):
        slot = FIRST_SLOT + nth
        await house.score(bodies([reading(meter, slot, 230.0 + nth % 3, 0.1) for meter in ("M00", "M01")], random))
    before = {meter: np.frombuffer(data, METER)[0] for meter, data in house.meters().items()}
    row = house.application.feeders._cache["F1"][0].row(0)
    await house.application.feeders.load([msgspec.structs.replace(row, customer_type="commercial")], NOW)
    await house.score(bodies([reading(meter, slot, 230.0, 0.1) for meter in ("M00", "M01")], random))
    after = {meter: np.frombuffer(data, METER)[0] for meter, data in house.meters().items()}
    assert [describe(after[meter]).customer_type for meter in ("M00", "M01")] == ["commercial", "unknown"]
    assert describe(after["M00"]).samples == describe(before["M00"]).samples > 0
    told = before["M00"].copy()
    told["customer_type"] = CustomerType.commercial
    assert after["M00"].tobytes() == told.tobytes()
    # A later row that does not say it again takes nothing back.
    await house.application.feeders.load([row], NOW)
    await house.score(bodies([reading("M00", slot + 1, 230.0, 0.1)], random))
    assert describe(np.frombuffer(house.meters()["M00"], METER)[0]).customer_type == "commercial"


async def test_a_new_meter_is_met_with_the_prior_of_its_customer_type():
    house = await House().load({"F1": ["M00"]})
    row = house.application.feeders._cache["F1"][0].row(0)
    await house.application.feeders.load(
        [msgspec.structs.replace(row, meter_id="M01", customer_type="industrial")], NOW
    )
    await house.score(bodies([reading(meter, FIRST_SLOT, 230.0, 0.1) for meter in ("M00", "M01")], random))
    found = {meter: describe(np.frombuffer(data, METER)[0]).customer_type for meter, data in house.meters().items()}
    assert found == {"M00": "unknown", "M01": "industrial"}


async def test_one_outage_with_a_last_gasp_is_one_anomaly_that_ends_when_power_is_seen():
    house = await House().load({"F1": ["M00"]})
    await house.score(bodies([reading("M00", FIRST_SLOT, 230.0, 0.1)], random))
    gasp = device_event("M00", (FIRST_SLOT + 1) * INTERVAL_S + 60, "last_gasp")
    await house.score(bodies([gasp], random))
    await house.score(bodies([gasp, reading("M00", FIRST_SLOT + 6, 230.0, 0.1)], random))
    start, end = (FIRST_SLOT + 1) * INTERVAL_S, (FIRST_SLOT + 6) * INTERVAL_S
    identity = f"M00:power_off:{FIRST_SLOT + 1}"
    assert house.anomalies() == [(f"{identity}:closed", start, end), (f"{identity}:opened", start, None)]
