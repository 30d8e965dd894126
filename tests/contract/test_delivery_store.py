from __future__ import annotations

import msgspec

from functions.domain.notifications import Delivery, DeliveryState, IntentKind
from functions.ports import Stores


def claim(key: str = "inc:A|C1|outage_seen|console", customer: str = "C1") -> Delivery:
    return Delivery(
        key=key,
        customer_id=customer,
        incident_id="inc:A",
        kind=IntentKind.outage_seen,
        channel="console",
        state=DeliveryState.claimed,
        body="We see a power outage at your address.",
        claimed_at=1_000,
    )


async def test_a_message_is_claimed_once(stores: Stores) -> None:
    assert await stores.deliveries.claim(claim()) is True
    assert await stores.deliveries.claim(claim()) is False
    assert await stores.deliveries.claim(claim("inc:A|C2|outage_seen|console", "C2")) is True


async def test_a_finished_message_stays_claimed(stores: Stores) -> None:
    await stores.deliveries.claim(claim())
    await stores.deliveries.finish(msgspec.structs.replace(claim(), state=DeliveryState.sent, reference="SM1"))

    assert await stores.deliveries.claim(claim()) is False
    assert await stores.deliveries.counts() == {"sent": 1}


async def test_messages_are_counted_by_state(stores: Stores) -> None:
    assert await stores.deliveries.counts() == {}
    for number in range(3):
        await stores.deliveries.claim(claim(f"key {number}"))
    await stores.deliveries.finish(msgspec.structs.replace(claim("key 0"), state=DeliveryState.failed))

    assert await stores.deliveries.counts() == {"claimed": 2, "failed": 1}
