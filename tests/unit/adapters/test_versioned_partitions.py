"""Partitions read by their version: what was read while somebody wrote is not kept, and copies do not grow for ever."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from functions.adapters.cosmos.versioned import _VERSION, REACH_S, VersionedPartitions

DAY_S = 86_400


class Container:
    """Two pages of a document each; a write may land between them."""

    def __init__(self) -> None:
        self.documents = {
            "WO-1": {"id": "WO-1", "end": 10, "status": "planned", "_etag": "a1"},
            _VERSION: {"id": _VERSION, "end": 99, "_etag": "v1"},
        }
        self.between: Callable[[], None] | None = None
        self.asked: list[object] = []

    async def read(self, partition: str, name: str) -> dict[str, object] | None:
        found = self.documents.get(name)
        return None if found is None else dict(found)

    async def query(self, text: str, values: dict[str, object], partition: str) -> AsyncIterator[dict[str, object]]:
        self.asked.append(next(iter(values.values())))
        for name in ("WO-1", _VERSION):
            yield dict(self.documents[name])
            if self.between is not None:
                self.between()
                self.between = None

    def cancel(self) -> None:
        self.documents["WO-1"].update(status="cancelled", _etag="a2")
        self.documents[_VERSION]["_etag"] = "v2"


async def test_what_was_read_while_somebody_wrote_is_not_kept() -> None:
    container = Container()
    partitions = VersionedPartitions(container)  # type: ignore[arg-type]
    container.between = container.cancel
    read = [[each["status"] for each in await partitions.ending("F", 0)] for _ in range(3)]
    assert read == [["planned"], ["cancelled"], ["cancelled"]]
    assert len(container.asked) == 2


async def test_a_copy_of_a_process_that_runs_for_months_reaches_back_no_further_than_needed() -> None:
    container = Container()
    partitions = VersionedPartitions(container)  # type: ignore[arg-type]
    for day in (0, 30, 400):
        container.documents[_VERSION]["_etag"] = f"v{day}"
        await partitions.ending("F", day * DAY_S)
    assert container.asked == [0, 0, 400 * DAY_S - REACH_S]
