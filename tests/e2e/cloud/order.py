"""What a consumer process is told when it starts, and the names that keep one test's data from another's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from functions import names
from functions.ports import Link
from functions.settings import Cloud

PER_WORLD = ("NOTIFICATIONS_QUEUE", "REPORTS_BLOBS", "LETTERS_BLOBS", "CHECKPOINTS_BLOBS")


class Point(msgspec.Struct, frozen=True):
    """Where a process kills itself: at the `nth` write of a name, counted from 1; `*` is every write."""

    name: str
    nth: int
    after: bool


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One life of a consumer."""

    owner: str
    world: str
    cosmos: str
    event_hubs: str
    storage: str
    """Connection strings."""
    output: str
    began: float
    """When, by the machine's clock, the story's clock showed `promise_house.NOW`."""
    alone: bool = True
    """Whether no other consumer lives beside it: then nobody need be waited for."""
    timers: bool = True
    poison: bool = False
    die_at: Point | None = None

    @property
    def cloud(self) -> Cloud:
        """Where the services are."""
        storage = Link(connection=self.storage)
        return Cloud(Link(connection=self.cosmos), Link(connection=self.event_hubs), storage, storage)


@contextmanager
def named_for(world: str) -> Iterator[None]:
    """What is opened meanwhile has the names of this world. A hub cannot be renamed: it has to exist."""
    before = {name: getattr(names, name) for name in PER_WORLD}
    for name, usual in before.items():
        setattr(names, name, f"{usual}-{world}")
    try:
        yield
    finally:
        for name, usual in before.items():
            setattr(names, name, usual)
