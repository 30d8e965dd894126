from __future__ import annotations

import msgspec

from functions.domain.audit import AuditEntry, Outcome
from functions.ports import Stores

DAY = 86_400


def entry(name: str, at: int = 1_000) -> AuditEntry:
    return AuditEntry(id=name, at=at, by="p1", action="verdict", subject="inc:A", details={"verdict": "confirmed"})


async def test_an_entry_is_read_as_written(stores: Stores) -> None:
    await stores.audit.put(entry("a"))
    assert await stores.audit.entries(0, DAY, 10) == [entry("a")]


async def test_an_entry_is_completed_with_how_it_ended(stores: Stores) -> None:
    done = msgspec.structs.replace(entry("a"), outcome=Outcome.refused, reason="it is closed")
    await stores.audit.put(entry("a"))
    await stores.audit.put(done)
    assert await stores.audit.entries(0, DAY, 10) == [done]


async def test_entries_of_a_period_come_newest_first_over_any_days(stores: Stores) -> None:
    for name, at in (("a", 10), ("b", 3 * DAY), ("c", DAY), ("d", 5 * DAY)):
        await stores.audit.put(entry(name, at))

    found = await stores.audit.entries(10, 5 * DAY, 10)
    assert [each.id for each in found] == ["b", "c", "a"]
    assert [each.id for each in await stores.audit.entries(0, 9 * DAY, 2)] == ["d", "b"]
