"""The console channel: a message that was interrupted is looked for in the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from functions.adapters.json_lines import JsonLinesNotifier
from functions.domain.errors import NotSent
from functions.domain.notifications import Customer, Delivery, DeliveryState, IntentKind, Notification

MESSAGE = Notification(
    key="inc:A|C1|outage_seen|console", customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen,
    channel="console", started_at=0, restored_at=None, created_at=0,
)  # fmt: skip
CLAIM = Delivery(
    key=MESSAGE.key, customer_id="C1", incident_id="inc:A", kind=IntentKind.outage_seen, channel="console",
    state=DeliveryState.claimed, body="dark", claimed_at=0,
)  # fmt: skip


async def test_a_sent_message_is_found_and_another_is_not(tmp_path: Path) -> None:
    channel = JsonLinesNotifier(tmp_path / "out" / "notifications.jsonl")
    assert await channel.find(CLAIM) is None
    reference = await channel.send(MESSAGE, Customer(customer_id="C1", phone="+15550100"), "dark")
    assert await channel.find(CLAIM) == reference
    assert "+15550100" not in (tmp_path / "out" / "notifications.jsonl").read_text()


async def test_a_line_cut_short_by_a_crash_was_not_sent(tmp_path: Path) -> None:
    path = tmp_path / "notifications.jsonl"
    channel = JsonLinesNotifier(path)
    await channel.send(MESSAGE, Customer(customer_id="C1"), "dark")
    path.write_bytes(path.read_bytes()[:-10])
    assert await channel.find(CLAIM) is None


async def test_a_file_that_cannot_be_read_is_asked_for_again(tmp_path: Path) -> None:
    channel = JsonLinesNotifier(tmp_path / "notifications.jsonl")
    (tmp_path / "notifications.jsonl").unlink()
    with pytest.raises(NotSent, match="cannot be read"):
        await channel.find(CLAIM)
