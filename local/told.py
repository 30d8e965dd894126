"""What a run has told customers: by kind, by language, why others were not told, and how one conversation went."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from functions.domain.customers import Customer
from functions.domain.message_report import MessageReport, p50_p95
from functions.domain.messages import Letterhead
from functions.domain.notifications import Delivery, DeliveryState
from functions.ports import Stores

MOST = 1_000_000
OUT = frozenset({DeliveryState.sent, DeliveryState.delivered, DeliveryState.undelivered})


@dataclass(frozen=True)
class Told:
    """What became of all messages of a run."""

    by_kind: dict[str, int]
    by_language: dict[str, int]
    not_told: dict[str, int]
    """Messages that were dropped, by reason."""
    accepted_s: tuple[int, int] | None
    """Median and 95th percentile of the time from a reading's arrival to the channel's acceptance."""
    customer: Customer | None
    conversation: list[tuple[datetime, str]]
    """What one customer was told, by the clock on their wall."""

    def summary(self) -> dict[str, object]:
        """As `summary.json` has it."""
        middle, high = self.accepted_s or (None, None)
        return {
            "messages_by_kind": self.by_kind,
            "messages_by_language": self.by_language,
            "messages_not_told": self.not_told,
            "message_s": {"p50": middle, "p95": high},
        }


async def told(stores: Stores, letterhead: Letterhead, report: MessageReport) -> Told:
    """Look through the records of all messages."""
    records = [each for state in DeliveryState for each in await stores.deliveries.in_state(state, MOST)]
    out = [each for each in records if each.state in OUT]
    customer = await _talkative(stores, out)
    return Told(
        by_kind=_counts(each.kind for each in out),
        by_language=_counts(each.language for each in out),
        not_told=_counts(each.reason for each in records if each.reason and each.state not in OUT),
        accepted_s=p50_p95(report.accepted_s),
        customer=customer,
        conversation=_conversation(out, customer, letterhead.zone(customer)) if customer is not None else [],
    )


async def _talkative(stores: Stores, out: Sequence[Delivery]) -> Customer | None:
    """A known customer of those who were told most."""
    counts = Counter(each.customer_id for each in out)
    for customer_id in sorted(counts, key=lambda each: (-counts[each], each)):
        customer = await stores.customers.read(customer_id)
        if customer is not None:
            return customer
    return None


def _conversation(out: Sequence[Delivery], customer: Customer, zone: ZoneInfo) -> list[tuple[datetime, str]]:
    theirs = sorted((each.sent_at or 0, each.body) for each in out if each.customer_id == customer.customer_id)
    return [(datetime.fromtimestamp(at, zone), body) for at, body in theirs]


def _counts(values: Iterable[str]) -> dict[str, int]:
    return {str(value): count for value, count in Counter(values).most_common()}
