from __future__ import annotations

import asyncio

import msgspec
import pytest

from functions.domain.customers import Consent, ConsentState
from functions.domain.errors import Conflict
from functions.domain.notifications import Delivery, DeliveryState, IntentKind, Notification, send_key
from functions.domain.rates import Bucket
from functions.ports import Stores


def claim(key: str = "inc:A|C1|outage_seen|0|1", customer: str = "C1", **more: object) -> Delivery:
    fields = {
        "state": DeliveryState.claimed, "body": "The power has been out at your address.", "claimed_at": 1_000,
        "not_before": 1_060,
    } | more  # fmt: skip
    return Delivery(
        key=key, customer_id=customer, incident_id="inc:A", kind=IntentKind.outage_seen, channel="console",
        **fields,  # type: ignore[arg-type]
    )  # fmt: skip


def sent(delivery: Delivery) -> Delivery:
    return msgspec.structs.replace(delivery, state=DeliveryState.sent, reference="SM1", sent_at=1_001, not_before=0)


async def test_a_message_is_claimed_once(stores: Stores) -> None:
    assert await stores.deliveries.claim(claim()) is True
    assert await stores.deliveries.claim(claim()) is False
    assert await stores.deliveries.claim(claim("inc:A|C2|outage_seen|0|1", "C2")) is True


async def test_of_many_who_claim_at_once_one_succeeds(stores: Stores) -> None:
    claims = await asyncio.gather(*(stores.deliveries.claim(claim(body=str(nth))) for nth in range(8)))
    assert sorted(claims) == [False] * 7 + [True]


async def test_a_record_is_read_as_written(stores: Stores) -> None:
    notification = Notification(
        key=send_key("inc:A", "C1", IntentKind.outage_seen), customer_id="C1", incident_id="inc:A", started_at=900,
        kind=IntentKind.outage_seen, restored_at=None, created_at=1_000, estimate=2_000, cause="tree",
    )  # fmt: skip
    record = claim(to="+12025550143", critical=True, notification=notification, language="sw", refusals=2)
    await stores.deliveries.claim(record)
    assert await stores.deliveries.read("C1", record.key) == record
    assert await stores.deliveries.read("C1", "another") is None


async def test_a_finished_message_stays_claimed(stores: Stores) -> None:
    await stores.deliveries.claim(claim())
    assert await stores.deliveries.replace(claim(), sent(claim())) is True
    assert await stores.deliveries.claim(claim()) is False
    assert await stores.deliveries.counts() == {"sent": 1}


async def test_a_record_is_replaced_only_as_it_stands(stores: Stores) -> None:
    assert await stores.deliveries.replace(claim(), sent(claim())) is False
    await stores.deliveries.claim(claim())
    delivered = msgspec.structs.replace(claim(), state=DeliveryState.delivered)
    done = await asyncio.gather(*(stores.deliveries.replace(claim(), each) for each in (sent(claim()), delivered)))
    assert sorted(done) == [False, True]
    assert await stores.deliveries.replace(claim(), claim(body="stale")) is False
    assert (await stores.deliveries.read("C1", claim().key)) in (sent(claim()), delivered)


async def test_what_waits_is_found_when_it_is_due_and_critical_customers_are_asked_for_apart(stores: Stores) -> None:
    waiting = [
        claim("b", state=DeliveryState.held, not_before=50),
        claim("a", state=DeliveryState.unknown, not_before=40),
        claim("c", "C2", state=DeliveryState.claimed, not_before=60),
        claim("d", state=DeliveryState.held, not_before=45, critical=True),
        claim("e", state=DeliveryState.held, not_before=61),
        claim("f", state=DeliveryState.dropped, not_before=0),
    ]
    for each in waiting:
        await stores.deliveries.claim(each)
    await stores.deliveries.put_consent(Consent(phone="+1", state=ConsentState.opted_out, at=1, source="STOP"))

    async def due(now: int, *, critical: bool, limit: int = 10) -> list[str]:
        return [each.key for each in await stores.deliveries.due(now, critical=critical, limit=limit)]

    assert await due(60, critical=False) == ["a", "b", "c"]
    assert await due(60, critical=False, limit=1) == ["a"]
    assert await due(60, critical=True) == ["d"]
    assert await stores.deliveries.waiting(60) == 2
    await stores.deliveries.replace(waiting[0], sent(waiting[0]))
    assert await due(60, critical=False) == ["a", "c"]


async def test_what_a_provider_is_to_be_asked_about_is_found_when_it_is_due_and_waits_for_nothing(
    stores: Stores,
) -> None:
    taken = {"late": 40, "soon": 30, "later": 90, "never": 0}
    for key, not_before in taken.items():
        await stores.deliveries.claim(claim(key))
        asked = msgspec.structs.replace(sent(claim(key)), not_before=not_before)
        assert await stores.deliveries.replace(claim(key), asked)
    await stores.deliveries.claim(claim("held", state=DeliveryState.held, not_before=10))

    found = await stores.deliveries.unconfirmed(60, 10)
    assert [(each.key, each.not_before) for each in found] == [("soon", 30), ("late", 40)]
    assert [each.key for each in await stores.deliveries.unconfirmed(60, 1)] == ["soon"]
    assert [each.key for each in await stores.deliveries.due(60, critical=False, limit=10)] == ["held"]
    assert await stores.deliveries.waiting(60) == 1


async def test_messages_are_counted_and_listed_by_state(stores: Stores) -> None:
    assert await stores.deliveries.counts() == {}
    for number in range(3):
        await stores.deliveries.claim(claim(f"key {number}", claimed_at=1_000 + number))
    await stores.deliveries.replace(claim("key 0"), claim("key 0", state=DeliveryState.failed))

    assert await stores.deliveries.counts() == {"claimed": 2, "failed": 1}
    assert {each.key for each in await stores.deliveries.in_state(DeliveryState.claimed, 10)} == {"key 1", "key 2"}
    assert len(await stores.deliveries.in_state(DeliveryState.claimed, 1)) == 1


async def test_a_customers_records_are_listed_and_forgotten_and_no_others(stores: Stores) -> None:
    await stores.deliveries.claim(claim("2", claimed_at=2_000))
    await stores.deliveries.claim(claim("1"))
    await stores.deliveries.claim(claim("3", "C2"))

    assert [each.key for each in await stores.deliveries.of_customer("C1")] == ["1", "2"]
    assert await stores.deliveries.remove("C1") == 2
    assert await stores.deliveries.of_customer("C1") == []
    assert await stores.deliveries.remove("C1") == 0
    assert await stores.deliveries.counts() == {"claimed": 1}


async def test_what_a_number_said_is_kept(stores: Stores) -> None:
    assert await stores.deliveries.consent("+12025550143") is None
    for state, word in ((ConsentState.opted_out, "STOP"), (ConsentState.opted_in, "START")):
        said = Consent(phone="+12025550143", state=state, at=1_000, source=word)
        await stores.deliveries.put_consent(said)
        assert await stores.deliveries.consent("+12025550143") == said
    assert await stores.deliveries.consent("+12025550144") is None
    assert await stores.deliveries.counts() == {}


async def test_what_was_spent_is_shared_and_of_two_who_spend_at_once_one_asks_again(stores: Stores) -> None:
    nothing = await stores.deliveries.rates()
    assert (nothing.taken, nothing.etag) == (0, None)
    first = msgspec.structs.replace(nothing, minute=5, taken=20, buckets={"sms": Bucket(7.5, 300)})
    await stores.deliveries.put_rates(first)
    with pytest.raises(Conflict):
        await stores.deliveries.put_rates(first)
    read = await stores.deliveries.rates()
    assert msgspec.structs.replace(read, etag=None) == first
    await stores.deliveries.put_rates(msgspec.structs.replace(read, taken=40))
    with pytest.raises(Conflict):
        await stores.deliveries.put_rates(msgspec.structs.replace(read, taken=60))
    assert (await stores.deliveries.rates()).taken == 40
