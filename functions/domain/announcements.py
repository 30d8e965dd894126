"""Announcements: what customers are told of planned work, and when.

Those below the asset of an order hear of it two days and two hours before it begins, again when it moves, and when it
is not to be after all. What is known later is told at once. Work that was under way when it was first heard of is an
emergency, and never announced.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import IntEnum

import msgspec

from functions.domain.incidents import Member
from functions.domain.notifications import Intent, IntentKind
from functions.domain.topology import DeviceKind, FeederMap, Place
from functions.domain.work_orders import WorkOrder, WorkOrderStatus

DAYS_AHEAD_S = 48 * 3_600
HOURS_AHEAD_S = 2 * 3_600
MOVED_S = 30 * 60
"""A beginning or an end that moves by no more is no news."""
COMING = frozenset({WorkOrderStatus.planned, WorkOrderStatus.in_progress})
"""Crews may set out before the hour that was told."""


class Stage(IntEnum):
    """How near the work was when customers last heard of it."""

    unheard = 0
    days = 1
    hours = 2


class Word(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to tell about an order, feeder by feeder."""

    kind: IntentKind
    order: WorkOrder
    """The version it speaks of; of a cancellation the one that customers know."""
    feeders: tuple[str, ...]
    done: int = 0
    """How many of these, in their order, were told."""
    at: int
    """When it was begun with."""
    spared: WorkOrder | None = None
    """Whoever is below the asset of this one is not told."""


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """Where the telling of one order stands. Its partition holds its intents as well, so that both change at once."""

    order: WorkOrder
    """As it was heard of last."""
    feeders: tuple[str, ...]
    """On which its asset feeds customers, as the rosters had it then."""
    emergency: bool = False
    told: WorkOrder | None = None
    """The version that customers know of; None where they know of none."""
    told_feeders: tuple[str, ...] = ()
    stage: Stage = Stage.unheard
    revision: int = 0
    """Number of the newest word of it."""
    word: Word | None = None
    """What is being told now."""
    look_at: int | None = None
    """When it is to be looked at again, seconds since the epoch; None when nothing is to come."""
    etag: str | None = None

    @property
    def partition(self) -> str:
        """Where it is stored: no feeder has such an id."""
        return partition_of(self.order.work_order_id)


def partition_of(order_id: str) -> str:
    """The partition of an order's announcement.

    >>> partition_of("WO-1")
    'order:WO-1'
    """
    return f"order:{order_id}"


def heard(known: Announcement | None, order: WorkOrder, feeders: Iterable[str], now: int) -> Announcement | None:
    """The announcement after a version of its order: `known` itself when nothing follows from it."""
    below = tuple(sorted(feeders))
    if known is None:
        emergency = order.status is WorkOrderStatus.in_progress
        fresh = _scheduled(Announcement(order=order, feeders=below, emergency=emergency), now)
        return None if fresh.look_at is None and not emergency else fresh
    if order.updated_at < known.order.updated_at or (order, below) == (known.order, known.feeders):
        return known
    return _scheduled(msgspec.structs.replace(known, order=order, feeders=below), now)


def begun(announcement: Announcement, now: int) -> Announcement:
    """The announcement with what is to be told now, if there is anything, as its `word`."""
    if announcement.word is not None:
        return announcement
    word = _next_word(announcement, now)
    if word is None:
        return _scheduled(announcement, now)
    return msgspec.structs.replace(announcement, word=word, revision=announcement.revision + 1, look_at=now)


def told_next_feeder(announcement: Announcement, now: int) -> Announcement:
    """The announcement after its word was told on the next of its feeders."""
    word = announcement.word
    assert word is not None, f"nothing is being told of work order {announcement.order.work_order_id}"
    if word.done + 1 < len(word.feeders):
        word = msgspec.structs.replace(word, done=word.done + 1)
        return msgspec.structs.replace(announcement, word=word, look_at=now)
    over = word.kind is IntentKind.planned_cancelled
    return _scheduled(
        msgspec.structs.replace(
            announcement,
            word=None,
            told=_still_told(word) if over else word.order,
            told_feeders=() if over and _still_told(word) is None else word.feeders,
            stage=Stage.unheard if over else _stage(word.order, word.at),
        ),
        now,
    )


def intent_of(announcement: Announcement, feeder_id: str, chunks: Sequence[str], now: int) -> Intent:
    """The intent that tells the members of some chunks the word; its id follows from order, revision and feeder."""
    word = announcement.word
    assert word is not None, f"nothing is being told of work order {announcement.order.work_order_id}"
    return Intent(
        id=f"{word.order.work_order_id}:{announcement.revision}:{word.kind}:{feeder_id}",
        kind=word.kind,
        incident_id=word.order.work_order_id,
        revision=announcement.revision,
        feeder_id=announcement.partition,
        chunks=tuple(chunks),
        created_at=now,
        work_start=word.order.start,
        work_end=word.order.end,
    )


def concerned(word: Word, feeder: FeederMap) -> list[Member]:
    """Customers of a feeder to be told a word, each once."""
    spared = {each.meter_id for each in _below(word.spared, feeder)} if word.spared is not None else set()
    members: dict[str, Member] = {}
    for place in _below(word.order, feeder):
        if place.meter_id not in spared and place.customer_id not in members:
            members[place.customer_id] = Member(
                anomaly_id=word.order.work_order_id,
                meter_id=place.meter_id,
                customer_id=place.customer_id,
                transformer_id=place.transformer_id,
                kind="planned",
                start=word.order.start,
            )
    return list(members.values())


def _next_word(announcement: Announcement, now: int) -> Word | None:
    order, known = announcement.order, _known(announcement, now)
    if known is not None:
        if not order.explains:
            return _word(IntentKind.planned_cancelled, known, announcement.told_feeders, now)
        if (order.asset_kind, order.scope, order.asset_id) != (known.asset_kind, known.scope, known.asset_id):
            # Who stays below it hears of it at once, or is in it; if neither, the old hours are off for them as well.
            at_once = _is_to_come(announcement, now) and now >= order.issued_at and _stage(order, now) > Stage.unheard
            spared = order if at_once or now >= order.start else None
            return _word(IntentKind.planned_cancelled, known, announcement.told_feeders, now, spared=spared)
        moved = max(abs(order.start - known.start), abs(order.end - known.end)) > MOVED_S
        if moved and order.status in COMING and now < order.end:
            return _word(IntentKind.planned_changed, order, announcement.feeders, now)
    stage = announcement.stage if known is not None else Stage.unheard
    if _is_to_come(announcement, now) and now >= order.issued_at and _stage(order, now) > stage:
        return _word(IntentKind.planned_ahead, order, announcement.feeders, now)
    return None


def _word(
    kind: IntentKind, order: WorkOrder, feeders: Sequence[str], now: int, *, spared: WorkOrder | None = None
) -> Word | None:
    return Word(kind=kind, order=order, feeders=tuple(feeders), at=now, spared=spared) if feeders else None


def _still_told(off: Word) -> WorkOrder | None:
    """What those below the new asset know of work that has begun: of what is to come they are told anew."""
    stays = off.spared
    if stays is None or off.at < stays.start:
        return None
    return msgspec.structs.replace(stays, start=off.order.start, end=off.order.end)


def _known(announcement: Announcement, now: int) -> WorkOrder | None:
    """What customers expect still; of work whose hours have passed they expect nothing."""
    told = announcement.told
    return told if told is not None and now < told.end else None


def _is_to_come(announcement: Announcement, now: int) -> bool:
    return announcement.order.status in COMING and not announcement.emergency and now < announcement.order.start


def _stage(order: WorkOrder, now: int) -> Stage:
    if now >= order.start - HOURS_AHEAD_S:
        return Stage.hours
    return Stage.days if now >= order.start - DAYS_AHEAD_S else Stage.unheard


def _scheduled(announcement: Announcement, now: int) -> Announcement:
    """The same with the moment at which something becomes due."""
    moment: int | None = None
    if announcement.word is not None or _next_word(announcement, now) is not None:
        moment = now
    elif _is_to_come(announcement, now):
        order = announcement.order
        coming = (order.issued_at, order.start - DAYS_AHEAD_S, order.start - HOURS_AHEAD_S)
        moment = min((each for each in coming if each > now), default=None)
    return msgspec.structs.replace(announcement, look_at=moment)


def _below(order: WorkOrder, feeder: FeederMap) -> Iterable[Place]:
    """Places of a feeder that an order takes out of service."""
    if order.asset_kind.value == DeviceKind.substation:
        return [each for each in feeder.places.values() if each.substation_id == order.asset_id]
    if order.feeder_id != feeder.feeder_id:
        return []
    meters = feeder.meters_below(order.asset_kind.value, order.asset_id)
    return [feeder.places[meter] for meter in meters if meter in feeder.places]
