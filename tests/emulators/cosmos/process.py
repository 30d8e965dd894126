"""The server as a process of its own, for tests."""

from __future__ import annotations

from typing import Any

from emulators.cosmos.authorization import KEY
from emulators.server_process import ServerProcess


class CosmosServer(ServerProcess):
    """`with CosmosServer() as server:` runs a server; `url` and `key` are what a client needs.

    The methods are for tests to steer it and to look at what it did; see `control`.
    """

    MODULE = "emulators.cosmos"
    key = KEY

    def clear_faults(self) -> None:
        """No more faults."""
        self._order("DELETE", "faults")

    def usage(self) -> dict[str, Any]:
        """`requests` and `ru` by container and operation, and `faults` with how often each `struck`."""
        report: dict[str, Any] = self._order("GET", "usage")
        return report

    def struck(self) -> list[int]:
        """How often each rule in force struck, in their order."""
        return [rule["struck"] for rule in self.usage()["faults"]]
