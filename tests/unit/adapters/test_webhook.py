"""The webhook of the utility's app: what is asked of it, and what its answers mean."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from contract.channels import SECRET, UtilityApp

from functions.adapters.clocks import SetClock
from functions.adapters.webhook import WebhookNotifier
from functions.domain.customers import Customer
from functions.domain.errors import NotSent
from functions.domain.notifications import IntentKind, Notification

NOW = 1_700_000_000
CUSTOMER = Customer(customer_id="C1", phone="+12025550101", language="fr")
MESSAGE = Notification(
    key="inc:A|C1|é|1", customer_id="C1", incident_id="inc:M1:power_off:5", kind=IntentKind.outage_seen,
    channel="webhook", started_at=NOW, restored_at=None, created_at=NOW,
)  # fmt: skip


@pytest.fixture
def app() -> UtilityApp:
    return UtilityApp()


@pytest.fixture
def notifier(app: UtilityApp) -> Iterator[WebhookNotifier]:
    with app.listening() as url:
        opened = WebhookNotifier(url, SECRET, SetClock(NOW))
        yield opened
        opened.close()


async def test_the_app_gets_what_it_needs_and_no_number(app: UtilityApp, notifier: WebhookNotifier) -> None:
    assert await notifier.send(MESSAGE, CUSTOMER, "Panne") == MESSAGE.key
    assert app.taken == {
        "inc:A|C1|%C3%A9|1": {
            "key": MESSAGE.key, "customer_id": "C1", "incident_id": "inc:M1:power_off:5", "reference": "KISJEU",
            "kind": "outage_seen", "language": "fr", "body": "Panne", "created_at": NOW,
        }
    }  # fmt: skip


async def test_another_secret_is_refused_for_good_and_the_operator_told(
    app: UtilityApp, caplog: pytest.LogCaptureFixture
) -> None:
    with app.listening() as url:
        notifier = WebhookNotifier(url, "another secret", SetClock(NOW))
        with pytest.raises(NotSent) as caught:
            await notifier.send(MESSAGE, CUSTOMER, "Panne")
        notifier.close()
    assert (caught.value.permanent, caught.value.code, app.taken) == (True, "401", {})
    assert "set WEBHOOK_SECRET" in caplog.text


@pytest.mark.parametrize(
    ("header", "wait_s"),
    [
        ("", 5), ("30", 30), ("99999", 3_600), ("soon", 5),
        (format_datetime(datetime.fromtimestamp(NOW + 90, UTC)), 90),
        (format_datetime(datetime.fromtimestamp(NOW - 90, UTC)), 5),
    ],
)  # fmt: skip
@pytest.mark.parametrize("status", [429, 503])
async def test_it_is_waited_for_as_long_as_it_asks(
    app: UtilityApp, notifier: WebhookNotifier, status: int, header: str, wait_s: int
) -> None:
    app.answers, app.headers = [status], {"retry-after": header} if header else {}
    with pytest.raises(NotSent) as caught:
        await notifier.send(MESSAGE, CUSTOMER, "Panne")
    assert (caught.value.permanent, caught.value.retry_after_s) == (False, wait_s)


@pytest.mark.parametrize(("status", "permanent"), [(400, True), (404, True), (410, True), (301, True), (408, False)])
async def test_a_refusal_is_for_good_unless_time_helps(
    app: UtilityApp, notifier: WebhookNotifier, status: int, permanent: bool
) -> None:
    app.answers = [status]
    with pytest.raises(NotSent) as caught:
        await notifier.send(MESSAGE, CUSTOMER, "Panne")
    assert (caught.value.permanent, caught.value.code) == (permanent, str(status))


async def test_nobody_listening_is_tried_again_and_the_address_is_kept() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        notifier = WebhookNotifier(f"http://127.0.0.1:{port}/?key=hidden", SECRET, SetClock(NOW))
        with pytest.raises(NotSent) as caught:
            await notifier.send(MESSAGE, CUSTOMER, "Panne")
        notifier.close()
    assert not caught.value.permanent
    assert "hidden" not in str(caught.value)
