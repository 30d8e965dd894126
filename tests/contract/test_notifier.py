"""Channels: a message is handed over once; what was refused may go again, and what nobody knows is looked for."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from channels import CHANNELS, Channel
from emulators.twilio import TwilioServer
from emulators.twilio.faults import Rule

from functions.domain.errors import NotSent, Unknown
from functions.domain.notifications import Customer, Delivery, DeliveryState, IntentKind, Notification
from functions.domain.status_reports import ProviderStatus
from functions.ports import Traceable

CUSTOMER = Customer(customer_id="C1", phone="+12025550101", language="es", critical=True)
BODY = "Se fue la luz <en> su zona & trabajamos en ello. Ref KISJEU"
HEARD = {"voice": "Se fue la luz &lt;en&gt; su zona &amp; trabajamos en ello. Ref KISJEU"}
ASKABLE = [name for name in CHANNELS if name != "webhook"]


@pytest.fixture(scope="module")
def server() -> Iterator[TwilioServer]:
    with TwilioServer() as running:
        yield running


@pytest.fixture
def channel(request: pytest.FixtureRequest, tmp_path: Path, server: TwilioServer) -> Iterator[Channel]:
    with CHANNELS[request.param](tmp_path, server) as opened:
        yield opened


every_channel = pytest.mark.parametrize("channel", CHANNELS, indirect=True)


def notification(name: str, key: str = "inc:A|C1|outage_seen|1") -> Notification:
    return Notification(
        key=f"{key}|{name}", customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen, channel=name,
        started_at=0, restored_at=None, created_at=int(time.time()),
    )  # fmt: skip


def claim(channel: Channel, body: str = BODY, to: str = CUSTOMER.phone, age_s: int = 0) -> Delivery:
    message = notification(channel.notifier.name)
    return Delivery(
        key=message.key, customer_id="C1", incident_id="inc:A", kind=message.kind, channel=message.channel,
        state=DeliveryState.claimed, body=body, claimed_at=int(time.time()) - age_s, to=to,
    )  # fmt: skip


async def send(channel: Channel, body: str = BODY) -> str:
    return await channel.notifier.send(notification(channel.notifier.name), CUSTOMER, body)


def arrived(channel: Channel) -> list[str]:
    expected = HEARD.get(channel.notifier.name, BODY)
    found = channel.arrived()
    assert all(expected in each for each in found)
    return found


@every_channel
async def test_a_message_arrives_once_with_its_words(channel: Channel) -> None:
    reference = await send(channel)
    assert reference
    assert len(arrived(channel)) == 1


@every_channel
async def test_what_was_refused_has_not_arrived_and_may_go_again(channel: Channel) -> None:
    channel.refuse()
    with pytest.raises(NotSent) as caught:
        await send(channel)
    assert not caught.value.permanent
    assert arrived(channel) == []
    await send(channel)
    assert len(arrived(channel)) == 1


@pytest.mark.parametrize("channel", ["sms", "voice", "webhook"], indirect=True)
async def test_what_is_refused_for_good_says_so_with_the_code_and_without_the_number(channel: Channel) -> None:
    assert channel.forbid is not None
    channel.forbid()
    with pytest.raises(NotSent) as caught:
        await send(channel)
    assert (caught.value.permanent, caught.value.code) == (
        True,
        "400" if channel.notifier.name == "webhook" else "21211",
    )
    assert CUSTOMER.phone not in str(caught.value)
    assert caught.value.__cause__ is None
    assert arrived(channel) == []


@pytest.mark.parametrize("loss", range(3))
@pytest.mark.parametrize("channel", ["sms", "voice"], indirect=True)
async def test_what_arrived_unheard_is_unknown_and_is_found(channel: Channel, loss: int) -> None:
    claimed = claim(channel)
    channel.lose[loss]()
    with pytest.raises(Unknown) as caught:
        await send(channel)
    assert CUSTOMER.phone not in str(caught.value)
    assert await channel.notifier.find(claimed) is not None
    assert len(arrived(channel)) == 1


@pytest.mark.parametrize("channel", ASKABLE, indirect=True)
async def test_what_was_sent_is_found_by_its_reference(channel: Channel) -> None:
    claimed = claim(channel)
    assert await channel.notifier.find(claimed) is None
    reference = await send(channel)
    assert await channel.notifier.find(claimed) == reference


@pytest.mark.parametrize("channel", ["webhook"], indirect=True)
async def test_a_channel_with_keys_takes_a_repeated_message_once(channel: Channel) -> None:
    channel.lose[0]()
    with pytest.raises(NotSent) as caught:
        await send(channel)
    assert not caught.value.permanent
    assert await channel.notifier.find(claim(channel)) is None
    await send(channel)
    await send(channel)
    assert len(arrived(channel)) == 1


@pytest.mark.parametrize("channel", ["sms"], indirect=True)
async def test_other_words_another_number_or_an_older_message_are_not_it(channel: Channel) -> None:
    await send(channel)
    assert await channel.notifier.find(claim(channel, "Vuelve la luz. Ref KISJEU")) is None
    assert await channel.notifier.find(claim(channel, to="+12025550199")) is None
    assert await channel.notifier.find(claim(channel, age_s=-3_600)) is None


@pytest.mark.parametrize("channel", ["sms", "voice"], indirect=True)
async def test_a_customer_without_a_number_is_refused_for_good(channel: Channel) -> None:
    with pytest.raises(NotSent, match="C9 has no number") as caught:
        await channel.notifier.send(notification("sms"), Customer(customer_id="C9"), BODY)
    assert caught.value.permanent
    assert channel.arrived() == []
    assert await channel.notifier.find(claim(channel, to="")) is None


@pytest.mark.parametrize("channel", ["sms", "voice"], indirect=True)
async def test_what_became_of_a_message_is_told_by_its_reference(channel: Channel, server: TwilioServer) -> None:
    server.set_faults(Rule("undelivered", code=30006))
    assert isinstance(channel.notifier, Traceable)
    unanswered, arrives = await send(channel), await send(channel)
    server.wait()

    async def said(reference: str) -> ProviderStatus:
        assert isinstance(channel.notifier, Traceable)
        return await channel.notifier.status(msgspec.structs.replace(claim(channel), reference=reference))

    sms = channel.notifier.name == "sms"
    assert await said(unanswered) == (("undelivered", "30006") if sms else ("no-answer", ""))
    assert await said(arrives) == ("delivered" if sms else "completed", "")
    with pytest.raises(NotSent) as caught:
        await said(arrives[:2] + "0" * 32)
    assert caught.value.permanent
    server.set_faults(Rule("error", method="GET"))
    with pytest.raises(NotSent) as caught:
        await said(arrives)
    assert not caught.value.permanent
