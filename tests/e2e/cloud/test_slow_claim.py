"""A claim whose answer comes so late that another process has taken the message over."""

from __future__ import annotations

from typing import Any

from functional.promise_house import NOW, House

from functions.domain.notifications import Delivery, DeliveryState, IntentKind, Notification, send_key
from functions.services.releasing import SURE_AFTER_S

MESSAGE = Notification(
    key=send_key("inc:M00", "M00", IntentKind.outage_seen),
    customer_id="M00",
    incident_id="inc:M00",
    kind=IntentKind.outage_seen,
    started_at=NOW,
    restored_at=None,
    created_at=NOW,
)


class Recorder:
    name = "console"

    def __init__(self) -> None:
        self.sent: list[str] = []

    async def send(self, notification: Notification, *_: object) -> str:
        self.sent.append(notification.key)
        return "ref"

    async def find(self, claim: Delivery) -> str | None:
        return "ref" if claim.key in self.sent else None


class LateAnswer:
    """Deliveries whose claims are made at once and answered when somebody else has looked at them."""

    def __init__(self, store: Any, meanwhile: Any) -> None:
        self._store = store
        self._meanwhile = meanwhile

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def claim(self, delivery: Delivery) -> bool:
        claimed = await self._store.claim(delivery)
        await self._meanwhile()
        return claimed


async def test_a_message_taken_over_meanwhile_is_not_sent_again() -> None:
    rival, phone = House(), Recorder()

    async def meanwhile() -> None:
        rival.clock.set(rival.clock.now() + SURE_AFTER_S)
        await rival.application.releasing.release()
        assert phone.sent == [MESSAGE.key]

    slow = House(rival.database, rival.clock, deliveries=lambda store: LateAnswer(store, meanwhile))
    for house in (rival, slow):
        house.application.delivery._notifiers = {"console": phone}
        house.application.releasing._notifiers = {"console": phone}
    assert await slow.application.delivery.deliver(MESSAGE) is DeliveryState.claimed
    assert phone.sent == [MESSAGE.key]
    assert await rival.application.delivery.deliver(MESSAGE) is None
    rival.database.close()
