"""Rates: how many messages may leave in a minute, over all processes, and who goes first.

Two limits hold at once. Each sender has a token bucket of a minute's depth: a provider queues what a sender cannot send
at once, and with more than a minute's worth before it, an urgent message would wait as long. And all senders together
have a number for each minute, so that a storm does not spend a month's budget. A tenth of both is for critical
customers alone; the rest they share.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec

MINUTE_S = 60
RESERVE = 0.1
"""Share that only critical customers may use."""


class Limits(NamedTuple):
    """What may leave; zero stands for no limit."""

    per_minute: int = 0
    """Messages of all senders in one minute of the clock."""
    per_sender_s: float = 0.0
    """Messages of one sender in a second, on average."""


class Bucket(msgspec.Struct, frozen=True):
    """Tokens of one sender at a moment."""

    tokens: float
    at: int


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """What was spent: the one document of it that all processes share."""

    minute: int = 0
    taken: int = 0
    """In that minute, by all senders."""
    buckets: dict[str, Bucket] = {}
    backlog_until: int = 0
    """Until then, messages of customers who are not critical line up behind those that wait."""
    etag: str | None = None


def grant(
    rates: Rates, limits: Limits, sender: str, *, critical: bool, wanted: int, now: int, waited: bool = False
) -> tuple[Rates, int]:
    """Take up to `wanted` messages for a sender; returns what is left, and how many may leave.

    `waited`: they come from the backlog, and need not line up again.

    >>> rates, granted = grant(Rates(), Limits(per_minute=100), "sms", critical=False, wanted=200, now=0)
    >>> granted, grant(rates, Limits(per_minute=100), "sms", critical=True, wanted=200, now=59)[1]
    (90, 10)
    """
    taken = rates.taken if rates.minute == now // MINUTE_S else 0
    free = wanted if critical or waited or rates.backlog_until <= now else 0
    bucket = rates.buckets.get(sender)
    if limits.per_minute:
        free = min(free, _open(limits.per_minute - taken, limits.per_minute, critical=critical))
    if limits.per_sender_s:
        depth = limits.per_sender_s * MINUTE_S
        bucket = _refilled(bucket, limits.per_sender_s, depth, now)
        free = min(free, _open(bucket.tokens, depth, critical=critical))
        bucket = Bucket(bucket.tokens - max(0, free), now)
    granted = max(0, free)
    buckets = rates.buckets if bucket is None else {**rates.buckets, sender: bucket}
    left = msgspec.structs.replace(rates, minute=now // MINUTE_S, taken=taken + granted, buckets=buckets)
    return left, granted


def _refilled(bucket: Bucket | None, per_s: float, depth: float, now: int) -> Bucket:
    if bucket is None:
        return Bucket(depth, now)
    return Bucket(min(depth, bucket.tokens + per_s * max(0, now - bucket.at)), max(now, bucket.at))


def _open(left: float, depth: float, *, critical: bool) -> int:
    return int(left if critical else left - RESERVE * depth)
