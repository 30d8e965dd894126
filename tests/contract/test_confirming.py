"""Confirming: of messages whose reports were lost the real SDK asks a loopback Twilio, for a day at the longest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from channels import sms
from emulators.twilio import TwilioServer
from emulators.twilio.faults import Rule
from message_office import Office, message

from functions.adapters.clocks import SetClock, SystemClock
from functions.domain.customers import Customer
from functions.domain.notifications import Delivery, DeliveryState
from functions.domain.status_reports import NOBODY_SAYS, StatusReport
from functions.ports import Notifier, Stores
from functions.services import confirming
from functions.services.confirming import ConfirmService
from functions.services.status import StatusService

MINUTE, HOUR = 60, 3_600
NOW = SystemClock().now()
"""The server's clock is the machine's."""


@pytest.fixture(scope="module")
def server() -> Iterator[TwilioServer]:
    with TwilioServer() as running:
        yield running


@pytest.fixture
def twilio(tmp_path: Path, server: TwilioServer) -> Iterator[Notifier]:
    with sms(tmp_path, server) as channel:
        yield channel.notifier


class House:
    """An office over Twilio, and the minute's sweep."""

    def __init__(self, stores: Stores, twilio: Notifier, server: TwilioServer) -> None:
        self.stores, self.server, self.clock = stores, server, SetClock(NOW)
        self.office = Office(stores, self.clock, twilio)  # type: ignore[arg-type]
        self.status = StatusService(stores.deliveries, stores.customers, ("sms", "voice"), self.office, self.clock)
        self.confirming = ConfirmService(stores.deliveries, self.status, {"sms": twilio}, self.clock)

    async def tell(self, *customers: str, critical: bool = False) -> None:
        for nth, name in enumerate(customers):
            known = Customer(
                customer_id=name, phone=f"+120255501{nth:02}", critical=critical, quiet_from=0, quiet_to=0,
                channels=("sms",),
            )  # fmt: skip
            await self.stores.customers.put([known])
            assert await self.office.tell(message(customer=name, at=self.clock.now())) == [DeliveryState.sent]
        self.server.wait()

    async def pass_time(self, seconds: int, step: int = 5 * MINUTE) -> list[int]:
        """The ages in minutes at which Twilio was asked."""
        asked, end = [], self.clock.now() + seconds
        while self.clock.now() < end:
            before = self.questions
            self.clock.set(self.clock.now() + step)
            await self.confirming.confirm()
            asked += [(self.clock.now() - NOW) // MINUTE] * (self.questions - before)
        return asked

    @property
    def questions(self) -> int:
        requests: dict[str, int] = self.server.report()["requests"]
        return requests.get("GET Messages", 0)

    async def record(self, customer: str = "C1") -> Delivery:
        return (await self.stores.deliveries.of_customer(customer))[0]


@pytest.fixture
async def house(stores: Stores, twilio: Notifier, server: TwilioServer) -> House:
    return House(stores, twilio, server)


async def test_a_message_whose_report_was_lost_is_asked_about_and_its_end_is_known(house: House) -> None:
    await house.tell("C1")
    assert (await house.record()).state is DeliveryState.sent
    assert await house.pass_time(2 * HOUR) == [30]
    record = await house.record()
    assert (record.state, record.not_before, record.reason) == (DeliveryState.delivered, 0, "")


async def test_a_message_that_was_reported_is_not_asked_about(house: House) -> None:
    await house.tell("C1")
    record = await house.record()
    for state in (DeliveryState.sent, DeliveryState.delivered):
        await house.status.take(
            StatusReport(customer_id="C1", key=record.key, reference=record.reference, state=state, at=NOW + 5)
        )
    assert await house.pass_time(2 * HOUR) == []


async def test_a_message_that_never_arrived_takes_another_way_with_its_code(house: House) -> None:
    house.server.set_faults(Rule("undelivered", code=30003))
    await house.tell("C1", critical=True)
    await house.pass_time(HOUR)
    first, second = await house.stores.deliveries.of_customer("C1")
    assert (first.state, first.code) == (DeliveryState.undelivered, "30003")
    assert (second.state, second.channel) == (DeliveryState.held, "voice")


async def test_what_twilio_does_not_know_either_is_asked_at_longer_intervals_for_a_day(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.server.deliver_to("", after_s=3_600)  # it stays queued for as long as the test lasts
    known = Customer(customer_id="C1", phone="+12025550101", quiet_from=0, quiet_to=0)
    await house.stores.customers.put([known])
    await house.office.tell(message(at=NOW))
    assert await house.pass_time(30 * HOUR) == [30, 60, 120, 240, 480, 960, 1_440]
    record = await house.record()
    assert (record.state, record.reason, record.not_before) == (DeliveryState.sent, NOBODY_SAYS, 0)


async def test_a_message_twilio_has_forgotten_is_not_asked_about_again(house: House) -> None:
    await house.tell("C1")
    house.server.reset()
    assert await house.pass_time(3 * HOUR) == [30]
    record = await house.record()
    assert record.state is DeliveryState.sent
    assert "Twilio refuses" in record.reason


async def test_while_twilio_is_out_of_reach_few_are_asked_about_and_all_are_later(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(confirming, "AT_ONCE", 2)
    names = [f"C{nth}" for nth in range(7)]
    await house.tell(*names)
    house.server.set_faults(Rule("unavailable", method="GET", times=None))
    house.clock.set(NOW + 31 * MINUTE)
    assert await house.confirming.confirm() == 0
    assert house.questions == 2
    house.server.set_faults()
    await house.pass_time(2 * HOUR)
    assert {(await house.record(name)).state for name in names} == {DeliveryState.delivered}


async def test_no_more_are_asked_about_in_a_minute_than_may_be(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confirming, "MOST_A_RUN", 3)
    await house.tell(*(f"C{nth}" for nth in range(5)))
    house.clock.set(NOW + 31 * MINUTE)
    assert [await house.confirming.confirm() for _ in range(3)] == [3, 2, 0]
