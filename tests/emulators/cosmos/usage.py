"""What was asked of the server, and what it would have cost."""

from __future__ import annotations

from collections import Counter

from emulators.cosmos.messages import Route

NO_CONTAINER = "(account)"


class Usage:
    """Requests and request units by container and operation; containers of one name in two databases are one."""

    def __init__(self) -> None:
        self._requests: Counter[tuple[str, str]] = Counter()
        self._units: Counter[tuple[str, str]] = Counter()

    def count(self, route: Route) -> None:
        """One request arrived."""
        self._requests[_key(route)] += 1

    def charge(self, route: Route, units: float) -> None:
        """One request was answered, for `units` RU."""
        self._units[_key(route)] += units  # type: ignore[assignment]  # a Counter adds up floats as well

    def report(self) -> dict[str, dict[str, dict[str, float]]]:
        """`requests` and `ru`, each by container and operation."""
        return {"requests": _nested(self._requests), "ru": _nested(self._units)}


def _key(route: Route) -> tuple[str, str]:
    return route.container or NO_CONTAINER, route.operation


def _nested(counts: Counter[tuple[str, str]]) -> dict[str, dict[str, float]]:
    nested: dict[str, dict[str, float]] = {}
    for (container, operation), count in counts.items():
        nested.setdefault(container, {})[operation] = round(count, 4)
    return nested
